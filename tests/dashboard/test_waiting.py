"""A job on a page, as three lines of a script."""

import threading
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import Job, Jobs, Kind, Report
from dashboard import waiting
from tests.waiting import LIMIT, wait_for

KIND = Kind("tests", patience=60.0, remembered=8)


def script() -> None:
    import streamlit as st

    from dashboard import waiting

    result = waiting.show(st.session_state["job"], st.session_state.get("draw"))
    if result:
        st.markdown(f"The result is {result}.")


class Task:
    """Work that waits to be let go on, and fails the first time."""

    def __init__(self, jobs: Jobs) -> None:
        self.attempts = 0
        self.half, self.go = threading.Event(), threading.Event()
        self.job: Job[str] = jobs.get(KIND, "/secret/path", self.work)

    def work(self, report: Report[str]) -> str:
        self.attempts += 1
        report("Halfway", 0.5)
        self.half.set()
        assert self.go.wait(LIMIT)
        if self.attempts == 1:
            raise ValueError("The disk is *full*.")
        return "whole"

    def end(self) -> None:
        self.go.set()
        wait_for(lambda: self.job.status().done)


@pytest.fixture
def task() -> Iterator[Task]:
    jobs = Jobs()
    task = Task(jobs)
    yield task
    task.go.set()
    jobs.close()


def test_progress_then_the_failure_then_after_another_try_the_result(task: Task) -> None:
    page = AppTest.from_function(script)
    page.session_state["job"] = task.job
    page.run()
    assert task.half.wait(LIMIT)
    page.run()
    (bar,) = page.get("progress")
    assert (bar.proto.value, bar.proto.text) == (50, "Halfway") and not page.markdown
    task.end()
    for _ in range(2):
        page.run()
        assert [error.value for error in page.error] == ["The disk is \\*full\\*\\."]
    (button,) = page.button
    assert button.label == "Try again" and "secret" not in str(button.key)
    button.click().run()
    task.end()
    page.run()
    assert not page.error and not page.button and not page.get("progress")
    assert [text.value for text in page.markdown] == ["The result is whole."]
    assert task.attempts == 2


def test_a_drawing_of_its_own_replaces_the_bar_and_stays(task: Task) -> None:
    seen: list[str] = []
    page = AppTest.from_function(script)
    page.session_state["job"] = task.job
    page.session_state["draw"] = lambda status: seen.append(status.stage)
    page.run()
    assert task.half.wait(LIMIT)
    page.run()
    assert seen[-1] == "Halfway" and not page.get("progress")
    task.attempts = 2
    task.end()
    page.run()
    assert seen[-1] == "" and [text.value for text in page.markdown] == ["The result is whole."]
    assert waiting.POLL_SECONDS < 1
