import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from core.jobs import Cancelled, Job, Jobs, Kind, Report, process
from core.jobs.process import Process, run_module
from core.paths import ROOT
from tests.waiting import LIMIT

KIND = Kind("processes", patience=60.0, remembered=8)
MODULE = "tests.core.jobs.echo"


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    registry = Jobs()
    yield registry
    registry.close()


class Echo:
    """A job that runs the process; its messages, and an event for the first of them."""

    def __init__(self, jobs: Jobs, request: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self.begun = threading.Event()

        def work(report: Report[list[Any]]) -> list[Any]:
            with run_module(MODULE, {"as": request}, report) as messages:
                for message in messages:
                    self.messages.append(message)
                    self.begun.set()
            return self.messages

        self.job: Job[list[Any]] = jobs.get(KIND, request, work)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_messages_come_in_order(jobs: Jobs) -> None:
    pid, *others = Echo(jobs, "echo").job.wait()
    assert pid["pid"] != os.getpid() and others == [{"share": 0.5}, {"share": 1.0}]


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ("refuse", "request must be kind, got request = refuse."),
        ("die", "The process that worked on this ended before it was done."),
    ],
)
def test_a_process_that_fails_is_one_sentence(jobs: Jobs, request_: str, sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        Echo(jobs, request_).job.wait()
    assert str(error.value) == sentence


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_cancel_and_the_labs_end_kill_the_process(jobs: Jobs, how: str) -> None:
    echo = Echo(jobs, "hang")
    echo.job.start()
    assert echo.begun.wait(LIMIT)
    if how == "cancel":
        echo.job.cancel()
        # The kind's thread is free again once the process is gone.
        assert len(Echo(jobs, "echo").job.wait()) == 3
    else:
        jobs.close()
    assert not alive(echo.messages[0]["pid"])


def test_the_process_ends_with_a_server_that_was_killed() -> None:
    """The end of stdin is the sign."""
    request = json.dumps({"as": "hang"}) + "\n"
    command = [sys.executable, "-m", MODULE]
    ran = subprocess.run(command, cwd=ROOT, input=request, capture_output=True, text=True, timeout=LIMIT)
    assert (ran.returncode, ran.stderr) == (0, "") and "share" not in ran.stdout


def test_a_job_that_is_cancelled_before_its_first_message_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Process] = []

    class Cancels:
        elsewhere = None

        def on_cancel(self, _: object) -> None:
            raise Cancelled

    class Kept(Process):
        def __init__(self, module: str, request: dict[str, Any]) -> None:
            super().__init__(module, request)
            begun.append(self)

    monkeypatch.setattr(process, "Process", Kept)
    with pytest.raises(Cancelled), run_module(MODULE, {"as": "hang"}, Cancels()):  # type: ignore[arg-type]
        pass
    (kept,) = begun
    assert kept._process.returncode is not None
    assert kept._process.stdout and kept._process.stdout.closed
