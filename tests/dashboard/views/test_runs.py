"""The Runs page, run by run and all together, without a browser."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.requests import Request
from starlette.responses import Response
from streamlit.testing.v1 import AppTest

from core.owners import Visitor
from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import colors, lab, notices, operating
from dashboard.views.runs import actions, compare, figures, one, overview, parallel, route, rows
from tests.dashboard.conftest import button, in_address, labels, open_page, page_of, take_away, text
from tests.waiting import LIMIT

ME = Visitor("a" * 16, "Ada", True, False)


@pytest.fixture
def filled(service: Service) -> Iterator[list[str]]:
    """Five runs: two finished, with figures; one waits; one interrupted; one finished without validation."""
    store = service._store
    columns = {"owner": ME.id, "owner_name": "Ada"}
    figures = {"best_validation_accuracy": 0.97, "test_accuracy": 0.96, "seconds": 2.0, "epoch": 2}
    store.add("one", RunConfig(lr=0.01), 1.0, "finished", name="=first", tags=["exam"], **columns, **figures)
    store.add("two", RunConfig(batch_size=32), 2.0, "finished", **{**figures, "best_validation_accuracy": 0.98})
    store.add("three", RunConfig(), 3.0, "queued", **columns)
    store.add("four", RunConfig(), 4.0, "interrupted", parent="one", **columns)
    store.add("five", RunConfig(validation_split=0.0), 5.0, "finished", test_accuracy=0.99)
    for seq, accuracy in enumerate((0.97, 0.95)):
        body = {"event": "EpochDone", "epoch": seq, "step": 750 * (seq + 1), "train_loss": 0.1, "train_accuracy": 0.9}
        body |= {"validation_loss": 0.2 + seq, "validation_accuracy": accuracy, "seconds": 1.0}
        store.append("one", seq, json.dumps(body, separators=(",", ":")), 6.0)
    rows.forget()
    ids = ["one", "two", "three", "four", "five"]
    yield ids
    for run_id in ids:
        take_away(service, run_id)
        service._record.forget(run_id)
    rows.forget()


def test_an_empty_lab_has_a_page(service: Service) -> None:
    rows.forget()
    page = open_page("runs")
    assert not page.exception
    assert "Resume all" not in " ".join(labels(page))


def test_a_figure_has_the_same_name_in_the_ranking_and_in_the_tables() -> None:
    script = (Path(compare.__file__).parents[2] / "components" / "chart" / "ranking.js").read_text("utf-8")
    named = re.search(r"HEAD = (\[.*\])", script)
    assert named
    ranking = set(json.loads(named[1])) - {"", "Images/s"}
    assert ranking == {"Last validation", "Training loss", "Test", "Trained in"}
    assert ranking <= {column.title for column in compare._COLUMNS} and ranking <= set(figures.HEAD)
    assert rows.SECONDS.title == "Trained in"


def test_recent_runs_keep_their_result_apart_from_their_settings(filled: list[str]) -> None:
    page = open_page("train")
    found = [label for label in labels(page) if "% test**" in label]
    assert len(found) == 3 and all(" · **" in label for label in found), found


def test_all_runs_and_resuming_the_interrupted_ones(filled: list[str], service: Service) -> None:
    page = open_page("runs")
    assert not page.exception
    assert "Resume all interrupted (1)" in labels(page)
    assert [button.disabled for button in page.button if button.label in ("Compare", "Delete")] == [True, True]


@pytest.mark.parametrize("asked", ["nothing", "../../etc/passwd", "<b>"])
def test_a_link_that_names_no_run_gets_a_kind_sentence(service: Service, asked: str) -> None:
    page = open_page("runs", run=asked)
    assert not page.exception
    assert "does not have the run that this link names" in page.info[0].value


def test_a_run_by_its_link(filled: list[str]) -> None:
    page = open_page("runs", run="one")
    assert not page.exception
    assert page.subheader[0].value == r"#1 \=first"
    assert "rate 0\\.01" in text(page) and "by Ada" in text(page)
    assert "Train with this" in labels(page) and "Fork" in labels(page)
    assert any("led to" in label and "4 Adam" in label for label in labels(page))
    assert any("from" in label and "first" in label for label in labels(open_page("runs", run="four")))


def test_notes_and_tags_are_written(filled: list[str], service: Service) -> None:
    page = open_page("runs", run="one")
    page.text_area[0].set_value("what I learned")
    next(button for button in page.button if button.label == "Save").click()
    page.run()
    assert not page.exception
    run = service.run("one")
    assert run and (run.notes, run.tags, run.name) == ("what I learned", ("exam",), "=first")


def test_only_the_label_that_was_changed_is_saved(filled: list[str], service: Service) -> None:
    page = open_page("runs", run="one")
    service.edit("one", name="renamed elsewhere", tags=["exam", "new"])
    page.text_area[0].set_value("what I learned")
    button(page, "Save").click().run()
    run = service.run("one")
    assert run and (run.notes, run.tags, run.name) == ("what I learned", ("exam", "new"), "renamed elsewhere")
    assert next(field.value for field in page.text_input if field.label == "Name") == "renamed elsewhere"


def test_a_run_in_the_bin_says_so_and_comes_back(filled: list[str], service: Service) -> None:
    service.delete(["one"])
    page = open_page("runs", run="one")
    assert page.info[0].value == "This run is in the bin."
    train = open_page("train", run="one")
    assert train.info[0].value == "This run is in the bin." and "Restore" in labels(train)
    next(button for button in page.button if button.label == "Restore").click()
    page.run()
    run = service.run("one")
    assert run and run.deleted is None and not page.info


def test_what_asked_for_the_deletion_closes_with_it(filled: list[str], service: Service) -> None:
    service._store.add("six", RunConfig(), 6.0, "finished")
    service.delete(["six"])
    page = page_of("runs", view="Bin")
    page.session_state["runs.bin.kept"] = ("six",)
    page.session_state["runs.purging"] = True
    page.run()
    assert "1 run and their files. This can't be undone." in text(page)
    button(page, "Delete now").click().run()
    assert not page.exception and service.run("six") is None
    assert page.session_state["runs.purging"] is False


@pytest.mark.usefixtures("teachers_lab")
def test_with_a_teacher_nobody_edits_or_restores_anothers_run(filled: list[str], service: Service) -> None:
    service.edit("one", notes="![i](http://evil.example)")
    page = open_page("runs", run="one")
    assert not page.exception and "Save" not in labels(page)
    assert [element.value for element in page.get("text")] == ["![i](http://evil.example)"]
    service.delete(["one"])
    rows.forget()
    try:
        assert "Restore" not in labels(open_page("runs", run="one"))
    finally:
        service.restore(["one"])


@pytest.mark.usefixtures("teachers_lab")
def test_a_page_from_before_edits_and_restores_nothing(
    filled: list[str], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[Exception] = []
    monkeypatch.setattr(notices, "refuse", refused.append)
    service.delete(["one"])
    try:
        actions.edit("one", name="changed")
        actions.restore(["two", "one"])
        run = service.run("one")
    finally:
        service.restore(["one"])
    assert run and run.name == "=first" and run.deleted is not None
    assert [str(error) for error in refused] == [
        "Run #1 can be operated or changed only by Ada, who started it, or the teacher.",
        "Run #2 can be operated or changed only by the teacher.",
    ]


def test_a_comparison_by_its_link(filled: list[str]) -> None:
    page = open_page("runs", compare="one,two,gone,one")
    assert not page.exception
    assert page.info[0].value == "This link names 1 run that this lab does not have."
    assert page.multiselect[0].value == ["one", "two"]
    # By what differs, not by what is the same.
    assert {"#1 =first · rate 0.01 · batch 64", "#2 · rate 0.001 · batch 32"} <= set(page.multiselect[0].options)
    assert "Different: learning rate, batch size. In common: Adam · 5 epochs." in text(page).replace("\\", "")
    empty = open_page("runs", compare="gone")
    assert not empty.exception and "Choose two runs" in text(empty)


def test_a_comparison_stays_when_its_runs_are_taken_out_or_are_gone(filled: list[str], service: Service) -> None:
    page = open_page("runs", compare="one,two")
    page.multiselect(key="compare.runs").set_value([]).run()
    assert not page.tabs and "Choose two runs or more" in text(page)
    page.multiselect(key="compare.runs").set_value(["one"]).run()
    assert in_address(page, "compare") == "one"
    button(page, "All runs").click().run()
    assert page.tabs
    drawn: list[str] = []
    compare_figures = AppTest.from_function(_figures_of_gone, default_timeout=LIMIT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare.st, "rerun", lambda: drawn.append("anew") or compare.st.stop())
        compare_figures.run()
    assert drawn == ["anew"] and not compare_figures.exception


def _figures_of_gone() -> None:
    from dashboard.views.runs import compare

    compare._figures(["gone"])


def test_a_name_with_a_middle_dot_stays_whole_in_a_comparison(filled: list[str], service: Service) -> None:
    service.edit("one", name="Ada · exam")
    row = compare.table(["one", "two"])[0]
    assert (row["run"]["name"], row["run"]["settings"]) == ("#1 Ada · exam", "rate 0.01 · batch 64")


def test_rows_say_what_sets_a_run_apart(filled: list[str], service: Service) -> None:
    found = {row["id"]: row for row in overview.VIEWS["all"]()}
    assert found["one"]["run"]["settings"] == "Adam · rate 0.01 · batch 64 · 5 epochs"
    assert found["two"]["run"] | {"color": "", "dash": ""} == {
        "name": "#2 Adam",
        "settings": "rate 0.001 · batch 32 · 5 epochs",
        "tags": [],
        "color": "",
        "dash": "",
    }
    assert found["four"]["state"] == {"text": "interrupted 0%", "tone": "orange"}
    assert "exam" in found["one"]["search"] and "ada" in found["one"]["search"]
    assert found["two"]["owner"] == rows.NO_OWNER
    poor = rows.row(replace(service.run("two"), test_accuracy=0.1))
    assert poor["state"]["text"] in poor["search"] and "only guesses" in poor["search"]


def test_the_leaderboard_is_of_finished_runs_with_validation_best_first(filled: list[str]) -> None:
    leaders = overview.VIEWS["leaders"]()
    assert [(row["id"], row["place"], row["epochs"], row["seconds"]) for row in leaders] == [
        ("two", 1, 2, 2.0),
        ("one", 2, 2, 2.0),
    ]


@pytest.fixture
def seeds(service: Service) -> Iterator[None]:
    """Three seeds of Ada's, one of them twice; one run of Bob's and one of nobody's with the same settings; one more
    of Ada's."""
    made = [("a", 0, 0.95), ("a", 1, 0.97), ("a", 2, 0.99), ("a", 2, 0.98), ("b", 3, 0.90), ("", 4, 0.5)]
    for number, (owner, seed, best) in enumerate(made):
        figures = {"best_validation_accuracy": best, "test_accuracy": best - 0.1, "seconds": 1.0 + number, "epoch": 3}
        name = {"a": "Ada", "b": "Bob"}.get(owner, "")
        service._store.add(f"s{number}", RunConfig(seed=seed), 1.0, "finished", owner=owner, owner_name=name, **figures)
    figures = {"best_validation_accuracy": 0.96, "seconds": 1.0, "epoch": 3}
    service._store.add("other", RunConfig(lr=0.5), 1.0, "finished", owner="a", owner_name="Ada", **figures)
    rows.forget()
    yield
    for run_id in ("other", *(f"s{number}" for number in range(len(made)))):
        take_away(service, run_id)
    rows.forget()


