"""A real service with one real worker, shared by the tests of this folder that need one."""

import threading
import time

import pytest

from core.runs.service import Service


class Patience:
    """Waits for a condition by looking at it; gives up with what it last saw."""

    def __init__(self, seconds: float = 300.0) -> None:
        self._seconds = seconds
        self._pause = threading.Event()

    def until(self, look, wanted=bool):
        deadline = time.monotonic() + self._seconds
        while not wanted(seen := look()):
            assert time.monotonic() < deadline, f"waited in vain; last seen: {seen}"
            self._pause.wait(0.01)
        return seen


@pytest.fixture
def wait():
    return Patience().until


@pytest.fixture
def service(tmp_path):
    running = Service(tmp_path / "home", workers=1, threads=1)
    yield running
    running.close()
