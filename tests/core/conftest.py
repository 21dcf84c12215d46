"""What the tests of ``core`` share: one thread, which keeps its pace beside other work, and MNIST read once."""

import pytest

from core import data, devices
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer

devices.prepare_cpu(1)


@pytest.fixture(scope="session")
def mnist() -> data.Mnist:
    return data.load()


@pytest.fixture(scope="session")
def trained() -> Network:
    """A network after one epoch of Adam: about 95 % of the test digits."""
    trainer = Trainer(RunConfig(epochs=1))
    list(trainer.events())
    return trainer.network
