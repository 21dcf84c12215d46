"""A real service with one real worker, shared by the tests of this folder that need one."""

import pytest

from core.runs.service import Service
from tests.waiting import wait_for


@pytest.fixture
def wait():
    return wait_for


@pytest.fixture
def service(tmp_path):
    running = Service(tmp_path / "home", workers=1, threads=1)
    yield running
    running.close()
