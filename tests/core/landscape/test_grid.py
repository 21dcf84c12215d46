import numpy as np
import pytest
import torch

from core.analysis.evaluation import evaluate
from core.data import Digits, Mnist
from core.landscape import Plane, evaluate_grid, evaluate_on_plane, evaluate_points, line, random_plane, refined
from core.training.network import Network, to_flat


def network_of(vector: torch.Tensor) -> Network:
    network = Network()
    torch.nn.utils.vector_to_parameters(vector, network.parameters())
    return network


@pytest.fixture(scope="module")
def digits(mnist: Mnist) -> Digits:
    """No multiple of the chunk, so that the last chunk is a part of one."""
    return mnist.test.spread(700)


@pytest.fixture(scope="module")
def plane(trained: Network) -> Plane:
    return random_plane(to_flat(trained), seed=1)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_the_centre_is_the_models_own_loss(trained: Network, plane: Plane, digits: Digits, loss: str) -> None:
    grid = evaluate_grid(plane, np.linspace(-1, 1, 5), np.linspace(-0.5, 0.5, 3), digits, loss)
    own = evaluate(trained, digits, loss)
    assert grid.loss.shape == grid.accuracy.shape == (3, 5)
    assert grid.loss[1, 2] == pytest.approx(own.loss, abs=1e-6)
    assert grid.accuracy[1, 2] == own.accuracy


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_the_identity_is_plain_evaluation_at_random_points(plane: Plane, digits: Digits, loss: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-2, 2, 4), rng.uniform(-2, 2, 19)
    grid = evaluate_grid(plane, x, y, digits, loss)
    for i, j in zip(rng.integers(0, 19, 12), rng.integers(0, 4, 12), strict=True):
        plain = evaluate(network_of(plane.point(x[j], y[i])), digits, loss)
        assert grid.loss[i, j] == pytest.approx(plain.loss, rel=1e-5)
        assert grid.accuracy[i, j] == pytest.approx(plain.accuracy, abs=1.5 / len(digits))


def test_threads_share_the_images_and_change_nothing(plane: Plane, digits: Digits) -> None:
    x = np.linspace(-1, 1, 3)
    alone, shared = (evaluate_grid(plane, x, x, digits, threads=threads) for threads in (1, 3))
    np.testing.assert_allclose(shared.loss, alone.loss, rtol=1e-6)
    np.testing.assert_array_equal(shared.accuracy, alone.accuracy)


def test_points_on_the_plane_and_off_it_are_plain_evaluation(plane: Plane, digits: Digits) -> None:
    a, b = torch.linspace(-1, 1, 18), torch.linspace(2, -2, 18)
    points = torch.stack([plane.point(float(p), float(q)) for p, q in zip(a, b, strict=True)])
    on, accuracy = evaluate_on_plane(plane, a, b, digits)
    off, other_accuracy = evaluate_points(points, digits)
    assert on == pytest.approx(off, rel=1e-5)
    assert accuracy == pytest.approx(other_accuracy, abs=1.5 / len(digits))
    assert off[3] == pytest.approx(evaluate(network_of(points[3]), digits).loss, rel=1e-5)


def test_a_line_is_a_grid_of_one_row(trained: Network, digits: Digits) -> None:
    other = Network(seed=9)
    grid = evaluate_grid(line(to_flat(other), to_flat(trained)), np.array([0.0, 1.0]), np.zeros(1), digits)
    assert grid.loss[0] == pytest.approx([evaluate(other, digits).loss, evaluate(trained, digits).loss], rel=1e-5)


def test_the_grid_gets_finer_until_it_is_as_asked_for(plane: Plane, mnist: Mnist) -> None:
    told: list[float] = []
    grids = list(refined(plane, (-1, 1), (-2, 2), 25, mnist.test.spread(40), tick=told.append))
    assert [grid.loss.shape for grid in grids] == [(13, 13), (25, 25)]
    assert (grids[1].x[0], grids[1].x[-1], grids[1].y[0], grids[1].y[-1]) == (-1, 1, -2, 2)
    # Every other point of the finer one is one of the coarser.
    np.testing.assert_allclose(grids[1].loss[::2, ::2], grids[0].loss, rtol=1e-5)
    assert all(0 <= share < 1 for share in told)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_tick_raises_ends_the_work(plane: Plane, digits: Digits, threads: int) -> None:
    def enough(share: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        evaluate_grid(plane, np.zeros(1), np.zeros(1), digits, tick=enough, threads=threads)


def test_an_undecided_network_is_as_right_as_on_other_pages(digits: Digits) -> None:
    zero = torch.zeros(101_770)
    losses, accuracies = evaluate_points(zero[None], digits)
    plain = evaluate(network_of(zero), digits)
    assert losses[0] == pytest.approx(np.log(10), rel=1e-6)
    assert accuracies[0] == plain.accuracy > 0


def test_a_sample_is_spread_over_all(mnist: Mnist) -> None:
    chosen = mnist.test.spread(5)
    assert torch.equal(chosen.labels, mnist.test.labels[::2000])
    assert torch.equal(mnist.test.spread(10_000).images, mnist.test.images)


@pytest.mark.parametrize("size", [24, 202])
def test_a_size_out_of_range_gets_one_sentence(plane: Plane, digits: Digits, size: int) -> None:
    with pytest.raises(ValueError) as error:
        next(refined(plane, (-1, 1), (-1, 1), size, digits))
    assert str(error.value) == f"size must be a whole number in [25, 201], got size = {size}."


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_sample_out_of_range_gets_one_sentence(mnist: Mnist, count: int) -> None:
    with pytest.raises(ValueError) as error:
        mnist.test.spread(count)
    assert str(error.value) == f"images must be a whole number in [1, 10000], got images = {count}."
