"""What the tests of ``core`` share: two threads, and MNIST read once."""

import pytest
import torch

from core import data

torch.set_num_threads(2)


@pytest.fixture(scope="session")
def mnist() -> data.Mnist:
    return data.load()
