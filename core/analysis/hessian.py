"""The largest eigenvalue of the loss's Hessian, from Hessian-vector products: the matrix itself has 10^10 entries."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call

from core.data import CLASSES
from core.hyperparameters import Hyperparameter
from core.training.config import LOSS
from core.training.network import Network, image_losses

ITERATIONS = Hyperparameter("iterations", 100, "Hessian-vector products at the most.", low=1, high=1000)
TOLERANCE = Hyperparameter(
    "tolerance", 1e-3, "The error of the eigenvalue, as a share of it.", low=0.0, high=1.0, open_low=True
)


@dataclass(frozen=True, eq=False)
class Eigenvalue:
    """An eigenvalue of the Hessian of the mean loss.

    Args:
        value: NaN where the loss is not finite.
        vector: (101770,) its eigenvector, of length 1, in the order of ``network.parameters()``.
        iterations: Hessian-vector products taken.
        converged: an eigenvalue is proven to lie within ``tolerance`` of the value.
    """

    value: float
    vector: Tensor
    iterations: int
    converged: bool


def largest_eigenvalue(
    network: Network,
    images: Tensor,
    labels: Tensor,
    loss: str = "cross_entropy",
    iterations: int = 100,
    tolerance: float = 1e-3,
    seed: int = 0,
) -> Eigenvalue:
    """Compute the largest eigenvalue of the Hessian of the mean loss over some images, at the network's parameters.

    By the Lanczos process with full reorthogonalisation: it needs fewer products than power iteration, finds the
    largest eigenvalue even where a negative one is larger in size, and bounds its own error.

    Args:
        network: stays as it is.
        images: (n, 784), grey values as uint8 or floats from 0 to 1, on the network's device; n at least 1.
        labels: (n,) int64.
        loss: ``cross_entropy`` or ``mse``, without label smoothing.
        iterations: products at the most, 1 to 1000.
        tolerance: relative error of the value at which it ends sooner, in (0, 1].
        seed: fixes the first vector.

    Raises:
        ValueError: with the parameter, the rule and the value, for an argument outside its range.

    Source: Lanczos 1950; Pearlmutter 1994, Fast Exact Multiplication by the Hessian; Paige 1971 for the bound.
    """
    ITERATIONS.check(iterations)
    TOLERANCE.check(tolerance)
    multiply = hessian_products(network, images, labels, loss)
    generator = torch.Generator().manual_seed(seed)
    size = sum(parameter.numel() for parameter in network.parameters())
    first = torch.randn(size, generator=generator).to(images.device)
    basis = [first / first.norm()]
    diagonal: list[float] = []
    off_diagonal: list[float] = []
    while True:
        image = multiply(basis[-1])
        if not image.isfinite().all():
            return Eigenvalue(float("nan"), basis[0], len(basis), converged=False)
        diagonal.append(float(image @ basis[-1]))
        basis_matrix = torch.stack(basis)
        # Twice: rounding in the first pass leaves a remainder along the basis, which the second removes.
        for _ in range(2):
            image = image - (image @ basis_matrix.t()) @ basis_matrix
        off_diagonal.append(float(image.norm()))
        matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
        off = torch.tensor(off_diagonal[:-1], dtype=torch.float64)
        values, vectors = torch.linalg.eigh(matrix + torch.diag(off, 1) + torch.diag(off, -1))
        value, weights = float(values[-1]), vectors[:, -1]
        error = off_diagonal[-1] * abs(float(weights[-1]))
        # In float32 a product of size s is known to about 1e-6 s: an error below that is rounding.
        floor = 1e-6 * float(values.abs().max())
        converged = error <= max(tolerance * abs(value), floor)
        if converged or len(basis) == iterations:
            vector = weights.to(basis_matrix) @ basis_matrix
            return Eigenvalue(value, vector / vector.norm(), len(basis), converged)
        basis.append(image / off_diagonal[-1])


def hessian_products(network: Network, images: Tensor, labels: Tensor, loss: str) -> Callable[[Tensor], Tensor]:
    """Return a function that multiplies the Hessian of the mean loss by a vector (101770,): it differentiates twice.

    Raises:
        ValueError: without an image, or for an unknown loss.
    """
    if not len(images):
        raise ValueError("images must be at least 1, got images = 0.")
    LOSS.check(loss)
    inputs = images.float() / 255 if images.dtype == torch.uint8 else images
    targets = torch.eye(CLASSES, device=images.device)[labels]
    with torch.enable_grad():
        parameters = {name: p.detach().clone().requires_grad_() for name, p in network.named_parameters()}
        logits: Tensor = functional_call(network, parameters, (inputs,))
        outputs = logits.log_softmax(1) if loss == "cross_entropy" else logits.softmax(1)
        mean = image_losses(outputs, targets, loss).mean()
        gradient = _vector(torch.autograd.grad(mean, list(parameters.values()), create_graph=True))

    def product(vector: Tensor) -> Tensor:
        return _vector(torch.autograd.grad(gradient, list(parameters.values()), vector, retain_graph=True))

    return product


def _vector(parts: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])
