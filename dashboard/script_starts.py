"""Starts of pages' scripts, apart from the server's event loop.

Streamlit draws each page, and each part that is drawn by itself, in a thread of its own, which the event loop starts.
Python's start of a thread waits until that runs; where processors are busy and other threads compute, this takes a
while at each drawing of every visitor, and nobody else is served meanwhile.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from dashboard.late_requests import replace

#: Starts that wait at once, each for its thread.
AT_ONCE = 2
_starts = ThreadPoolExecutor(AT_ONCE, "starts")


def install() -> None:
    """Let threads of their own wait for the scripts' threads. A second call changes nothing."""
    replace(ScriptRunner, "start", lambda start, runner: _starts.submit(_start, start, runner))


def _start(start: Callable[[ScriptRunner], None], runner: ScriptRunner) -> None:
    try:
        start(runner)
    except Exception:
        logging.getLogger(__name__).exception("A page's script could not be started")
