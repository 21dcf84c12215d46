"""Recorded work, on a device where there is one."""

import pytest
import torch

from core.cuda_graphs import record

DEVICE = torch.device("cuda")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


def test_recording_changes_nothing_and_each_replay_does_the_work_once():
    total, addend = torch.zeros(3, device=DEVICE), torch.ones(3, device=DEVICE)
    replay = record(lambda: total.add_(addend), [total], DEVICE)
    assert total.tolist() == [0.0, 0.0, 0.0]
    replay()
    addend.fill_(10.0)
    replay()
    assert total.tolist() == [11.0, 11.0, 11.0]


def test_a_product_is_recorded_as_its_first_use():
    a, b, c = (torch.randn(64, 64, device=DEVICE) for _ in range(3))
    record(lambda: torch.mm(a, b, out=c), (), DEVICE)()
    assert torch.allclose(c.cpu(), a.cpu() @ b.cpu(), atol=1e-4)
