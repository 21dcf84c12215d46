from collections.abc import Iterator
from typing import Any

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from core.runs.service import Service
from core.sweep import race
from core.training.config import RunConfig
from dashboard import forms
from tests.dashboard.conftest import (
    DASHBOARD,
    button,
    in_address,
    labels,
    open_page,
    page_of,
    take_away,
    text,
    wait_for_runs,
)
from tests.waiting import LIMIT


@pytest.fixture
def page(service: Service) -> AppTest:
    return open_page("sweep", kind="race")


def small(page: AppTest) -> AppTest:
    """A race of short runs."""
    page.text_input(key=forms.key("validation_split")).set_value("0.95")
    return page.text_input(key=forms.key("epochs")).set_value("1").run()


def ids(page: AppTest, name: str) -> list[str]:
    return in_address(page, name).split(",")


def test_it_says_how_many_runs_it_will_start(page: AppTest) -> None:
    assert not page.exception
    assert button(page, "Start").label == "Start 24 runs"
    assert "20 short runs find the rates; then 4 runs race." in text(page)
    page.selectbox(key="race.rates").set_value("Same for all").run()
    assert button(page, "Start").label == "Start 4 runs"
    assert "short runs" not in text(page)
    page.selectbox(key="race.knob").set_value("lr").run()
    page.text_input(key="race.seeds").set_value("3").run()
    assert button(page, "Start").label == "Start 15 runs"