def test_the_leaderboard_takes_seeds_together(seeds: None) -> None:
    other, together = overview.VIEWS["leaders"]()
    assert (other["id"], other["best"], other["place"]) == ("other", [0.96], 1)
    assert (together["id"], together["best"]) == ("s2", [0.99, 0.97, 0.95, 0.90, 0.5])
    assert together["compare"] == "s2,s1,s0,s4,s5" and together["owner"] == "Ada, Bob, nobody"
    assert together["order"]["best"] == pytest.approx(0.862) and together["order"]["test"] == pytest.approx(0.762)
    assert together["run"]["tags"] == ["5 seeds"] and "seed" not in together["run"]["settings"]


def test_the_leaderboard_knows_the_best_of_each_person(seeds: None) -> None:
    ada, bob = overview.VIEWS["persons"]()
    assert (ada["owner"], ada["best"], ada["place"]) == ("Ada", [0.99, 0.97, 0.95], 1)
    assert (bob["owner"], bob["best"], bob["place"]) == ("Bob", [0.90], 2)


@pytest.fixture
def departed(service: Service) -> Iterator[None]:
    """A plain run; better ones with its settings: two with a rate by hand, two branches, one that began elsewhere."""
    left = {"parent": "s", "parent_step": 7, "first_step": 7}
    made = [{}, {"rate_by_hand": True}, {"rate_by_hand": True}, left, left | {"parent": "gone", "rate_by_hand": True}]
    for run_id, best, more in zip("stuvwx", range(90, 96), [*made, {"first_step": 7}], strict=True):
        figures = {"best_validation_accuracy": best / 100, "epoch": 3}
        service._store.add(run_id, RunConfig(), 1.0, "finished", owner="a", owner_name="Ada", **figures, **more)
    rows.forget()
    yield
    for run_id in "stuvwx":
        take_away(service, run_id)
    rows.forget()


