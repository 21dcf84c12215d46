import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest

from core import data, paths
from core.analysis.evaluation import evaluate
from core.jobs import Job
from core.landscape import line
from core.landscape.job import LANDSCAPES, landscape_job
from core.landscape.study import Result, Study, Track, compute
from core.models.checkpoints import Checkpoint, load_parameters, save_checkpoint, save_parameters
from core.runs.service import Service
from core.runs.store import Run
from core.training.config import RunConfig
from core.training.network import Network, to_flat
from core.training.trainer import Trainer
from dashboard import lab
from dashboard.colors import OPTIMIZER_COLORS
from dashboard.components.player.landscape import scene_of, waiting_scene
from dashboard.views.landscape import address, items, live, new_runs, plots, sharpness
from dashboard.views.landscape.document import document
from dashboard.views.landscape.ready import PATH, ready
from dashboard.words import loss, percent, run_line
from tests.dashboard.conftest import page_of, text, wait_for_runs
from tests.waiting import wait_for


@pytest.fixture
def page(service) -> AppTest:
    return page_of("landscape")


def track(name: str, seed: int) -> Track:
    """Three points from the same first weights towards another network."""
    start, end = to_flat(Network(0)), to_flat(Network(seed))
    points = torch.stack([start, start + 0.4 * (end - start), end])
    curve = np.array([[0.5, 1.0], [2.0, np.inf]])
    return Track(f"run:{seed}", f"#{seed} {name}", {"optimizer": name}, np.array([0, 5, 10]), np.array([0, 0.5, 1]),
                 points, start, curve)  # fmt: skip


@pytest.fixture(scope="module")
def results() -> list[Result]:
    tracks = [track("adam", 1), track("adam", 2)]
    model = Track("model:m", "m", {}, np.zeros(1, np.int64), np.zeros(1), to_flat(Network(3))[None])
    study = Study("pca", ("run:1", "run:2", "model:m"), size=25, images=20)
    return list(compute(study, [*tracks, model], data.load()))


def unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def test_without_runs_there_is_one_button_that_races(page: AppTest) -> None:
    page.run()
    assert not page.exception and not page.error
    assert page.button[-1].label == "Race three optimizers and see their landscape"
    # And a picture at once, that of the lab's own race.
    assert "SGD, Adagrad, Adam, 3 epochs each" in text(page)
    assert "of the movement" in text(page)


def test_the_picture_that_ships_is_of_the_race_that_the_page_offers() -> None:
    result = ready()
    assert result and result.done and result.grid is not None
    assert [path.about["optimizer"] for path in result.paths] == list(new_runs.RACERS)
    assert [path.epochs[-1] for path in result.paths] == [new_runs.EPOCHS] * 3
    assert result.grid.loss.shape == (51, 51) and 0.5 < result.baseline < result.explained < 1
    # The three begin with the same weights, whose loss is known; they end well.
    digits = result.study.digits(data.load())
    first = evaluate(Network(0), digits).loss
    assert [float(path.true[0]) for path in result.paths] == pytest.approx([first] * 3, rel=1e-4)
    assert min(float(path.accuracy[-1]) for path in result.paths) > 0.95
    assert scene_of(result, 1)["n"] == 51
    assert PATH.stat().st_size < 100_000


def test_a_link_to_what_is_not_there_is_an_invitation(page: AppTest) -> None:
    page.query_params["items"] = "run:none,model:none"
    page.query_params["plane"] = "round"
    page.run()
    assert not page.exception and not page.error
    assert "Race three optimizers" in page.button[0].label
    assert [info.value for info in page.info] == ["This link names 1 run and 1 model that this lab does not have."]


def test_what_a_link_names_and_is_gone_is_said_until_another_choice(page: AppTest, service) -> None:
    page.query_params["items"] = "run:none,model:untrained,run:gone"
    page.query_params["plane"] = "random"
    for _ in range(2):
        page.run()
        assert not page.exception and not page.error
        assert page.info[0].value == "This link names 2 runs that this lab does not have."
    page.session_state[address.key("items")] = []
    page.run()
    assert not page.info


def test_too_many_images_get_one_sentence(page: AppTest, service, monkeypatch) -> None:
    monkeypatch.setattr(items, "choices", lambda: {"model:untrained": "Model untrained"})
    page.session_state[address.key("items")] = ["model:untrained"]
    page.session_state[address.key("images")] = "10001"
    page.run()
    assert not page.exception
    assert [error.value for error in page.error] == [
        "Images must be a whole number from 1 to 10000; you entered 10001."
    ]


