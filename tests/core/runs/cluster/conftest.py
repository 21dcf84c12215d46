"""A Ray cluster for the tests of a module, and a service on it."""

import pytest

from core.runs import scheduler
from core.runs.cluster import settings
from core.runs.service import Service
from tests.core.runs.cluster.nodes import Nodes, processes
from tests.waiting import LIMIT


@pytest.fixture(autouse=True)
def with_ray(monkeypatch):
    """Let the tests with clusters that they play run where Ray is not installed."""
    monkeypatch.setattr(settings, "installed", lambda: True)


@pytest.fixture
def start_nodes():
    return Nodes


@pytest.fixture
def living():
    return processes


@pytest.fixture(scope="module")
def nodes():
    """A cluster whose head has no CPU for the lab, with one node that has one."""
    cluster = Nodes()
    cluster.add()
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def service(nodes, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # On a busy machine a worker is silent for seconds, which would be an event among those that the tests expect.
        patch.setattr(scheduler, "STALLED_SECONDS", LIMIT)
        for name, value in {**nodes.environment, "DESCENT_CLUSTER": nodes.address}.items():
            patch.setenv(name, value)
        running = Service(tmp_path_factory.mktemp("home"))
        yield running
        running.close()