def test_what_left_its_settings_is_no_result_of_theirs(departed: None, service: Service) -> None:
    number = service.existing("s").number
    gone = "branch of a run that was deleted"
    assert [(row["id"], row["run"]["tags"], row["act"]) for row in overview.VIEWS["leaders"]()] == [
        ("x", ["goes on from a saved model"], None),
        ("w", [gone, "rate set by hand"], None),
        ("v", [f"branch of #{number}"], None),
        ("u", ["rate set by hand"], None),
        ("t", ["rate set by hand"], None),
        ("s", [], "Train with this"),
    ]
    assert [row["id"] for row in overview.VIEWS["all"]() if gone in row["run"]["tags"]] == ["w"]
    assert f":gray-badge[{gone}]" in text(open_page("runs", run="w"))
    assert "A branch of a run that was deleted\\, which it left at step 7" in text(open_page("train", run="w"))


@pytest.mark.parametrize(("view", "words"), [("Leaderboard", "Finished runs, ranked"), ("Bin", "Runs are kept here")])
def test_leaderboard_and_bin_have_addresses(service: Service, view: str, words: str) -> None:
    page = open_page("runs", view=view)
    assert not page.exception and words in text(page)


def test_names_have_only_the_settings_that_differ(filled: list[str], service: Service) -> None:
    runs = [run for run_id in ("one", "two", "three") if (run := service.run(run_id))]
    assert rows.names(runs) == [
        "#1 =first · rate 0.01 · batch 64",
        "#2 · rate 0.001 · batch 32",
        "#3 · rate 0.001 · batch 64",
    ]
    assert rows.names(runs[:1]) == ["#1 =first"]


