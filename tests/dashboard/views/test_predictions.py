import json
import re
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core import data, paths
from core.analysis.report import Report, report
from core.jobs import Jobs
from core.jobs import Report as JobReport
from core.models import checkpoints
from core.runs.service import Service
from core.runs.trajectories import REPLAYS, Trajectory
from core.training.config import RunConfig
from core.training.network import Network, from_flat
from dashboard import lab
from dashboard.views.predictions.gallery import parse_numbers
from dashboard.views.predictions.pictures import scores
from dashboard.words import literal
from tests.dashboard.conftest import open_page, page_of
from tests.waiting import LIMIT, wait_for


@pytest.fixture(scope="module")
def network(service: Service, trained: Network) -> Network:
    """A trained network, saved as ``trained`` beside the untrained one."""
    checkpoints.save_parameters(trained, paths.models() / "trained.safetensors", {})
    return trained


@pytest.fixture(scope="module")
def truth(network: Network) -> Report:
    return report(network, data.load().test)


@pytest.fixture
def page(network: Network) -> AppTest:
    return page_of("predictions", model="trained")


def picture(page: AppTest, key: str) -> str:
    """The HTML that one of the page's pictures shows."""
    assert not page.exception
    for element in page.get("bidi_component"):
        if element.proto.id.endswith(f"-{key}"):
            return json.loads(element.proto.json)["html"]
    raise AssertionError(f"no picture {key}")


def shown_digits(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'data-value="(\d+)"', html)]


def test_the_figures_are_the_reports(page: AppTest, truth: Report) -> None:
    html = picture(page.run(), "overview")
    low, high = truth.interval
    for figure in (
        f"{100 * truth.evaluation.accuracy:.2f}%",
        f"{100 * low:.2f} to {100 * high:.2f}%",
        f"<b>{truth.mistakes}</b>",
        f"{truth.evaluation.loss:.4f}",
        f"{100 * truth.calibration.error:.2f}%",
    ):
        assert figure in html


def test_the_matrix_begins_with_the_most_frequent_mistake(page: AppTest, truth: Report) -> None:
    page.run()
    wrong = truth.confusion - truth.confusion.diag().diag()
    label, answer = divmod(int(wrong.argmax()), 10)
    assert (page.selectbox(key="p-true").value, page.selectbox(key="p-said").value) == (label, answer)
    numbers = shown_digits(picture(page, "cell"))
    assert len(numbers) == min(24, int(wrong.max()))
    labels, answers = data.load().test.labels, truth.evaluation.predictions
    assert all(labels[n] == label and answers[n] == answer for n in numbers)


def test_a_class_never_predicted_has_no_precision() -> None:
    digits = data.load().test[:500]
    network = Network(0)
    with torch.no_grad():
        network[2].bias[:] = torch.tensor([100.0] + [0.0] * 9)
    found = report(network, digits)
    assert scores(found.scores, found.confusion).count("<td>-</td>") == 9


@pytest.mark.parametrize("shown", ["Wrong ones", "Least confident", "Most confident"])
def test_the_gallery_orders_by_confidence(page: AppTest, truth: Report, shown: str) -> None:
    page.query_params["p-tab"] = "Digits"
    page.run()
    page.selectbox(key="p-show").set_value(shown).run()
    numbers = shown_digits(picture(page, "gallery"))
    assert len(numbers) == min(60, truth.mistakes) if shown == "Wrong ones" else 60
    confidences = truth.evaluation.confidences[numbers]
    descending = shown != "Least confident"
    assert torch.equal(confidences, confidences.sort(descending=descending).values)
    if shown == "Wrong ones":
        assert not truth.hits[numbers].any()
    else:
        extreme = truth.evaluation.confidences.max() if descending else truth.evaluation.confidences.min()
        assert confidences[0] == extreme


