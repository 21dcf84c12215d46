import math
from math import comb

import pytest
import torch

from core.analysis.comparison import PairedHits, compare_hits, compare_networks, mcnemar
from core.analysis.evaluation import evaluate
from core.training.network import Network


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(1, 5, 2 * (1 + 6) / 64), (0, 10, 2 / 1024), (3, 3, 1.0), (0, 0, 1.0), (0, 1, 1.0), (2, 8, 2 * 56 / 1024)],
)
def test_p_value_by_hand(first, second, p):
    assert mcnemar(first, second) == p == mcnemar(second, first)


def test_p_value_of_many_digits_is_the_binomials():
    expected = 2 * sum(comb(400, i) for i in range(171)) / 2**400
    assert mcnemar(170, 230) == pytest.approx(expected, rel=1e-12)
    assert mcnemar(0, 10_000) == 0.0


def test_digits_are_counted():
    first = torch.tensor([True, True, False, False, True])
    second = torch.tensor([True, False, True, False, False])
    found = compare_hits(first, second)
    assert (found.both, found.only_first, found.only_second, found.neither) == (1, 2, 1, 1)
    assert found.p_value == 1.0


def scaled(factor: float) -> Network:
    """The network of seed 0 with all parameters multiplied."""
    network = Network(0)
    network.load_state_dict({name: tensor * factor for name, tensor in network.state_dict().items()})
    return network


def test_a_network_is_no_way_from_itself(trained, mnist):
    comparison = compare_networks(trained, trained, mnist.test)
    right = round(evaluate(trained, mnist.test).accuracy * 10_000)
    assert (comparison.distance, comparison.relative, comparison.agreement) == (0, 0, 1)
    assert comparison.cosine == pytest.approx(1)
    assert comparison.hits == PairedHits(right, 0, 0, 10_000 - right, 1.0)


def test_distances_are_euclidean(trained, mnist):
    moved = Network(0)
    moved.load_state_dict({name: t + (0.1 if name == "2.weight" else 0) for name, t in trained.state_dict().items()})
    comparison = compare_networks(trained, moved, mnist.test)
    assert comparison.distances == pytest.approx({"0.weight": 0, "0.bias": 0, "2.weight": 0.1 * 1280**0.5, "2.bias": 0})
    assert comparison.distance == pytest.approx(0.1 * 1280**0.5, rel=1e-6)


def test_opposite_networks_are_two_norms_apart(mnist):
    ahead, back = Network(0), scaled(-1.0)
    comparison = compare_networks(ahead, back, mnist.test)
    assert (comparison.relative, comparison.cosine) == pytest.approx((2, -1))


def test_counts_of_right_answers_fit_the_accuracies(trained, mnist):
    other = Network(1)
    hits = compare_networks(trained, other, mnist.test).hits
    assert hits.both + hits.only_first + hits.only_second + hits.neither == 10_000
    assert (hits.both + hits.only_first) / 10_000 == evaluate(trained, mnist.test).accuracy
    assert (hits.both + hits.only_second) / 10_000 == evaluate(other, mnist.test).accuracy


def test_two_networks_of_zeros_compare(mnist):
    zeros = scaled(0.0)
    comparison = compare_networks(zeros, zeros, mnist.test)
    assert not math.isnan(comparison.relative + comparison.cosine)