def test_a_run_keeps_its_colour_and_the_first_32_look_different(filled: list[str], service: Service) -> None:
    runs = [run for run_id in filled if (run := service.run(run_id))]
    assert [line.color for line in rows.lines(runs[1:])] == [line.color for line in rows.lines(runs)][1:]
    assert len({colors.line_style(place) for place in range(32)}) == 32
    assert {dash for _, dash in map(colors.line_style, range(8))} == {"solid"}


def test_figures_are_of_the_best_and_the_last_epoch(filled: list[str], service: Service) -> None:
    found = {row["id"]: row for row in compare.table(["one", "two"])}
    one = found["one"]
    assert (one["best_epoch"], one["best_accuracy"], one["best_loss"]) == (1, 0.97, 0.2)
    assert (one["final_accuracy"], one["final_loss"], one["gap"]) == (0.95, 1.2, pytest.approx(1.1))
    assert found["two"]["best_epoch"] is None
    run = service.run("one")
    assert run and figures.figures(run).trained_epochs == 2


def test_the_comparisons_csv_has_no_formula(filled: list[str]) -> None:
    lines = compare._csv(compare._runs_of(["one", "two"])).decode().splitlines()
    assert len(lines) == 3
    head = lines[0].split(",")
    assert len(set(head)) == len(head)
    assert lines[1].startswith("one,1,'=first,finished,1,0.97,0.2,")


