"""What the tests of ``core`` share: one thread, which keeps its pace beside other work, and MNIST read once."""

import pytest
import torch

from core import data

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist() -> data.Mnist:
    return data.load()
