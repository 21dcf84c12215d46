import math

import pytest
import torch
from torch.nn import functional as F

from core.analysis.hessian import hessian_products, largest_eigenvalue
from core.data import Mnist
from core.training.network import Network, to_flat

SAMPLE = slice(0, 200)


def gradient(network: Network, vector: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """By autograd in double precision at the given parameters: an oracle that knows nothing of Hessians."""
    shapes = [parameter.shape for parameter in network.parameters()]
    parts = [part.view(s) for part, s in zip(vector.split([s.numel() for s in shapes]), shapes, strict=True)]
    leaves = [part.clone().requires_grad_() for part in parts]
    hidden = (images @ leaves[0].t() + leaves[1]).relu()
    loss = F.cross_entropy(hidden @ leaves[2].t() + leaves[3], labels)
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, leaves)])


def test_a_product_is_the_derivative_of_the_gradient(trained: Network, mnist: Mnist) -> None:
    digits = mnist.test[SAMPLE]
    at = to_flat(trained).double()
    direction = torch.randn(len(at), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    direction /= direction.norm()
    images = digits.images.double() / 255
    step = 1e-6
    ahead, behind = (gradient(trained, at + sign * step * direction, images, digits.labels) for sign in (1, -1))
    wanted = (ahead - behind) / (2 * step)
    product = hessian_products(trained, digits.images, digits.labels, "cross_entropy")(direction.float())
    assert (product.double() - wanted).norm() < 1e-4 * wanted.norm()


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_the_vector_is_an_eigenvector_and_no_direction_is_steeper(trained: Network, mnist: Mnist, loss: str) -> None:
    digits = mnist.test[SAMPLE]
    found = largest_eigenvalue(trained, digits.images, digits.labels, loss, tolerance=1e-4)
    times = hessian_products(trained, digits.images, digits.labels, loss)
    assert found.converged and found.iterations < 60
    assert float(found.vector.norm()) == pytest.approx(1.0, abs=1e-5)
    assert float((times(found.vector) - found.value * found.vector).norm()) < 1e-3 * found.value
    # Power iteration, shifted so that the largest eigenvalue is the largest in size.
    vector = torch.randn(len(found.vector), generator=torch.Generator().manual_seed(5))
    for _ in range(150):
        vector = times(vector) + 0.5 * found.value * vector
        vector /= vector.norm()
    assert float(vector @ times(vector)) == pytest.approx(found.value, rel=1e-3)


def test_the_seed_and_the_kind_of_pixels_do_not_matter(trained: Network, mnist: Mnist) -> None:
    digits = mnist.test[SAMPLE]
    before = [parameter.clone() for parameter in trained.parameters()]
    one = largest_eigenvalue(trained, digits.images, digits.labels, seed=0)
    other = largest_eigenvalue(trained, digits.images.float() / 255, digits.labels, seed=1)
    assert one.value == pytest.approx(other.value, rel=2e-3)
    assert all(torch.equal(a, b) for a, b in zip(before, trained.parameters(), strict=True))


def test_it_says_when_it_has_not_converged(trained: Network, mnist: Mnist) -> None:
    digits = mnist.test[SAMPLE]
    found = largest_eigenvalue(trained, digits.images, digits.labels, iterations=2, tolerance=1e-6)
    assert not found.converged and found.iterations == 2


def test_no_number_comes_of_a_loss_that_is_none(mnist: Mnist) -> None:
    network = Network()
    with torch.no_grad():
        network[2].bias[0] = math.inf
    digits = mnist.test[SAMPLE]
    found = largest_eigenvalue(network, digits.images, digits.labels)
    assert math.isnan(found.value) and not found.converged


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"iterations": 0}, "iterations must be a whole number in [1, 1000], got iterations = 0."),
        ({"tolerance": 0.0}, "tolerance must be a number in (0, 1], got tolerance = 0."),
        ({"loss": "hinge"}, "loss must be one of cross_entropy, mse, got loss = hinge."),
    ],
)
def test_bad_arguments_get_one_sentence(mnist: Mnist, arguments: dict, sentence: str) -> None:
    digits = mnist.test[SAMPLE]
    with pytest.raises(ValueError) as error:
        largest_eigenvalue(Network(), digits.images, digits.labels, **arguments)
    assert str(error.value) == sentence


def test_it_needs_an_image(mnist: Mnist) -> None:
    with pytest.raises(ValueError, match="images must be at least 1"):
        largest_eigenvalue(Network(), mnist.test.images[:0], mnist.test.labels[:0])