def test_parallel_coordinates_show_what_differs_and_the_results() -> None:
    configs = [RunConfig(lr=0.1), RunConfig.recommended("sgd", lr=0.001)]
    figure = parallel.parallel(configs, {"Test accuracy": [0.9, None], "Seconds": [None, None]}, ["#ff0000", "#00ff00"])
    (trace,) = figure.data
    assert [axis.label for axis in trace.dimensions] == ["Optimizer", "Learning rate", "Test accuracy"]
    assert list(trace.dimensions[1]["values"]) == [-1, -3]
    assert list(trace.dimensions[1].ticktext) == ["0.001", "0.1"]
    assert list(trace.dimensions[2]["values"]) == [0.9, 0.9]
    assert [shade for _, shade in trace.line.colorscale] == ["#ff0000", "#00ff00"]


def test_a_kept_page_says_that_a_run_was_in_training_then(filled: list[str], service: Service) -> None:
    over = service.existing("one")
    assert figures.in_words(over)[1] == "finished"
    assert figures.in_words(replace(over, state="running"))[1] == "running 0% when this page was saved"


def test_numbers_of_parallel_coordinates_do_not_lie_over_each_other() -> None:
    rates = (0.001, 0.00101, 0.003, 0.005, 0.0052, 0.99, 1.0)
    (trace,) = parallel.parallel([RunConfig(lr=rate) for rate in rates], {}, ["#000000"] * len(rates)).data
    (axis,) = trace.dimensions
    assert axis.ticktext == ("0.001", "0.003", "0.005", "1")
    assert list(10 ** np.array(axis.tickvals)) == pytest.approx([0.001, 0.003, 0.005, 1.0])
    # Every line is still where its own rate is.
    assert list(10 ** np.array(axis["values"])) == pytest.approx(rates)


def test_parallel_coordinates_tell_every_setting_and_no_result_that_a_run_has_not() -> None:
    sizes: list[Any] = [1024, "full", 128, 16]
    configs = [RunConfig(batch_size=size, lr=lr) for size, lr in zip(sizes, (0.1, 0.2, 0.3, 0.4), strict=True)]
    results = {"Test accuracy": [0.97, 0.95, None, float("nan")]}
    (trace,) = parallel.parallel(configs, results, ["#000000"] * 4).data
    _, batch, accuracy = trace.dimensions
    assert list(batch.ticktext) == ["16", "128", "1024", "full"] and list(batch["values"]) == [2, 3, 1, 0]
    assert list(accuracy["values"]) == [0.97, 0.95, 0.95, 0.95]
    assert trace.meta == {"Batch size": sizes, "Learning rate": [0.1, 0.2, 0.3, 0.4],
                          "Test accuracy": [0.97, 0.95, None, None]}  # fmt: skip


def test_the_axis_of_training_images_ends_with_all_of_them() -> None:
    configs = [RunConfig(train_images=images) for images in (1000, 0, 500)]
    (trace,) = parallel.parallel(configs, {}, ["#000000"] * 3).data
    assert list(trace.dimensions[0].ticktext) == ["500", "1000", "all"]


