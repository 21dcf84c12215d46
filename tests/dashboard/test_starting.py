"""The frame's sentences on how fast runs begin and go."""

from core.runs.service import Service
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
