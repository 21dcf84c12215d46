from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.diagnostics import looked_at
from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import measuring
from dashboard.forms import key
from dashboard.insight import STABILITY, STEP
from tests.dashboard.conftest import button, open_page, text, wait_for_runs
from tests.waiting import wait_for

SMALL = {"epochs": 2, "validation_split": 0.95, "device": "cpu"}


def trained(service: Service, config: RunConfig) -> AppTest:
    """The Train page with a run of the config that is over."""
    run_id = service.submit(config)
    wait_for_runs(service, [run_id])
    return open_page("train", run=run_id)


@pytest.fixture(scope="module")
def finished(service: Service) -> str:
    run_id = service.submit(RunConfig(optimizer="sgd", lr=0.1, **SMALL))
    wait_for_runs(service, [run_id])
    return run_id


def test_a_finding_stands_with_its_figure_and_its_remedy_fills_the_form(service: Service) -> None:
    page = trained(service, RunConfig(optimizer="sgd", lr=20.0, **SMALL))
    assert "It learnt nothing: the loss shot up to" in text(page)
    button(page, "Learning rate 2").click().run()
    assert page.text_input(key=key("lr")).value == "2"
    assert page.text_input(key=key("epochs")).value == "2"


def test_a_rate_of_the_finder_goes_into_the_form(finished: str) -> None:
    page = open_page("train", run=finished)
    button(page, "Find a learning rate").click().run()
    assert not page.exception
    take = next(b for b in page.button if b.label.endswith("steepest descent"))
    rate = take.label.split()[1].rstrip(",")
    take.click().run()
    assert page.text_input(key=key("lr")).value == rate


def test_an_optimizer_without_such_a_rate_gets_a_sentence(service: Service) -> None:
    page = open_page("train")
    page.selectbox(key=key("optimizer")).set_value("rprop").run()
    button(page, "Find a learning rate").click().run()
    said = [info.value.replace("\\", "") for info in page.info]
    assert "Optimizer must be one whose rate sets every step, got optimizer = rprop." in said


def test_stability_says_its_cost_is_measured_on_demand_and_shown(service: Service, finished: str) -> None:
    page = open_page("train", run=finished)
    page.segmented_control(key="closer").set_value(STABILITY).run()
    assert "Replays the run and looks at it at 3 points" in text(page)
    run = service.run(finished)
    assert run and measuring.get(run) is None
    button(page, "Measure").click().run()
    found = wait_for(lambda: measuring.get(run), lambda found: found and found.over)
    # A run that goes on after its diagnosis is diagnosed anew.
    assert measuring.get(replace(run, step=run.step - 1)) is None
    assert [d.step for d in found.done] == looked_at(run.config, run.step)
    page.run()
    assert not page.exception
    assert "At the end the sharpness is" in text(page)
    assert "**Dead hidden units, of 128**" in text(page)


def test_a_step_is_put_into_numbers(finished: str) -> None:
    page = open_page("train", run=finished)
    page.segmented_control(key="closer").set_value(STEP).run()
    assert any(r"\Delta\theta &= -\eta\, g_t" in formula.value for formula in page.latex)
    page.text_input(key="train.step").set_value("x").run()
    assert page.info[-1].value.startswith("Step must be a whole number from 1 to ")