def test_only_the_owner_or_the_teacher_deletes(
    filled: list[str], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (service.run(run_id) for run_id in ("one", "two", "three"))
    assert one and two and three
    monkeypatch.setattr(actions, "visitor", lambda: ME)
    assert actions.deletable([one]) and not actions.deletable([one, two]) and not actions.deletable([three])
    told: list[str] = []
    monkeypatch.setattr("dashboard.notices.refuse", lambda error: told.append(str(error)))
    actions.delete(["one", "two"])
    actions.purge(["three"])
    assert service.runs(9, deleted=True) == [] and service.run("three")
    assert told == ["Only runs that are over can be deleted, and only by their owner or the teacher."] * 2
    monkeypatch.setattr(actions, "visitor", lambda: Visitor("t" * 16, "T", True, True))
    assert actions.deletable([one, two])


def asked(query: str, has: str = "") -> Response:
    headers = [(b"if-none-match", has.encode())] if has else []
    scope = {"type": "http", "method": "GET", "path": "/lab/runs", "query_string": query.encode(), "headers": headers}
    return asyncio.run(route.table(Request(scope)))


def test_browsers_get_the_rows_once_and_nothing_while_nothing_changes(filled: list[str], service: Service) -> None:
    answer = asked("view=all")
    assert [row["id"] for row in json.loads(answer.body)] == filled[::-1]
    same = asked("view=all", has=answer.headers["etag"])
    assert (same.status_code, same.body) == (304, b"")
    service.edit("one", name="changed")
    rows.forget()
    changed = asked("view=all", has=answer.headers["etag"])
    assert changed.status_code == 200 and b"changed" in changed.body
    assert [row["id"] for row in json.loads(asked("compare=two,gone").body)] == ["two"]
    assert asked("view=nothing").status_code == 404
    assert asked("").status_code == 404


def test_a_table_that_cannot_be_read_is_asked_for_again(
    filled: list[str], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    with monkeypatch.context() as damaged:
        damaged.setattr(service, "runs", fail)
        answer = asked("view=all")
    told = b"The lab could not use its database: database disk image is malformed."
    assert (answer.status_code, answer.body) == (503, told)
    assert asked("view=all").status_code == 200


def test_a_table_that_is_asked_for_while_the_lab_ends_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "_service", None)
    answer = asked("view=all")
    assert answer.status_code == 503
    assert bytes(answer.body).startswith(b"The lab is not running")


def test_an_export_is_of_what_was_recorded(filled: list[str]) -> None:
    (told,) = json.loads(actions.exported(["one", "gone"], "json"))
    assert [epoch["validation_accuracy"] for epoch in told["epochs"]] == [0.97, 0.95]
    assert actions.exported(["one"], "csv").count(b"\n") == 1
    with pytest.raises(ValueError, match="it was deleted for good"):
        actions.exported(["gone"], "csv")


def test_a_file_of_a_run_that_is_gone_is_refused(filled: list[str], service: Service, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"weights")
    read = operating.file_of("two", lambda run_id: tmp_path / "file")
    assert read() == b"weights"
    with pytest.raises(ValueError, match="does not have this file any more"):
        operating.file_of("two", service.parameters_file)()
    service.delete(["two"])
    service.purge(["two"])
    with pytest.raises(ValueError, match="it was deleted for good"):
        read()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"event": "State", "state": "running", "stalled": True}, ":orange-badge[stalled]"),
        ({"event": "State", "state": "failed", "message": "No *disk*."}, r":red-badge[failed] No \*disk\*\."),
        (
            {"event": "CommandApplied", "command": "learning_rate", "value": 0.01, "step": 1500},
            "learning rate 0.01 from step 1,500",
        ),
        ({"event": "CommandApplied", "command": "stop", "value": None, "step": 7}, "stop before step 7"),
        ({"event": "Resumed", "step": 7, "exact": True, "message": ""}, "goes on from step 7. Bit for bit."),
    ],
)
def test_what_happened_is_told(event: dict[str, object], words: str) -> None:
    assert one._event_in_words(event) == words


def test_a_rate_set_while_a_run_is_paused_is_told_once_though_the_run_sets_it_again(
    filled: list[str], service: Service
) -> None:
    def rate(step: int, value: float) -> dict[str, object]:
        return {"event": "CommandApplied", "command": "learning_rate", "value": value, "step": step}

    resumed = {"event": "Resumed", "step": 7, "epoch": 0, "exact": True, "message": ""}
    told = [rate(3, 0.2), rate(7, 0.01), resumed, rate(7, 0.01), rate(9, 0.5), {**resumed, "step": 9}, rate(9, 0.5)]
    for seq, body in enumerate([*told, rate(9, 0.5)]):
        service._store.append("one", 2 + seq, json.dumps(body, separators=(",", ":")), 6.0)
    page = open_page("runs", run="one")
    (story,) = [part.value for part in page.markdown if "goes on from step 7" in part.value]
    lines = [line.split("` ", 1)[1] for line in story.split("  \n")]
    assert lines == [
        "learning rate 0.2 from step 3",
        "learning rate 0.01 from step 7",
        "goes on from step 7. Bit for bit.",
        "learning rate 0.5 from step 9",
        "goes on from step 9. Bit for bit.",
        # Once more by hand.
        "learning rate 0.5 from step 9",
    ]