def test_a_line_needs_two(page: AppTest, service) -> None:
    page.session_state[address.key("items")] = ["model:untrained"]
    page.session_state[address.key("plane")] = "line"
    page.query_params["plane"] = "line"
    page.run()
    assert [error.value for error in page.error] == [r"This plane needs 2 runs or models\; you chose 1\."]
    assert page.query_params == {"plane": "line", "items": "model:untrained"}


def test_the_visitors_way_back_shows_what_its_address_says(
    page: AppTest, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.query_params.update(plane="line", size="25", items="model:untrained")
    assert page.run().selectbox(key=address.key("plane")).value == "line"
    page.query_params.clear()
    page.query_params.update(items="model:untrained", images="99999")
    # A drawing by the clock brings the former address at times, and keeps what the session has.
    assert page.run().selectbox(key=address.key("plane")).value == "line"
    reset = ScriptRunContext.reset
    monkeypatch.setattr(
        ScriptRunContext, "reset", lambda *a, **named: reset(*a, **named | {"is_history_navigation": True})
    )
    page.query_params.clear()
    page.query_params.update(items="model:untrained", images="99999")
    page.run()
    assert page.selectbox(key=address.key("plane")).value == "pca"
    assert page.selectbox(key=address.key("size")).value == "51"
    assert page.query_params == {"items": "model:untrained", "images": "99999"}


def test_a_line_with_three_chosen_asks_which_two(page: AppTest, service, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (4, 5):
        save_parameters(Network(seed), paths.models() / f"other{seed}.safetensors", {})
    studies: list[Study] = []
    monkeypatch.setattr(items, "job", lambda study: studies.append(study) or landscape_of(service, study))
    page.query_params.update(plane="line", items="model:untrained,model:other4,model:other5", images="20")
    page.run()
    assert not page.exception and not page.error
    which = page.multiselect(key=address.key("through"))
    assert which.label == "Line from, and to: 2 of the 3 chosen"
    assert which.value == ["model:untrained", "model:other4"]
    which.set_value(["model:other5", "model:untrained"]).run()
    assert [item.partition("@")[0] for item in studies[-1].items] == ["model:other5", "model:untrained"]
    assert page.query_params["through"] == "model:other5,model:untrained"
    assert page.query_params["items"] == "model:untrained,model:other4,model:other5"
    # One alone is no line; and a plane with room for all asks nothing.
    page.multiselect(key=address.key("through")).set_value(["model:other4"]).run()
    assert [error.value for error in page.error] == [r"This plane needs 2 runs or models\; you chose 1\."]
    page.selectbox(key=address.key("plane")).set_value("three").run()
    assert len(studies[-1].items) == 3 and "through" not in page.query_params


def landscape_of(service, study: Study):
    return landscape_job(service.jobs, study, paths.home() / "landscapes", items.gather, data.load)


def test_the_wait_shows_every_run_that_it_is_for(page: AppTest, service, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[int, int]] = []

    def note(runs: list[Run], invitation: str, key: str, lines: Sequence[Any] = ()) -> None:
        drawn.append((len(runs), len(lines)))

    monkeypatch.setattr("dashboard.run_curves.live_chart", note)
    ids = service.submit_group([RunConfig(epochs=1, batch_size=4096, seed=6, lr=lr) for lr in (0.001, 0.01)])
    page.query_params.update(items=",".join(f"run:{run_id}" for run_id in ids), images="50", size="25")
    # While they train, then while they are replayed.
    monkeypatch.setattr(items, "run_of", lambda item: replace(service.run(item[4:].partition("@")[0]), state="running"))
    page.run()
    assert not page.exception and "of 2 runs trained" in text(page)
    assert drawn == [(2, 2)]
    wait_for_runs(service, ids)
    monkeypatch.undo()
    monkeypatch.setattr("dashboard.run_curves.live_chart", note)
    study = Study("pca", tuple(items.pinned(f"run:{run_id}") for run_id in ids), images=50, size=25)
    unstarted = Job(service.jobs, LANDSCAPES, "never", lambda report: None, None)
    monkeypatch.setattr(Job, "start", lambda job: None)
    monkeypatch.setattr(items, "job", lambda asked: unstarted if asked == study else None)
    monkeypatch.setattr("streamlit.rerun", lambda: None)
    page.run()
    assert not page.exception and drawn == [(2, 2), (2, 2)]


def test_an_item_is_pinned_to_its_content(service) -> None:
    pinned = items.pinned("model:untrained")
    assert pinned.startswith("model:untrained@") and items.pinned("model:untrained") == pinned
    with pytest.raises(ValueError, match=r"items must be runs and models that the lab has, got model:\.\./x"):
        items.pinned("model:../x")


def test_a_model_is_a_track_of_one_point(service) -> None:
    study = Study("random", (items.pinned("model:untrained"),))
    (found,) = items.gather(study, lambda share: None)
    assert torch.equal(found.points, to_flat(Network(seed=3))[None])
    assert found.label == "untrained" and found.start is None


def test_the_scene_has_the_grid_the_paths_and_a_colour_for_each(results: list[Result]) -> None:
    scene = scene_of(results[-1], 4)
    assert scene["n"] == 25 and not scene["stage"]
    np.testing.assert_allclose(unpacked(scene["loss"]).reshape(25, 25), results[-1].grid.loss, rtol=1e-6)
    one, two, model = scene["paths"]
    # Both are Adam's: the second one gets a colour of its own.
    assert one["color"] == OPTIMIZER_COLORS["adam"] != two["color"]
    assert model["model"] and not one["model"]
    epochs, a = unpacked(one["points"]).reshape(7, 3)[:2]
    assert epochs.tolist() == [0, 0.5, 1]
    np.testing.assert_allclose(a, results[-1].paths[0].a, rtol=1e-5)
    # What is infinite becomes a gap.
    assert np.isnan(unpacked(one["curve"])[-1])


def test_before_the_first_grid_the_paths_are_there(results: list[Result]) -> None:
    scene = scene_of(results[0], 1, "Computing the loss", 0.0)
    assert scene["n"] == 2 and scene["stage"] == "Computing the loss"
    x_low, x_high, _, _ = scene["domain"]
    a = results[0].paths[0].a
    assert x_low < a.min() and a.max() < x_high
    assert waiting_scene("Replaying the runs", 0.5) == {"stage": "Replaying the runs", "share": 0.5}


def test_the_standalone_page_needs_nothing_else(results: list[Result]) -> None:
    html = document(results[-1], "light")
    assert "plotly.js v" in html and 'class="surface-player landscape waiting"' in html
    assert "<script src" not in html and "<link" not in html
    ends = [(path.label, loss(path.true[-1]), percent(path.accuracy[-1])) for path in results[-1].paths]
    assert all(
        f'<th scope="row">{label}</th><td>{end}</td>' in html and f"<td>{share}</td>" in html
        for label, end, share in ends
    )
    assert "<dt>Grid</dt><dd>25 x 25</dd>" in html


def test_the_line_marks_both_ends() -> None:
    study = Study("line", ("run:1", "run:2"), images=20)
    *_, result = compute(study, [track("adam", 1), track("sgd", 2)], data.load())
    figure = plots.along_line(result)
    assert [shape.x0 for shape in figure.layout.shapes] == [0, 1]
    assert [note.text for note in figure.layout.annotations] == ["#1 adam", "#2 sgd"]
    assert len(figure.data[0].y) == len(figure.data[1].y) == 121
    html = document(result, "dark")
    assert "<title>Loss and accuracy along a line</title>" in html and 'class="still-figure"' in html
    assert "<dt>Grid</dt>" not in html


@pytest.fixture(scope="module")
def run(service) -> Run:
    """A short run, trained by the lab."""
    run_id = service.submit(RunConfig(epochs=1, batch_size=4096, seed=5))
    found: Run = wait_for(lambda: service.run(run_id), lambda run: run.over)
    assert found.state == "finished"
    return found


@pytest.mark.parametrize(("epoch", "words"), [(0.0043, "0.0043"), (0.0, "0.00"), (0.37, "0.37"), (12.0, "12.00")])
def test_sharpness_names_its_epoch(epoch: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sharpness, "measure", lambda *_: SimpleNamespace(value=20.0, converged=True, largest_stable_rate=0.1)
    )
    path: Any = SimpleNamespace(
        item="run:a", label="Adam", about="of it", steps=np.array([7]), epochs=np.array([epoch])
    )
    assert sharpness._row(path, 0, "mse") == f"| Adam | {words} | 20 | 0.1 |"


def test_a_replayed_run_ends_in_the_very_parameters_that_the_run_saved(service, run: Run) -> None:
    study = Study("pca", (items.pinned(f"run:{run.id}"),))
    told: list[float] = []
    (found,) = items.gather(study, told.append)
    saved, _ = load_parameters(service.parameters_file(run.id))
    assert torch.equal(found.points[-1], to_flat(saved))
    assert torch.equal(found.points[0], to_flat(Network(seed=5))) and torch.equal(found.start, found.points[0])
    assert found.steps[-1] == 12 and found.epochs[-1] == 1.0 and found.about["note"] == ""
    # The run's own curve: each of its twelve steps.
    np.testing.assert_allclose(found.curve[0], np.arange(12) / 12)
    assert found.curve[1, 0] > found.curve[1, -1]
    assert items.choices()[f"run:{run.id}"] == run_line(run) == f"#{run.number} Adam · rate 0.001 · batch 4096"
    assert items.default_items() == [f"run:{run.id}"]


def test_the_first_choice_is_of_runs_that_learned_something(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(name: str, accuracy: float | None, **settings: Any) -> Run:
        return replace(run, id=name, config=RunConfig(**settings), test_accuracy=None, validation_accuracy=accuracy)

    newest_first = [
        other("diverged", 0.0974, optimizer="sgd", lr=5),
        other("adam", 0.96),
        other("other weights", 0.97, optimizer="adamax", seed=1),
        other("stopped at once", None, optimizer="nadam"),
        other("older adam", 0.97),
        other("sgd", 0.9, optimizer="sgd"),
    ]
    monkeypatch.setattr(lab.service(), "runs", lambda limit: newest_first)
    assert sorted(items.default_items()) == ["run:adam", "run:sgd"]


def test_the_page_opens_the_newest_run(page: AppTest, run: Run) -> None:
    page.query_params["images"] = "50"
    page.query_params["size"] = "25"
    page.run()
    assert not page.exception and not page.error
    assert page.query_params["items"] == f"run:{run.id}"
    assert items.job(Study("pca", (items.pinned(f"run:{run.id}"),), images=50, size=25)).status().failure == ""


def test_sharpness_of_a_run_and_of_a_model(run: Run) -> None:
    at_start, at_end = (sharpness.measure(items.pinned(f"run:{run.id}"), step, "cross_entropy") for step in (0, 12))
    assert at_end.converged and at_end.value > 0 and at_end.value != at_start.value
    assert sharpness.measure(items.pinned("model:untrained"), 0, "cross_entropy").value > 0


def test_what_cannot_be_measured_any_more_gets_one_sentence(page: AppTest, run: Run, monkeypatch) -> None:
    def gone(*_: object) -> None:
        raise ValueError("The run cannot be replayed.")

    monkeypatch.setattr(sharpness, "measure", gone)
    page.query_params.update(images="50", size="25", items=f"run:{run.id}")
    page.session_state[sharpness.MOMENTS] = [sharpness.END]
    items.job(Study("pca", (items.pinned(f"run:{run.id}"),), images=50, size=25)).wait()
    page.run()
    assert not page.exception
    assert [error.value for error in page.error] == [r"The run cannot be replayed\."]


def test_a_run_to_watch_starts_from_the_first_runs_weights(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = replace(run, config=replace(run.config, seed=7, initialization="he"))
    monkeypatch.setattr(items, "run_of", lambda item: first if item == "run:1" else None)
    start = track("adam", 1)
    for names, given in (
        (["model:m"], {"seed": 0, "initialization": "glorot"}),
        (["model:m", "run:1"], {"seed": 7, "initialization": "he"}),
    ):
        study = Study("random", tuple(names), size=25, images=1)
        result = next(compute(study, [replace(start, item=name) for name in names], data.load()))
        assert live._start_of(result) == given


def test_a_whole_model_is_a_track_too(service, run: Run) -> None:
    trainer = Trainer(run.config)
    save_checkpoint(paths.models() / "whole.safetensors", Checkpoint(run.config, trainer.state(), {}))
    (found,) = items.gather(Study("random", (items.pinned("model:whole"),)), lambda share: None)
    assert torch.equal(found.points[0], to_flat(Network(seed=5)))


def test_a_live_runs_places_are_those_of_its_checkpoints(run: Run, monkeypatch) -> None:
    start, ahead = to_flat(Network(5)), to_flat(Network(6))
    plane = line(start, ahead)
    monkeypatch.setattr(live, "watched", lambda: run)
    monkeypatch.setattr(live.st, "session_state", {})
    monkeypatch.setattr(items, "live_point", lambda _: None)
    assert live.marker(plane, "one") == {"color": OPTIMIZER_COLORS["adam"], "a": [0.0], "b": [0.0], "distance": [0.0]}
    monkeypatch.setattr(items, "live_point", lambda _: (7, start + 0.25 * (ahead - start)))
    for _ in range(2):
        assert live.marker(plane, "one")["a"] == pytest.approx([0.0, 0.25], abs=1e-5)
    # On another plane all its places are others.
    assert live.marker(line(ahead, start), "two")["a"] == pytest.approx([1.0, 0.75], abs=1e-5)


def test_a_live_point_is_the_newest_checkpoints(service, run: Run, tmp_path: Path, monkeypatch) -> None:
    trainer = Trainer(run.config)
    save_checkpoint(tmp_path / "c.safetensors", Checkpoint(run.config, trainer.state(), {}))
    monkeypatch.setattr(service, "checkpoint_file", lambda _: tmp_path / "c.safetensors")
    step, point = items.live_point(run)
    assert step == 0 and torch.equal(point, to_flat(Network(5)))
    monkeypatch.setattr(service, "checkpoint_file", lambda _: None)
    assert items.live_point(run) is None
