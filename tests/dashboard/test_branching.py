"""The popover "What if, from here", and what pages say of a branch."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import branching
from tests.dashboard.conftest import button, labels, open_page, text, wait_for_runs

#: 19 steps in each of 2 epochs.
SHORT = RunConfig(epochs=2, validation_split=0.98)


@pytest.fixture(scope="module")
def run_id(service: Service) -> str:
    run_id = service.submit(SHORT)
    wait_for_runs(service, [run_id])
    return run_id


def change(page: AppTest, run_id: str, what: str) -> AppTest:
    """Choose what changes."""
    return page.button_group(key=f"run.branch.{run_id}.what").set_value(what).run()


def branch(page: AppTest, service: Service, run_id: str) -> RunConfig:
    """Press Branch; return the settings of the run that it has started."""
    before = {run.id for run in service.children(run_id)}
    button(page, "Branch").click().run()
    assert not page.exception and not page.error
    (child,) = [run for run in service.children(run_id) if run.id not in before]
    assert page.query_params["compare"] in (f"{run_id},{child.id}", [f"{run_id},{child.id}"])
    return service.existing(child.id).config


def test_a_rate_is_changed_at_a_step(service: Service, run_id: str) -> None:
    page = open_page("runs", run=run_id)
    assert not page.exception
    (slider,) = page.slider
    assert (slider.label, slider.min, slider.max, slider.value) == ("From step", 0, 37, 19)
    slider.set_value(25).run()
    assert "In epoch 2 of 2." in text(page)
    assert branch(page, service, run_id) == replace(SHORT, lr=0.0001)
    child = service.children(run_id)[-1]
    assert (child.parent_step, child.first_step) == (25, 25)


def test_each_setting_has_its_field(service: Service, run_id: str) -> None:
    page = change(open_page("runs", run=run_id), run_id, "optimizer")
    assert "With its own learning rate" in text(page) and "begins afresh" in text(page)
    page.selectbox(key=f"run.branch.{run_id}.optimizer").set_value("rmsprop").run()
    assert branch(page, service, run_id).optimizer == "rmsprop"
    page = change(open_page("runs", run=run_id), run_id, "batch_size")
    assert page.slider[0].label == "From the beginning of epoch" and page.slider[0].max == 2
    assert branch(page, service, run_id) == replace(SHORT, batch_size=256)
    page = change(open_page("runs", run=run_id), run_id, "shuffle")
    page.selectbox(key=f"run.branch.{run_id}.shuffle").set_value("by-label").run()
    assert branch(page, service, run_id) == replace(SHORT, shuffle="by-label")


def test_a_refusal_is_a_sentence_and_starts_nothing(service: Service, run_id: str) -> None:
    before = len(service.children(run_id))
    page = open_page("runs", run=run_id)
    page.text_input(key=f"run.branch.{run_id}.lr").set_value("much").run()
    button(page, "Branch").click().run()
    assert not page.exception
    assert len(service.children(run_id)) == before
    assert page.session_state["notices.refused"].startswith("Learning rate must be between 0 and 1000")


def test_what_has_no_steps_cannot_be_left(service: Service) -> None:
    waiting = service.submit(replace(SHORT, epochs=1000))
    page = open_page("runs", run=waiting)
    assert not page.exception and "Branch" not in labels(page)
    service.command(waiting, "stop")


def test_both_sides_of_a_branch_link_each_other(service: Service, run_id: str) -> None:
    child = service.branch(run_id, 19, {"lr": 0.02})
    wait_for_runs(service, [child])
    own, other = service.existing(child), service.existing(run_id)
    page = open_page("runs", run=child)
    assert any(label.startswith(f"from \\#{other.number} ") and "at step 19" in label for label in labels(page))
    page = open_page("runs", run=run_id)
    assert any(label.startswith(f"led to \\#{own.number} ") and "at step 19" in label for label in labels(page))
    page = open_page("runs", compare=f"{run_id},{child}")
    assert f"\\#{own.number} leaves \\#{other.number} at step 19\\." in text(page)
    assert "Goes on from run" in text(open_page("train", run=child))
    fork = replace(own, parent_step=None)
    assert branching.origin(fork, other).startswith(f"A fork of run #{other.number} ")
    assert branching.departures([fork, other]) == [] == branching.departures([own])