def test_a_fork_knows_its_parent(filled: list[str], service: Service) -> None:
    page = page_of("train")
    page.session_state["form.parent"] = "one"
    page.run()
    assert "A fork of run #1: change one thing, then press Train." in text(page)
    button(page, "Train").click()
    page.run()
    run = service.runs(1)[0]
    service.command(run.id, "stop")
    assert run.parent == "one" and [child.id for child in service.children("one")] == ["four", run.id]
    assert "change one thing, then press Train" not in text(page)


def test_one_click_cancels_all_of_ones_own_waiting_runs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service._scheduler._pool.__class__, "idle", False)
    mine = [service.submit(RunConfig(seed=seed), owner=ME.id) for seed in range(3)]
    other = service.submit(RunConfig(), owner="b" * 16, owner_name="Bob")
    monkeypatch.setattr(overview, "visitor", lambda: ME)
    monkeypatch.setattr(actions, "visitor", lambda: ME)
    page = open_page("runs")
    assert "Clear the queue" not in " ".join(labels(page))
    button(page, "Cancel all mine (3)").click().run()
    assert not page.exception and not page.error
    assert {run.state for run_id in mine if (run := service.run(run_id))} == {"stopped"}
    assert service.waiting(ME.id) == [] and list(service.positions()) == [other]
    teacher = Visitor("t" * 16, "Teacher", True, True)
    monkeypatch.setattr(overview, "visitor", lambda: teacher)
    monkeypatch.setattr(actions, "visitor", lambda: teacher)
    page = open_page("runs")
    button(page, "Clear the queue (1)").click().run()
    assert service.positions() == {}
    assert [one._event_in_words(event) for event in service.events(other, ("Operated",))] == ["stop by Teacher"]


@pytest.mark.parametrize(
    ("act", "given_back"),
    [
        ("stop", [(["two"], "resume"), (["four"], "pause_again")]),
        ("resume", [(["two"], "stop"), (["four"], "pause")]),
    ],
)
def test_runs_are_taken_back_to_what_each_was(
    act: str,
    given_back: list[tuple[list[str], str]],
    service: Service,
    filled: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: dict[str, Any] = {}
    monkeypatch.setattr("dashboard.notices.st.session_state", kept)
    given: list[tuple[list[str], str]] = []
    monkeypatch.setattr(operating, "give", lambda ids, name, value=None: given.append((list(ids), name)))
    service._store.update("four", state="paused")
    getattr(actions, act)(["two", "four"])
    notices._undo(kept["notices.undo"][1])
    assert given == [(["two", "four"], act), *given_back]


def test_a_deletion_is_taken_back(filled: list[str], service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {}
    monkeypatch.setattr("dashboard.notices.st.session_state", kept)
    monkeypatch.setattr(actions, "visitor", lambda: ME)
    actions.delete(["one", "four"])
    assert {run.id for run in service.runs(9, deleted=True)} == {"one", "four"}
    done, undo = kept["notices.undo"]
    assert done == "2 runs moved to the bin."
    notices._undo(undo)
    assert service.runs(9, deleted=True) == [] and "notices.undo" not in kept


def test_an_action_of_an_old_drawing_spares_what_is_not_chosen_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[list[str]] = []
    state = {"runs.table": SimpleNamespace(chosen={"ids": ["two"]})}
    monkeypatch.setattr("dashboard.components.run_table.st.session_state", state)
    actions.chosen(done.append, ["one", "two"], "runs.table")
    state["runs.table"].chosen = {"ids": []}
    actions.chosen(done.append, ["one", "two"], "runs.table")
    assert done == [["two"]]
