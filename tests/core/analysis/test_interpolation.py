import pytest
import torch

from core.analysis.evaluation import evaluate
from core.analysis.interpolation import average, between
from core.training.network import Network


def made(change) -> Network:
    """The network of seed 0 after ``change`` of its state."""
    network = Network(0)
    network.load_state_dict(change(network.state_dict()))
    return network


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
