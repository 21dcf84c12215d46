"""A real service with one real worker, shared by the tests of this folder that need one."""

import pytest

from core.runs import scheduler
from core.runs.service import Service
from tests.waiting import LIMIT, wait_for


@pytest.fixture
def wait():
    return wait_for


@pytest.fixture
def service(tmp_path, monkeypatch):
    # On a busy machine a worker is silent for seconds, which would be an event among those that the tests expect.
    monkeypatch.setattr(scheduler, "STALLED_SECONDS", LIMIT)
    running = Service(tmp_path / "home", workers=1, threads=1)
    yield running
    running.close()
