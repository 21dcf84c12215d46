"""The frame's sentences on how fast runs begin and go, and on those that are not trained twice."""

import pytest

from core.runs.service import Service
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import starting
from tests.dashboard.conftest import open_page, page_of


def test_while_the_steps_are_compiled_the_page_says_what_runs_wait_for(service, monkeypatch):
    monkeypatch.setattr(Service, "compiling", property(lambda self: True))
    page = open_page("")
    (sentence,) = [info.value for info in page.info if "Compiling" in info.value]
    assert sentence.startswith("Compiling the training step for this machine, once.")
    monkeypatch.setattr(Service, "compiling", property(lambda self: False))
    assert not [info for info in page.run().info if "Compiling" in info.value]


def test_without_compiled_steps_the_page_says_once_that_it_is_slower(service, monkeypatch):
    page = page_of("")
    assert not page.run().toast
    monkeypatch.setattr("core.compiled.AVAILABLE", False)
    assert [toast.value for toast in page.run().toast] == [
        "Training takes about three times as long here: numba is not installed."
    ]
    assert not page.run().toast


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        ([12], "#12"),
        ([3, 4], "#3 and #4"),
        ([3, 4, 5, 6], "#3, #4, #5 and #6"),
        ([3, 4, 5, 6, 7], "#3, #4, #5 and 2 more"),
        (range(1, 65), "#1, #2, #3 and 61 more"),
    ],
)
def test_the_runs_that_answer_are_named(numbers, names):
    runs = [Run("id", number, "", RunConfig(), 0.0, "finished", "", None, None, None) for number in numbers]
    assert starting._names(runs) == names
