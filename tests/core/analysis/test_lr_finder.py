import numpy as np
import pytest
import torch

from core.analysis.lr_finder import find_learning_rate, suggestions
from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from core.training.events import StepsDone
from core.training.network import Network
from core.training.trainer import train


def test_the_rate_grows_by_a_constant_factor_around_the_recommended_one() -> None:
    seen = find_learning_rate(RunConfig(validation_split=0.9), steps=50)
    assert seen.rates[0] == pytest.approx(1e-7)
    np.testing.assert_allclose(seen.rates[1:] / seen.rates[:-1], 1e7 ** (1 / 49))


def test_its_first_loss_is_that_of_the_run_it_stands_for() -> None:
    config = RunConfig(optimizer="sgd", lr=0.1, validation_split=0.9, seed=3, device="cpu")
    block = next(e for e in train(config) if isinstance(e, StepsDone))
    assert find_learning_rate(config, steps=10).losses[0] == pytest.approx(block.losses[0], rel=1e-6)


def test_sgd_is_plain_arithmetic() -> None:
    """Against autograd: the second loss is the one after a step at the first rate."""
    config = RunConfig(optimizer="sgd", lr=0.1, validation_split=0.9, shuffle="none", device="cpu")
    from core import data

    train_digits, _ = data.load().split(config.validation_images)
    network, losses = Network(config.seed), []
    seen = find_learning_rate(config, steps=12)
    for step, rate in enumerate(seen.rates):
        part = train_digits[step * 64 : step * 64 + 64]
        loss = torch.nn.functional.cross_entropy(network(part.images.float() / 255), part.labels)
        network.zero_grad()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for p in network.parameters():
                assert p.grad is not None
                p -= float(rate) * p.grad
    np.testing.assert_allclose(seen.losses, losses, rtol=2e-4)


def test_it_ends_when_the_loss_breaks_away_and_suggests_rates_below_that() -> None:
    seen = find_learning_rate(RunConfig(optimizer="sgd", lr=0.3))
    assert len(seen.rates) < 200
    assert seen.steepest is not None and seen.tenth is not None
    assert 0.02 < seen.tenth < seen.steepest < seen.rates[-1]
    assert seen.smoothed[-1] > 4 * seen.smoothed.min()


def test_the_network_stays_as_it_is_and_the_search_repeats_itself() -> None:
    network = Network(seed=5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    config = RunConfig(validation_split=0.9)
    first, second = (find_learning_rate(config, network, steps=20) for _ in range(2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    np.testing.assert_array_equal(first.losses, second.losses)
    assert first.losses[0] != find_learning_rate(config, steps=20).losses[0]


@pytest.mark.slow
def test_large_batches_get_fewer_steps() -> None:
    assert len(find_learning_rate(RunConfig(batch_size=60_000, validation_split=0.0)).rates) <= 20


@pytest.mark.parametrize("optimizer", [name for name, spec in OPTIMIZERS.items() if not spec.rate_sets_every_step])
def test_an_optimizer_without_a_rate_for_every_step_is_refused(optimizer: str) -> None:
    with pytest.raises(ValueError) as caught:
        find_learning_rate(RunConfig.recommended(optimizer))
    assert str(caught.value) == f"optimizer must be one whose rate sets every step, got optimizer = {optimizer}."


def test_steps_are_checked() -> None:
    with pytest.raises(ValueError, match=r"steps must be a whole number in \[10, 2000\], got steps = 5"):
        find_learning_rate(RunConfig(), steps=5)


def test_the_steepest_descent_and_a_tenth_of_the_minimum() -> None:
    rates = np.geomspace(1e-4, 1.0, 9)
    smoothed = np.array([2.3, 2.3, 2.2, 1.5, 1.0, 0.9, 0.8, 3.0, 9.0])
    assert suggestions(rates, smoothed) == (0.0032, 0.01)


@pytest.mark.parametrize("finite", range(3))
def test_a_loss_that_is_soon_not_finite_suggests_nothing(finite: int) -> None:
    smoothed = np.array([3.0, 2.0, 1.0, 0.5])
    smoothed[finite:] = np.nan
    assert suggestions(np.geomspace(1e-4, 1.0, 4), smoothed) == (None, None)


def test_a_loss_that_is_not_finite_at_the_first_step_ends_the_search() -> None:
    network = Network(seed=0)
    with torch.no_grad():
        for weights in network.parameters():
            weights *= 3e37
    seen = find_learning_rate(RunConfig(validation_split=0.9, device="cpu"), network, steps=10)
    assert len(seen.losses) == 1 and not np.isfinite(seen.losses[0])
    assert (seen.steepest, seen.tenth) == (None, None)


def test_a_loss_that_never_falls_suggests_nothing() -> None:
    assert suggestions(np.geomspace(1e-4, 1.0, 4), np.array([1.0, 2.0, 3.0, np.nan])) == (None, None)
