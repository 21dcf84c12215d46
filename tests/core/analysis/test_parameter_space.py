import math

import pytest
import torch

from core.analysis.evaluation import evaluate
from core.analysis.parameter_space import average, between, compare
from core.training.network import Network


def made(change) -> Network:
    """The network of seed 0 after ``change`` of its state."""
    network = Network(0)
    network.load_state_dict(change(network.state_dict()))
    return network


def test_a_network_is_no_way_from_itself(trained, mnist):
    comparison = compare(trained, trained, mnist.test)
    right = round(evaluate(trained, mnist.test).accuracy * 10_000)
    assert (comparison.distance, comparison.relative, comparison.agreement) == (0, 0, 1)
    assert comparison.cosine == pytest.approx(1)
    assert comparison.right == (right, 0, 0, 10_000 - right)


def test_distances_are_euclidean(trained, mnist):
    moved = Network(0)
    moved.load_state_dict({name: t + (0.1 if name == "2.weight" else 0) for name, t in trained.state_dict().items()})
    comparison = compare(trained, moved, mnist.test)
    assert comparison.distances == pytest.approx({"0.weight": 0, "0.bias": 0, "2.weight": 0.1 * 1280**0.5, "2.bias": 0})
    assert comparison.distance == pytest.approx(0.1 * 1280**0.5, rel=1e-6)


def test_opposite_networks_are_two_norms_apart(mnist):
    ahead, back = Network(0), made(lambda state: {name: -tensor for name, tensor in state.items()})
    comparison = compare(ahead, back, mnist.test)
    assert (comparison.relative, comparison.cosine) == pytest.approx((2, -1))


def test_counts_of_right_answers_fit_the_accuracies(trained, mnist):
    other = Network(1)
    both, first, second, neither = compare(trained, other, mnist.test).right
    assert both + first + second + neither == 10_000
    assert (both + first) / 10_000 == evaluate(trained, mnist.test).accuracy
    assert (both + second) / 10_000 == evaluate(other, mnist.test).accuracy


def test_two_networks_of_zeros_compare(mnist):
    zeros = made(lambda state: {name: tensor * 0 for name, tensor in state.items()})
    comparison = compare(zeros, zeros, mnist.test)
    assert not math.isnan(comparison.relative + comparison.cosine)


def test_the_average_is_the_mean_of_each_parameter():
    networks = [made(lambda state, k=k: {n: torch.full_like(t, k) for n, t in state.items()}) for k in (1.0, 2.0, 6.0)]
    assert all(torch.equal(p, torch.full_like(p, 3.0)) for p in average(networks).parameters())
    same = average([networks[0], networks[0]])
    assert all(torch.equal(p, q) for p, q in zip(same.parameters(), networks[0].parameters(), strict=True))


def test_one_network_has_no_average():
    with pytest.raises(ValueError, match=r"models to average must be at least two, got 1\."):
        average([Network(0)])


def test_the_line_between_two_networks_ends_at_them(trained, mnist):
    digits, other = mnist.test[:500], Network(1)
    line = between(trained, other, digits, points=3)
    assert [share for share, _ in line] == [0, 0.5, 1]
    assert line[0][1].loss == evaluate(trained, digits).loss
    assert line[1][1].loss == pytest.approx(evaluate(average([trained, other]), digits).loss)
    assert line[2][1].loss == evaluate(other, digits).loss
