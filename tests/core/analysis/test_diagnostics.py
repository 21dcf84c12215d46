import pytest
import torch

from core import data
from core.analysis.diagnostics import diagnose, diagnose_run, diagnosed_steps
from core.analysis.hessian import largest_eigenvalue
from core.data import Digits
from core.training.config import RunConfig
from core.training.network import Network
from core.training.replay import replay

CONFIG = RunConfig(optimizer="sgd", lr=0.1, epochs=2, batch_size=100, validation_split=0.99, device="cpu")


@pytest.fixture(scope="module")
def sample() -> Digits:
    return data.load().train[:200]


def test_gradients_are_autograds_and_the_network_stays_as_it_is(sample: Digits) -> None:
    network = Network(1)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    seen = diagnose(network, "cross_entropy", 0, sample=sample)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    loss = torch.nn.functional.cross_entropy(network(sample.images.float() / 255), sample.labels)
    gradients = torch.autograd.grad(loss, [network[0].weight, network[2].weight])
    assert seen.gradient_norms == pytest.approx([float(g.norm()) for g in gradients], rel=1e-4)
    assert seen.update_ratios is None


def test_sharpness_is_the_hessians_largest_eigenvalue(sample: Digits) -> None:
    network = Network(1)
    exact = largest_eigenvalue(network, sample.images, sample.labels).value
    seen = diagnose(network, "cross_entropy", 0, sample=sample)
    assert seen.sharpness == pytest.approx(exact, rel=0.02)
    assert seen.largest_stable_rate == pytest.approx(2 / exact, rel=0.02)


def test_the_update_ratio_is_the_length_of_the_step_before(sample: Digits) -> None:
    before, after = Network(1), Network(1)
    with torch.no_grad():
        after[0].weight.mul_(1.01)
        after[2].weight.mul_(0.98)
    seen = diagnose(after, "cross_entropy", 5, before, sample)
    assert seen.update_ratios == pytest.approx((0.01, 0.02), rel=1e-3)
    assert seen.step == 5


def test_units_that_never_answer_are_dead(sample: Digits) -> None:
    network = Network(1)
    with torch.no_grad():
        network[0].bias[:7] = -1000.0
    assert (
        diagnose(network, "cross_entropy", 0, sample=sample).dead
        == diagnose(Network(1), "mse", 0, sample=sample).dead + 7
    )


def test_a_flat_loss_is_stable_at_any_rate(sample: Digits) -> None:
    network = Network(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network[0].bias.fill_(-1.0)
    seen = diagnose(network, "mse", 0, sample=sample)
    assert seen.gradient_norms == (0.0, 0.0)
    assert seen.dead == 128


def test_a_run_is_diagnosed_at_its_ends_and_its_epochs() -> None:
    assert diagnosed_steps(CONFIG, 12) == [0, 6, 12]
    assert diagnosed_steps(CONFIG, 9) == [0, 6, 9]
    assert diagnosed_steps(CONFIG, 3) == [0, 3]
    long = diagnosed_steps(RunConfig(epochs=1000, validation_split=0.99, batch_size=600), 1000)
    assert len(long) <= 42 and long[0] == 0 and long[-1] == 1000


def test_a_run_is_replayed_and_each_point_knows_the_step_before() -> None:
    seen = list(diagnose_run(CONFIG, [0, 6, 12]))
    assert [d.step for d in seen] == [0, 6, 12]
    assert [d.update_ratios is None for d in seen] == [True, False, False]
    (_, before), (_, after) = replay(CONFIG, [11, 12])
    weights = slice(0, 784 * 128)
    moved = float((after - before)[weights].norm() / before[weights].norm())
    assert seen[-1].update_ratios is not None
    assert seen[-1].update_ratios[0] == pytest.approx(moved, rel=1e-4)
