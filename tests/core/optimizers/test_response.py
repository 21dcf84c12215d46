import numpy as np
import pytest
import torch

from core.optimizers import OPTIMIZERS
from core.optimizers.response import response


def test_agreeing_gradients_drive_momentum_to_one_over_one_minus_mu() -> None:
    moved = response(OPTIMIZERS["momentum"], [1.0] * 400, 0.5, {"momentum": 0.9})
    # v_t = 1 + 0.9 + 0.9^2 + ...
    assert moved[:3] == pytest.approx([0.5, 0.95, 1.355])
    assert moved[-1] == pytest.approx(0.5 / (1 - 0.9))


def test_gradients_that_point_back_and_forth_cancel() -> None:
    moved = response(OPTIMIZERS["momentum"], [(-1.0) ** t for t in range(400)], 1.0, {"momentum": 0.9})
    assert abs(moved[-1]) == pytest.approx(1 / (1 + 0.9))


def test_adam_steps_by_the_rate_whatever_the_gradient() -> None:
    for size in (1e-4, 1.0, 100.0):
        assert response(OPTIMIZERS["adam"], [size] * 5, 0.001) == pytest.approx([0.001] * 5, rel=1e-3)


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adagrad", "rmsprop", "adam", "muon"])
def test_it_is_the_way_of_torchs_own_object(name: str) -> None:
    gradients = np.sin(np.arange(1, 12))
    weight = torch.nn.Parameter(torch.zeros(1, 2, dtype=torch.float64))
    places = [0.0]
    (optimizer, *_) = OPTIMIZERS[name].create([weight], 0.01)
    for gradient in gradients:
        weight.grad = torch.tensor([[gradient, 0.0]], dtype=torch.float64)
        optimizer.step()
        places.append(float(weight.detach()[0, 0]))
    assert response(OPTIMIZERS[name], gradients, 0.01) == pytest.approx(-np.diff(places), abs=1e-6)
