import re

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core import data
from core.analysis.evaluation import evaluate
from core.models.checkpoints import load_parameters, save_parameters
from core.runs.service import Service
from core.training.config import RunConfig
from core.training.network import Network
from dashboard.analysis.closer_look import STEP
from dashboard.analysis.lr_finder import THIS
from dashboard.forms import key
from tests.dashboard.conftest import button, labels, open_page, text, wait_for_runs
from tests.waiting import wait_for

SMALL = {"epochs": 2, "validation_split": 0.95, "device": "cpu"}


def plain(page: AppTest) -> str:
    """The page's sentences without the escapes of their Markdown."""
    return text(page).replace("\\", "")


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
    assert "It learnt nothing: the loss rose to" in plain(page)
    wait_for(lambda: "Tried:" in text(page.run()))
    remedy = next(b for b in page.button if b.label.startswith("Learning rate "))
    assert re.search(r"Tried: after 94 steps: loss 0\.\d+ instead of ", plain(page))
    remedy.click().run()
    assert page.text_input(key=key("lr")).value == remedy.label.removeprefix("Learning rate ")
    assert page.text_input(key=key("epochs")).value == "2"


def test_a_run_that_went_well_is_told_by_its_answers(finished: str, service: Service) -> None:
    page = open_page("train", run=finished)
    path = service.parameters_file(finished)
    assert path
    network, _ = load_parameters(path)
    test = data.load().test
    predictions = evaluate(network, test).predictions
    wrong = [(p, d) for p, d in zip(predictions.tolist(), test.labels.tolist(), strict=True) if p != d]
    said = re.search(r"From guessing to (\S+)%: (\S+) of 10,000 wrong, most often (\d) for (\d)", plain(page))
    assert said
    assert said[1] == f"{100 - len(wrong) / 100:.2f}"
    assert said[2] == f"{len(wrong):,}"
    assert wrong.count((int(said[3]), int(said[4]))) == max(map(wrong.count, set(wrong)))
    assert any("predicted " in html.value for html in page.get("html"))
    assert {"All of its answers", "Race its optimizer against others"} <= set(labels(page))


def test_a_rate_of_the_finder_goes_into_the_form(finished: str) -> None:
    page = open_page("train", run=finished)
    button(page, "Find a learning rate").click().run()
    assert not page.exception
    take = next(b for b in page.button if b.label.endswith("steepest descent"))
    rate = take.label.split()[1].rstrip(",")
    take.click().run()
    assert page.text_input(key=key("lr")).value == rate


def test_a_network_whose_loss_is_no_number_gets_a_sentence(finished: str, service: Service) -> None:
    path = service.parameters_file(finished)
    assert path
    before, huge = path.read_bytes(), Network(0)
    with torch.no_grad():
        for weights in huge.parameters():
            weights *= 3e37
    try:
        save_parameters(huge, path, {})
        page = open_page("train", run=finished)
        page.segmented_control(key="range.start").set_value(THIS).run()
        button(page, "Find a learning rate").click().run()
    finally:
        path.write_bytes(before)
    assert not page.exception
    assert "The loss is not a finite number at the first step, so there is no rate to suggest." in text(page)
    assert not any("argmin" in info.value for info in page.info)
    assert not any(b.label.startswith("Take ") for b in page.button)


def test_an_optimizer_without_such_a_rate_gets_a_sentence(service: Service) -> None:
    page = open_page("train")
    page.selectbox(key=key("optimizer")).set_value("rprop").run()
    button(page, "Find a learning rate").click().run()
    said = [info.value.replace("\\", "") for info in page.info]
    assert "Optimizer must be one whose rate sets every step, got optimizer = rprop." in said


def test_a_result_is_of_the_very_network_that_was_tested(finished: str, service: Service) -> None:
    page = open_page("train", run=finished)
    page.segmented_control(key="range.start").set_value(THIS).run()
    button(page, "Find a learning rate").click().run()
    assert any(b.label.startswith("Take ") for b in page.button)
    path = service.parameters_file(finished)
    assert path
    before = path.read_bytes()
    try:
        save_parameters(Network(9), path, {})
        assert not any(b.label.startswith("Take ") for b in page.run().button)
    finally:
        path.write_bytes(before)


def test_a_step_is_put_into_numbers(finished: str) -> None:
    page = open_page("train", run=finished)
    page.segmented_control(key="closer").set_value(STEP).run()
    assert any(r"\Delta\theta &= -\eta\, g_t" in formula.value for formula in page.latex)
    page.text_input(key="train.step").set_value("x").run()
    assert page.info[-1].value.startswith("Step must be a whole number from 1 to ")