def test_one_click_starts_runs_that_differ_in_the_knob_only(page: AppTest, service: Service) -> None:
    page.selectbox(key="race.knob").set_value("lr").run()
    page.text_input(key="race.lr").set_value("0.1, 0.01").run()
    small(page)
    button(page, "Start").click().run()
    assert not page.exception
    runs = [service.run(run_id) for run_id in ids(page, "runs")]
    assert [run.config.lr for run in runs if run] == [0.1, 0.01]
    assert {(run.config.seed, run.config.optimizer, run.config.validation_split) for run in runs if run} == {
        (0, "adam", 0.95)
    }
    wait_for_runs(service, ids(page, "runs"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0.1, x", "Learning rate must be between 0 and 1000, above 0; you entered x."),
        ("0.1", "Values must be 2 to 16 different ones, got 1."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_starts(page: AppTest, text: str, sentence: str) -> None:
    page.selectbox(key="race.knob").set_value("lr").run()
    page.text_input(key="race.lr").set_value(text).run()
    assert [error.value.replace("\\", "") for error in page.error] == [sentence]
    assert button(page, "Start").disabled


def test_each_at_its_own_best_sweeps_first_and_then_races(
    page: AppTest, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    invited: list[str] = []
    monkeypatch.setattr(
        "dashboard.run_curves.live_chart", lambda runs, invitation, key, lines=(): invited.append(invitation)
    )
    page.multiselect(key="race.optimizer").set_value(["sgd", "adam"]).run()
    small(page)
    button(page, "Start").click().run()
    tried = ids(page, "tried")
    assert len(tried) == 10
    # Who has pressed Start is not asked to press it.
    assert "press Start" in invited[0] and "once each optimizer has its rate" in invited[-1]
    assert {run.config.lr for run in map(service.run, tried) if run} >= {0.3, 1e-3}
    wait_for_runs(service, tried)
    page.run()
    raced = ids(page, "runs")
    assert [run.config.optimizer for run in map(service.run, raced) if run] == ["sgd", "adam"]
    best = {
        name: max(
            (run.validation_accuracy or 0, -run.config.lr)
            for run in map(service.run, tried)
            if run and run.config.optimizer == name
        )
        for name in ("sgd", "adam")
    }
    assert [run.config.lr for run in map(service.run, raced) if run] == [-best["sgd"][1], -best["adam"][1]]
    wait_for_runs(service, raced)


def test_a_viewer_of_a_sweep_may_start_the_race(page: AppTest, service: Service) -> None:
    small(page)
    page.multiselect(key="race.optimizer").set_value(["sgd", "adam"]).run()
    button(page, "Start").click().run()
    wait_for_runs(service, ids(page, "tried"))
    other = open_page("sweep", tried=in_address(page, "tried"))
    assert "runs" not in other.query_params
    button(other, "Race at these rates").click().run()
    assert len(ids(other, "runs")) == 2
    wait_for_runs(service, ids(other, "runs"))


def test_a_search_that_is_opened_again_has_the_epochs_and_the_seeds_of_its_race(
    page: AppTest, service: Service
) -> None:
    page.multiselect(key="race.optimizer").set_value(["sgd", "adam"])
    page.text_input(key="race.seeds").set_value("2")
    page.text_input(key=forms.key("validation_split")).set_value("0.98")
    page.text_input(key=forms.key("epochs")).set_value("3").run()
    button(page, "Start").click().run()
    given = {name: in_address(page, name) for name in ("tried", "epochs", "seeds")}
    wait_for_runs(service, ids(page, "tried"))

    def entered(opened: AppTest) -> tuple[str, str]:
        return opened.text_input(key=forms.key("epochs")).value, opened.text_input(key="race.seeds").value

    # Somebody else's page starts nothing by itself; a link may have any text.
    other = open_page("sweep", **given)
    assert entered(other) == ("3", "2") and "runs" not in other.query_params
    assert entered(open_page("sweep", tried=given["tried"], epochs="x", seeds="99")) == ("2", "1")
    again = page_of("sweep", **given)
    again.session_state["visitor.token"] = page.session_state["visitor.token"]
    raced = ids(again.run(), "runs")
    assert [(run.config.optimizer, run.config.epochs, run.config.seed) for run in map(service.run, raced) if run] == [
        ("sgd", 3, 0), ("adam", 3, 0), ("sgd", 3, 1), ("adam", 3, 1),
    ]  # fmt: skip
    # The way back to the search starts nothing again.
    assert "runs" not in page.run().query_params
    other.text_input(key="race.seeds").set_value("x").run()
    button(other, "Race at these rates").click().run()
    assert not other.exception and "runs" not in other.query_params
    other.text_input(key="race.seeds").set_value("2").run()
    button(other, "Race at these rates").click().run()
    assert ids(other, "runs") == raced
    wait_for_runs(service, raced)


@pytest.mark.parametrize("name", ["runs", "tried"])
def test_a_link_to_runs_that_are_gone_is_told_kindly(service: Service, name: str) -> None:
    page = open_page("sweep", **{name: "gone"})
    assert not page.exception
    assert "does not have" in page.info[0].value


def searched(service: Service) -> list[str]:
    found = [service.submit(RunConfig.recommended(name, epochs=1, validation_split=0.95)) for name in ("sgd", "adam")]
    wait_for_runs(service, found)
    return found


def test_a_search_whose_runs_are_deleted_for_good_meanwhile_draws_the_page_anew(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def part() -> None:
        from dashboard.views.sweep import race

        race._sweeping(("gone",))

    drawn: list[str] = []
    monkeypatch.setattr("streamlit.rerun", lambda: drawn.append("anew") or streamlit.stop())
    page = AppTest.from_function(part, default_timeout=LIMIT).run()
    assert drawn == ["anew"] and not page.exception and not page.error


def test_no_race_starts_with_a_wrong_field(service: Service) -> None:
    page = open_page("sweep", tried=",".join(searched(service)))
    assert not button(page, "Race at these rates").disabled
    page.text_input(key=forms.key("epochs")).set_value("x").run()
    assert button(page, "Race at these rates").disabled


BASE = RunConfig(epochs=3, seed=4)


@pytest.fixture
def raced(service: Service, request: pytest.FixtureRequest) -> Iterator[str]:
    """A race that somebody else has run; the address's list of its runs."""
    knob, values, seeds = request.param
    ids = []
    for number, config in enumerate(race.in_turn(race.race(BASE, knob, values, seeds))):
        service._store.add(f"raced{number}", config, 1.0, "finished")
        ids.append(f"raced{number}")
    yield ",".join(ids)
    for run_id in ids:
        take_away(service, run_id)


@pytest.mark.parametrize(
    ("raced", "shown"),
    [
        (("optimizer", ["momentum", "adam"], 2), ["momentum", "adam"]),
        (("lr", [0.3, 0.01, 1e-5], 1), "0.3, 0.01, 1e-05"),
        (("batch_size", [480, 64], 2), ["480", "64"]),
        (("schedule", ["constant", "cosine"], 1), ["constant", "cosine"]),
        (("seed", [4, 5, 6], 1), "4, 5, 6"),
    ],
    indirect=["raced"],
)
def test_a_link_brings_the_settings_of_its_race(raced: str, shown: Any, request: pytest.FixtureRequest) -> None:
    knob, values, seeds = request.node.callspec.params["raced"]
    page = open_page("sweep", runs=raced)
    assert not page.exception and not page.error
    assert page.selectbox(key="race.knob").value == knob
    field = page.multiselect if isinstance(shown, list) else page.text_input
    assert field(key=f"race.{knob}").value == shown
    assert page.text_input(key="race.seeds").value == str(seeds)
    assert page.text_input(key=forms.key("epochs")).value == "3"
    assert button(page, "Start").label == f"Start {len(values) * seeds} runs"
    assert "For the next race" not in text(page)


@pytest.mark.parametrize("raced", [("optimizer", ["momentum", "adam"], 1)], indirect=True)
def test_fields_that_are_not_the_shown_races_any_more_say_so(raced: str) -> None:
    page = open_page("sweep", runs=raced)
    page.text_input(key=forms.key("epochs")).set_value("9").run()
    assert "For the next race. The one shown here has other settings." in text(page)
    button(page, "Settings of this race").click().run()
    assert page.text_input(key=forms.key("epochs")).value == "3"
    assert "Settings of this race" not in labels(page)


@pytest.mark.parametrize("raced", [("optimizer", ["momentum", "adam"], 1)], indirect=True)
def test_a_form_that_a_race_has_filled_is_no_fork_any_more(raced: str) -> None:
    page = open_page("").switch_page("views/runs/page.py")
    page.query_params["run"] = "raced0"
    page.run()
    button(page, "Fork").click().run()
    assert "A fork of run #" in text(page)
    page.switch_page("views/sweep/page.py")
    page.query_params["runs"] = raced
    page.run().switch_page("views/train/page.py").run()
    assert page.text_input(key=forms.key("seed")).value == "4" and "A fork of run #" not in text(page)


def test_what_the_race_varies_is_not_among_the_shared_settings(page: AppTest) -> None:
    def drawn() -> set[str]:
        return {widget.key for kind in ("selectbox", "text_input") for widget in page.get(kind)}

    assert not {forms.key("optimizer"), forms.key("lr")} & drawn()
    page.selectbox(key="race.rates").set_value("Same for all").run()
    assert forms.key("optimizer") not in drawn() and forms.key("lr") in drawn()
    page.selectbox(key="race.knob").set_value("batch_size").run()
    assert forms.key("batch_size") not in drawn() and {forms.key("optimizer"), forms.key("lr")} <= drawn()


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ({}, {"kind": "race"}),
        ({"runs": "a,b", "sweep": "c"}, {"runs": "a,b", "tried": "c"}),
        ({"sweep": "c,d"}, {"tried": "c,d"}),
    ],
)
def test_links_to_the_former_page_lead_to_the_same_race(
    service: Service, monkeypatch: pytest.MonkeyPatch, former: dict[str, str], now: dict[str, str]
) -> None:
    went: list[Any] = []
    monkeypatch.setattr("streamlit.switch_page", lambda page, query_params: went.append((page, query_params)))
    page = AppTest.from_file(str(DASHBOARD / "views" / "race" / "page.py"))
    for name, value in former.items():
        page.query_params[name] = value
    assert not page.run().exception
    assert went == [("views/sweep/page.py", now)]


def test_the_choice_of_a_race_is_in_the_address(service: Service) -> None:
    page = open_page("sweep")
    page.segmented_control(key="sweep.kind").set_value("race").run()
    assert in_address(page, "kind") == "race" and button(page, "Start").label == "Start 24 runs"
    page.segmented_control(key="sweep.kind").set_value("sweep").run()
    assert "kind" not in page.query_params and button(page, "Start").label == "Start 54 runs"


def test_runs_of_the_same_settings_are_taken_as_they_are(page: AppTest, service: Service) -> None:
    page.selectbox(key="race.knob").set_value("lr").run()
    page.text_input(key=forms.key("seed")).set_value("52")
    page.text_input(key="race.lr").set_value("0.1, 0.01").run()
    small(page)
    button(page, "Start").click().run()
    first = ids(page, "runs")
    wait_for_runs(service, first)
    assert "Train again" not in labels(page.run())
    page.text_input(key="race.lr").set_value("0.01, 0.03").run()
    button(page, "Start").click().run()
    second = ids(page, "runs")
    assert second[0] == first[1] and second[1] not in first
    known = service.run(first[1])
    assert known and f"Same settings as #{known.number}: training again gives the same figures." in text(page)
    wait_for_runs(service, second)
    button(page, "Train again").click().run()
    third = ids(page, "runs")
    assert third[0] not in first and third[1] == second[1]
    runs = [service.run(run_id) for run_id in third]
    assert [run.config.lr for run in runs if run] == [0.01, 0.03]
    assert "Train again" not in labels(page)
    wait_for_runs(service, third)


def test_a_link_says_how_many_of_its_runs_are_gone(service: Service) -> None:
    (run,) = service.submit_group([RunConfig(epochs=1, validation_split=0.95)])
    wait_for_runs(service, [run])
    page = open_page("sweep", runs=f"{run},gone,{run},lost")
    assert not page.exception
    assert [info.value for info in page.info] == ["This link names 2 runs that this lab does not have."]
    page = open_page("sweep", runs="gone")
    assert [info.value for info in page.info] == [
        "This lab does not have the runs that this link names. Start a new race."
    ]