def test_the_gallery_shows_a_class_a_pair_and_numbers(page: AppTest) -> None:
    page.query_params["p-tab"] = "Digits"
    page.run()
    assert shown_digits(picture(page, "gallery")) == list(range(60))
    page.selectbox(key="p-show").set_value("One class").run()
    page.selectbox(key="p-class").set_value(7).run()
    labels = data.load().test.labels
    assert shown_digits(picture(page, "gallery")) == (labels == 7).nonzero()[:60, 0].tolist()
    page.selectbox(key="p-show").set_value("By number").run()
    page.text_input(key="p-numbers").set_value("9999, 3-5").run()
    assert shown_digits(picture(page, "gallery")) == [9999, 3, 4, 5]
    page.text_input(key="p-numbers").set_value("10000").run()
    assert page.error[0].value.startswith("Numbers must be from 0 to 9999")
    for typed, end in (("10000", "; you entered 10000."), ("", "; the field is empty."), ("5,99999", ",99999.")):
        page.text_input(key="p-numbers").set_value(typed).run()
        assert page.error[0].value.endswith(end)


@pytest.mark.parametrize("text", ["", "a", "5-3", "-1", "3-", "10000", "1,,2", "1e3"])
def test_bad_numbers_get_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^numbers must be from 0 to 9999, .* got"):
        parse_numbers(text)


def test_a_number_is_shown_once() -> None:
    assert parse_numbers("8, 6-9,8").tolist() == [8, 6, 7, 9]


def test_ranges_that_repeat_all_digits_take_no_memory_each() -> None:
    text = ",".join(f"{first}-9999" for first in range(200))
    tracemalloc.start()
    numbers = parse_numbers(text)
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert numbers.tolist() == list(range(10_000))
    assert largest < 1_000_000


def test_refusing_leaves_the_mistakes_that_the_report_counts(page: AppTest, truth: Report) -> None:
    page.query_params["p-tab"] = "Confidence"
    page.run()
    assert page.slider(key="p-refuse").proto.format == "%d%%"
    page.slider(key="p-refuse").set_value(80).run()
    answered, hits = int(truth.refusal.answered[80]), int(truth.refusal.hits[80])
    said = " ".join(caption.value for caption in page.caption)
    assert f"answers {answered:,} of 10,000 digits" in said
    assert f"{answered - hits} mistakes are left of {truth.mistakes}" in said


def test_two_networks_are_compared(page: AppTest, truth: Report) -> None:
    page.query_params["p-tab"] = "Compare"
    page.run()
    assert "Choose a second network" in page.caption[-1].value
    page.selectbox(key="source2").set_value("model:untrained").run()
    other = report(Network(seed=3), data.load().test)
    only = truth.hits & ~other.hits
    html = picture(page, "comparison")
    assert f"<td>{int(only.sum()):,}</td>" in html and f"<td>{other.mistakes:,}</td>" in html
    assert any("McNemar's exact test: **p < 0.001**" in text.value for text in page.markdown)
    assert shown_digits(picture(page, "differ")) == only.nonzero()[:60, 0].tolist()
    page.selectbox(key="source2").set_value("model:trained").run()
    assert any("These are the same parameters" in text.value for text in page.markdown)


def test_the_units_are_sorted(page: AppTest, network: Network) -> None:
    page.query_params["p-tab"] = "Inside"
    page.run()
    assert picture(page, "templates").count("<img") == 10
    norms = [float(norm) for norm in re.findall(r"norm ([\d.]+)", picture(page, "weights"))]
    assert len(norms) == 128 and norms == sorted(norms, reverse=True)
    page.segmented_control(key="p-sort").set_value("Class voted for").run()
    votes = [int(vote) for vote in re.findall(r"votes for (\d)", picture(page, "weights"))]
    assert votes == sorted(network[2].weight.argmax(0).tolist())


def test_a_digit_in_the_address_is_taken_apart(page: AppTest) -> None:
    page.query_params["digit"] = "247"
    html = picture(page.run(), "one-digit")
    assert html.count("<img") == 12 and "logit" in html
    assert any("Digit 247" in text.value for text in page.markdown)


@pytest.mark.parametrize("number", ["10000", "-1", "x", ""])
def test_no_such_digit_opens_nothing(page: AppTest, number: str) -> None:
    page.query_params["digit"] = number
    page.run()
    assert not page.exception
    assert not any("Digit " in text.value for text in page.markdown)


