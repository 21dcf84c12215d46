"""Runs as a page that stands alone: what is in it."""

import html
import json

import pytest

from core.models.code import write
from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import coding, freezing
from dashboard.views.runs import figures, rows
from dashboard.words import percent, run_title
from tests.dashboard.components.test_standalone import HOSTILE, data_of
from tests.dashboard.conftest import open_page, wait_for_runs

SHORT = {"epochs": 2, "validation_split": 0.98}


@pytest.fixture(scope="module")
def ids(service: Service) -> list[str]:
    """A run with a hostile name, and a branch of it."""
    first = service.submit(RunConfig(**SHORT), HOSTILE, "a" * 16, "Ada & Bob")
    wait_for_runs(service, [first])
    branch = service.branch(first, 19, {"lr": 0.01})
    wait_for_runs(service, [branch])
    return [first, branch]


def page_of(service: Service, ids: list[str], together: bool = False) -> str:
    runs = [service.existing(run_id) for run_id in ids]
    lines = rows.lines(runs) if together else ()
    return freezing.runs_page("Kept", "by me", runs, figures.HEAD, map(figures.in_words, runs), "light", lines)


def test_a_run_leaves_with_its_events_its_figures_its_settings_and_its_code(service: Service, ids: list[str]) -> None:
    page, run = page_of(service, ids[:1]), service.existing(ids[0])
    ((_, data),) = data_of(page)
    told = [json.loads(message) for message in service.messages(run.id) or []]
    assert data["recorded"][run.id] == [event for event in told if event["event"] != "Checkpointed"]
    assert data["lines"] == [] and "drawn" not in data["runs"][0]
    assert f"<td>{percent(run.test_accuracy)}</td>" in page
    assert "<dt>Batch size</dt><dd>64</dd>" in page and "<p>by me</p>" in page
    assert f"<code>{html.escape(write(coding.recipe_of_run(run)))}</code>" in page


def test_runs_leave_together_with_what_sets_them_apart(service: Service, ids: list[str]) -> None:
    page = page_of(service, ids, together=True)
    first, branch = (service.existing(run_id) for run_id in ids)
    ((_, data),) = data_of(page)
    assert list(data["recorded"]) == ids and len(data["lines"]) == 2
    assert f"#{branch.number} leaves #{first.number} at step 19." in page
    assert f'<th scope="row">{html.escape(run_title(branch))}</th><td>0.01</td>' in page
    assert page.count("<details>") == 2


def test_a_hostile_name_ends_nothing(service: Service, ids: list[str]) -> None:
    page = page_of(service, ids, together=True)
    assert "alert(1)</script>" not in page and html.escape(HOSTILE) in page


def test_what_a_reader_should_know_of_a_run(service: Service, ids: list[str]) -> None:
    first, branch = (service.existing(run_id) for run_id in ids)
    assert freezing.about(first).startswith("By Ada & Bob, ")
    assert freezing.about(branch).splitlines()[1] == f"Goes on from {run_title(first)} at step 19."


def test_pages_offer_it(ids: list[str]) -> None:
    for address in ({"run": ids[0]}, {"compare": ",".join(ids)}):
        page = open_page("runs", **address)
        assert not page.exception
        assert "Page" in {button.proto.label for button in page.get("download_button")}
