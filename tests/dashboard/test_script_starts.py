"""Tests of the start of pages' scripts."""

import threading
from typing import Any

import pytest
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from dashboard import script_starts


def test_the_start_of_a_script_waits_for_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    go, started = threading.Event(), threading.Semaphore(0)
    runners: list[Any] = []

    def start(runner: Any) -> None:
        # As a thread that gets no processor; the first one cannot be had at all.
        assert go.wait(60)
        runners.append(runner)
        started.release()
        if runner == 0:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ScriptRunner, "start", start)
    script_starts.install()
    script_starts.install()
    for runner in range(4):
        ScriptRunner.start(runner)  # type: ignore[arg-type]
    assert runners == []
    go.set()
    for _ in range(4):
        assert started.acquire(timeout=60)
    assert sorted(runners) == [0, 1, 2, 3]
