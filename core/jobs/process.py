"""A job's work in a process of its own: one JSON line in, JSON lines out.

For work that trains: torch's threads beside a page's script would make every visitor wait. stdin stays open as long as
the result is wanted, so the process ends with the server even where that was killed.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from core.jobs.registry import Report
from core.paths import ROOT

Message = dict[str, Any]


def run_module(module: str, request: Message, report: Report[Any], receive: Callable[[Message], None]) -> None:
    """Run ``python -m module`` on a request until it ends.

    Args:
        module: its ``main`` calls ``serve``.
        request: JSON values.
        report: of the job; a cancel kills the process.
        receive: called with every message; what it raises ends the process and is raised here.

    Raises:
        ValueError: with the process's own sentence, or one that says that it ended early.
    """
    command = [sys.executable, "-m", module]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
        try:
            report.on_cancel(process.kill)
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                message = json.loads(line)
                if "failure" in message:
                    raise ValueError(message["failure"])
                receive(message)
            process.wait()
        finally:
            process.kill()
    if process.returncode:
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