@pytest.mark.parametrize("query", [{"model": "../../etc/passwd"}, {"run": "nobody"}])
def test_an_unknown_network_gets_a_sentence_and_a_choice(network: Network, query: dict[str, str]) -> None:
    page = open_page("predictions", **query)
    assert not page.exception and not page.error
    assert "that this lab does not have" in page.info[0].value
    assert page.selectbox(key="source").value is None
    page.selectbox(key="source").set_value("model:trained").run()
    assert not page.info
    assert page.query_params["model"] in ("trained", ["trained"])


def test_a_damaged_model_gets_a_sentence(network: Network) -> None:
    path = checkpoints.list_models()[0].parent / "broken.safetensors"
    path.write_bytes(b"no tensors")
    try:
        page = open_page("predictions", model="broken")
        assert not page.exception
        assert "not a readable safetensors file" in page.error[0].value
    finally:
        path.unlink()


@pytest.fixture(scope="module")
def run_id(service: Service) -> str:
    """A finished run of two epochs, replayed."""
    run_id = service.submit(RunConfig(epochs=2, batch_size=1000, loss="mse", device="cpu"))
    wait_for(lambda: service.run(run_id).over)
    service.trajectory(run_id).wait()
    return run_id


@pytest.mark.parametrize("epoch", [0, 1, None])
def test_a_run_is_shown_at_an_epoch(run_id: str, service: Service, epoch: int | None) -> None:
    page = page_of("predictions", run=run_id, **({} if epoch is None else {"epoch": str(epoch)}))
    html = picture(page.run(), "overview")
    assert page.select_slider(key="source.epoch").value == (2 if epoch is None else epoch)
    steps, rows = service.trajectory(run_id).wait().load()
    row = rows[-1] if epoch is None else rows[int((steps == 48 * epoch).nonzero())]
    found = report(from_flat(row), data.load().test, "mse")
    assert f"{100 * found.evaluation.accuracy:.2f}%" in html and f"{found.evaluation.loss:.4f}" in html
    assert "mean squared error" in html


def test_the_epoch_goes_into_the_address_and_leaves_it_at_the_end(run_id: str) -> None:
    page = open_page("predictions", run=run_id)
    page.select_slider(key="source.epoch").set_value(1).run()
    assert page.query_params["epoch"] in ("1", ["1"])
    page.select_slider(key="source.epoch").set_value(2).run()
    assert "epoch" not in page.query_params
    page.selectbox(key="source").set_value("model:untrained").run()
    assert "run" not in page.query_params and page.query_params["model"] in ("untrained", ["untrained"])


def test_while_a_run_is_replayed_the_page_says_how_far(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, go, half = Jobs(), threading.Event(), threading.Event()

    def work(report: JobReport[Trajectory]) -> Trajectory:
        report("Replaying", 0.5)
        half.set()
        assert go.wait(LIMIT)
        raise ValueError("The run could not be replayed: no reason.")

    job = jobs.get(REPLAYS, "held back", work)
    monkeypatch.setattr(Service, "trajectory", lambda self, run_id: job)
    page = open_page("predictions", run=run_id, epoch="1")
    assert half.wait(LIMIT)
    page.run()
    assert not page.exception
    assert [bar.proto.value for bar in page.get("progress")] == [50]
    go.set()
    wait_for(lambda: job.status().done)
    # The same for everyone who looks, until somebody tries again.
    for _ in range(2):
        page.run()
        assert [error.value for error in page.error] == [literal("The run could not be replayed: no reason.")]
    jobs.close()


@pytest.fixture
def empty_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service: Service) -> Iterator[None]:
    """A lab with neither runs nor models, in the place of the tests' own."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("DESCENT_MODELS", str(tmp_path / "models"))
    other = Service(tmp_path / "home", workers=1, threads=1)
    monkeypatch.setattr(lab, "_service", other)
    yield
    other.close()


@pytest.mark.usefixtures("empty_lab")
def test_without_a_network_the_page_leads_to_train() -> None:
    page = open_page("")
    page.switch_page("views/predictions/page.py").run()
    assert not page.exception
    assert any("There is no network yet" in text.value for text in page.markdown)
    assert [link.proto.label for link in page.get("page_link")] == ["Train a network"]
