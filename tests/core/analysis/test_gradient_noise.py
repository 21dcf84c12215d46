"""The noise of mini-batches, against every single image's gradient by autograd."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from core.analysis.gradient_noise import BatchGradient, GradientNoise, batch_gradients, gradient_noise, mean_gradient
from core.data import Digits, Mnist
from core.training.config import RunConfig
from core.training.network import Network, to_flat

CONFIG = RunConfig(batch_size=10, validation_split=0.99, seed=3)


@pytest.fixture(scope="module")
def few(mnist: Mnist) -> Digits:
    return mnist.train[:40]


def by_autograd(network: Network, digits: Digits) -> torch.Tensor:
    loss = cross_entropy(network(digits.images / 255), digits.labels)
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(network.parameters()))]).double()


def test_the_noise_is_that_of_every_single_images_gradient(few: Digits) -> None:
    network = Network(3)
    before = to_flat(network)
    each = torch.stack([by_autograd(network, few[i : i + 1]) for i in range(len(few))])
    whole = each.mean(0)
    assert torch.allclose(mean_gradient(network, few).double(), whole, atol=1e-7)
    noise = gradient_noise(network, few)
    assert noise.images == 40
    assert noise.scale == pytest.approx(float((each - whole).square().sum(1).mean() / whole.square().sum()), rel=1e-4)
    assert torch.equal(to_flat(network), before)


def test_the_formula_is_the_mean_over_all_batches_without_repeats(few: Digits) -> None:
    network, three = Network(3), few[:5]
    each = torch.stack([by_autograd(network, three[i : i + 1]) for i in range(5)])
    whole = each.mean(0)
    pairs = torch.stack([(each[i] + each[j]) / 2 for i in range(5) for j in range(i)])
    measured = math.sqrt(float((pairs - whole).square().sum(1).mean() / whole.square().sum()))
    noise = gradient_noise(network, three)
    assert noise.of(2) == pytest.approx(measured, rel=1e-4)
    assert noise.of(5) == 0


def test_four_times_the_images_have_half_the_noise() -> None:
    noise = GradientNoise(scale=16.0, images=10**9)
    assert noise.of(16) == pytest.approx(1.0, rel=1e-6)
    assert noise.of(64) == pytest.approx(0.5, rel=1e-6)


def test_batches_are_those_of_the_runs_first_epoch(few: Digits) -> None:
    config = replace(CONFIG, shuffle="none")
    found = batch_gradients(config, few, count=2, first=1)
    network = Network(3)
    whole = by_autograd(network, few)
    for i, batch in enumerate(found, 1):
        own = by_autograd(network, few[10 * i : 10 * i + 10])
        assert batch.distance == pytest.approx(float((own - whole).norm() / whole.norm()), rel=1e-4)
        assert batch.cosine == pytest.approx(float(own @ whole / own.norm() / whole.norm()), rel=1e-4)
    assert len(batch_gradients(config, few, count=99)) == 4


def test_the_batch_of_all_images_is_the_gradient_itself(few: Digits) -> None:
    (whole,) = batch_gradients(replace(CONFIG, batch_size=40, shuffle="epoch"), few, count=5)
    assert (whole.along, whole.across) == (pytest.approx(1, abs=1e-5), pytest.approx(0, abs=1e-3))
    assert BatchGradient(0.0, 0.0).cosine == 0


def test_batches_are_measured_without_the_smoothing_that_all_images_are_measured_without(few: Digits) -> None:
    assert batch_gradients(replace(CONFIG, label_smoothing=0.5), few, 2) == batch_gradients(CONFIG, few, 2)


def test_a_known_gradient_of_all_images_changes_nothing(few: Digits) -> None:
    whole = mean_gradient(Network(CONFIG.seed, CONFIG.initialization), few, CONFIG.loss)
    assert batch_gradients(CONFIG, few, 3, whole=whole) == batch_gradients(CONFIG, few, 3)
    (half,) = batch_gradients(CONFIG, few, 1, whole=whole / 2)
    (one,) = batch_gradients(CONFIG, few, 1)
    assert half.along == pytest.approx(2 * one.along)
