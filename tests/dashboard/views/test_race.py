import pytest
from streamlit.testing.v1 import AppTest

from core.runs.service import Service
from dashboard import forms
from tests.dashboard.conftest import button, in_address, open_page, wait_for_runs


@pytest.fixture
def page(service: Service) -> AppTest:
    return open_page("race")


def small(page: AppTest) -> AppTest:
    """A race of short runs."""
    page.text_input(key=forms.key("validation_split")).set_value("0.95")
    return page.text_input(key=forms.key("epochs")).set_value("1").run()


def ids(page: AppTest, name: str) -> list[str]:
    return in_address(page, name).split(",")


def test_it_says_how_many_runs_it_will_start(page: AppTest) -> None:
    assert not page.exception
    assert button(page, "Start").label == "Start 24 runs"
    page.selectbox(key="race.rates").set_value("Same for all").run()
    assert button(page, "Start").label == "Start 4 runs"
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


def test_each_at_its_own_best_sweeps_first_and_then_races(page: AppTest, service: Service) -> None:
    page.multiselect(key="race.optimizer").set_value(["sgd", "adam"]).run()
    small(page)
    button(page, "Start").click().run()
    tried = ids(page, "sweep")
    assert len(tried) == 10
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
    wait_for_runs(service, ids(page, "sweep"))
    other = open_page("race", sweep=in_address(page, "sweep"))
    assert "runs" not in other.query_params
    button(other, "Race at these rates").click().run()
    assert len(ids(other, "runs")) == 2
    wait_for_runs(service, ids(other, "runs"))


def test_a_link_to_runs_that_are_gone_is_told_kindly(service: Service) -> None:
    page = open_page("race", runs="gone")
    assert not page.exception
    assert "does not have" in page.info[0].value
