import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from core.analysis.diagnostics import looked_at
from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import measuring
from dashboard.forms import key
from dashboard.insight import STABILITY, STEP

TRAIN = str(Path(__file__).resolve().parents[2] / "dashboard" / "views" / "train" / "page.py")
SMALL = {"epochs": 2, "validation_split": 0.95, "device": "cpu"}


def trained(service: Service, config: RunConfig) -> AppTest:
    """The Train page with a run of the config that is over."""
    run_id = service.submit(config)
    deadline = time.monotonic() + 300
    while not (run := service.run(run_id)) or not run.over:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    page = AppTest.from_file(TRAIN, default_timeout=120)
    page.query_params["run"] = run_id
    return page.run()


def button(page: AppTest, label: str) -> Button:
    return next(b for b in page.button if b.label.startswith(label))


def text(page: AppTest) -> str:
    return "\n".join(element.value for kind in ("markdown", "caption") for element in page.get(kind))


@pytest.fixture(scope="module")
def finished(service: Service) -> str:
    page = trained(service, RunConfig(optimizer="sgd", lr=0.1, **SMALL))
    value = page.query_params["run"]
    return value if isinstance(value, str) else value[0]


def opened(run_id: str) -> AppTest:
    page = AppTest.from_file(TRAIN, default_timeout=120)
    page.query_params["run"] = run_id
    return page.run()


def test_a_finding_stands_with_its_figure_and_its_remedy_fills_the_form(service: Service) -> None:
    page = trained(service, RunConfig(optimizer="sgd", lr=20.0, **SMALL))
    assert "It learnt nothing: the loss shot up to" in text(page)
    button(page, "Learning rate 2").click().run()
    assert page.text_input(key=key("lr")).value == "2"
    assert page.text_input(key=key("epochs")).value == "2"


def test_a_rate_of_the_finder_goes_into_the_form(finished: str) -> None:
    page = opened(finished)
    button(page, "Find a learning rate").click().run()
    assert not page.exception
    take = next(b for b in page.button if b.label.endswith("steepest descent"))
    rate = take.label.split()[1].rstrip(",")
    take.click().run()
    assert page.text_input(key=key("lr")).value == rate


def test_an_optimizer_without_such_a_rate_gets_a_sentence(service: Service) -> None:
    page = AppTest.from_file(TRAIN, default_timeout=120).run()
    page.selectbox(key=key("optimizer")).set_value("rprop").run()
    button(page, "Find a learning rate").click().run()
    said = [info.value.replace("\\", "") for info in page.info]
    assert "Optimizer must be one whose rate sets every step, got optimizer = rprop." in said


def test_stability_says_its_cost_is_measured_on_demand_and_shown(service: Service, finished: str) -> None:
    page = opened(finished)
    page.segmented_control(key="closer").set_value(STABILITY).run()
    assert "Replays the run and looks at it at 3 points" in text(page)
    assert measuring.get(finished) is None
    button(page, "Measure").click().run()
    deadline = time.monotonic() + 240
    while not (found := measuring.get(finished)) or not found.over:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    run = service.run(finished)
    assert run and [d.step for d in found.done] == looked_at(run.config, run.step)
    page.run()
    assert not page.exception
    assert "At the end the sharpness is" in text(page)
    assert "**Dead hidden units, of 128**" in text(page)


def test_a_step_is_put_into_numbers(finished: str) -> None:
    page = opened(finished)
    page.segmented_control(key="closer").set_value(STEP).run()
    assert any(r"\Delta\theta &= -\eta\, g_t" in formula.value for formula in page.latex)
    page.text_input(key="train.step").set_value("x").run()
    assert page.info[-1].value.startswith("Step must be a whole number from 1 to ")
