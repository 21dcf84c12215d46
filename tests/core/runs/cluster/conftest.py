"""A Ray cluster for the tests of a module, and a service on it."""

import pytest

from core.runs import scheduler
from core.runs.cluster import settings
from core.runs.service import Service
from core.training.network import to_flat
from core.training.trainer import Trainer
from tests.core.runs.cluster.interrupted import MIDDLE
from tests.core.runs.cluster.nodes import Nodes, processes
from tests.core.runs.recorded import recorded
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


@pytest.fixture(scope="module")
def whole():
    """The run in one go, in this process: its parameters, and the losses of its steps."""
    trainer = Trainer(MIDDLE)
    losses = [loss for event in trainer.events() for loss in getattr(event, "losses", ())]
    return to_flat(trainer.network), losses


@pytest.fixture
def in_training(service, wait):
    """Start a run, wait until it has a checkpoint on its way, and give its id."""

    def started(config):
        run_id = service.submit(config)
        wait(lambda: len(recorded(service, run_id, "Checkpointed")))
        return run_id

    return started
