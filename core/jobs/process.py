"""A job's work in a process of its own: one JSON line in, JSON lines out.

For work that trains: torch's threads beside a page's script would make every visitor wait. stdin stays open as long as
the result is wanted, so the process ends with the server even where that was killed. Where the lab's workers are on
other machines, the processes are too, and the files that they need and make travel with the messages.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from core.jobs.registry import Report
from core.paths import ROOT

Message = dict[str, Any]


@dataclass(frozen=True)
class Files:
    """Files of a process, all in the folder that its request has under ``folder``.

    Args:
        needed: names of those that it reads, where they are there.
        made: names of those that it may write.
    """

    needed: tuple[str, ...] = ()
    made: tuple[str, ...] = ()


class Running(Protocol):
    """A process under way, here or elsewhere. ``status`` is 0 once it has done its work."""

    status: int | None

    def messages(self) -> Iterator[Message]:
        """Yield its messages until it ends."""

    def kill(self) -> None:
        """End it; nothing if it has ended."""

    def close(self) -> None:
        """End it, and let go of all that it has."""


class Elsewhere(Protocol):
    """Starts processes on other machines."""

    def __call__(self, module: str, request: Message, files: Files) -> Running | None:
        """Start the process; None if there is no machine for it now."""


class Process:
    """A process of this machine."""

    def __init__(self, module: str, request: Message) -> None:
        self.status: int | None = None
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", module]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")
        self._request = request

    def messages(self) -> Iterator[Message]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._request) + "\n")
        self._process.stdin.flush()
        yield from map(json.loads, self._process.stdout)
        self.status = self._process.wait()

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self.kill()
        with self._process:
            # Its pipes are closed, and it is waited for.
            pass


@contextlib.contextmanager
def run_module(
    module: str, request: Message, report: Report[Any], files: Files | None = None
) -> Iterator[Iterator[Message]]:
    """Run ``python -m module`` on a request, on another machine where the lab has others; it ends with the block.

    Args:
        module: its ``main`` calls ``serve``.
        request: JSON values.
        report: of the job; a cancel kills the process.
        files: what the process reads and writes.

    Yields:
        The process's messages until it ends; a ValueError comes in their place, with the process's own sentence or one
        that says that it ended early.
    """
    process = report.elsewhere and report.elsewhere(module, request, files or Files())
    process = process or Process(module, request)
    try:
        report.on_cancel(process.kill)
        yield _messages(process)
    finally:
        process.close()


def _messages(process: Running) -> Iterator[Message]:
    for message in process.messages():
        if "failure" in message:
            raise ValueError(message["failure"])
        yield message
    if process.status:
        raise ValueError("The process that worked on this ended before it was done.")


def serve(work: Callable[[Message], Iterator[Message]]) -> None:
    """Be the process: read the request, write a line per message, and end with the server.

    Args:
        work: yields messages; its ValueError or OSError becomes the failure of the job.
    """
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        for message in work(request):
            print(json.dumps(message), flush=True)
    except (ValueError, OSError) as error:
        print(json.dumps({"failure": str(error)}), flush=True)
        sys.exit(1)


def _end_with_stdin() -> None:
    # Not sys.stdin: Python closes that at its end, and would wait for this thread's lock on it.
    while os.read(0, 1024):
        pass
    os._exit(0)
