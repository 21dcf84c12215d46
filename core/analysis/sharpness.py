"""Sharpness of a network: the largest eigenvalue of the loss's Hessian over one fixed sample, for all pages."""

from dataclasses import dataclass
from functools import cache

from core import data
from core.analysis.hessian import largest_eigenvalue
from core.data import Digits
from core.training.config import RunConfig
from core.training.network import Network

#: Training images of the sample.
SAMPLE = 1_000
#: Products of a Lanczos process at the most, and its proven relative error. The true error is about the square of that:
#: of trained and untrained networks, all came out within 1e-4 of the value at 1e-5, in 6 to 14 products.
ITERATIONS, TOLERANCE = 100, 0.01


@dataclass(frozen=True)
class Sharpness:
    """Sharpness of a network.

    Args:
        value: NaN where the loss is not finite.
        converged: the search for the eigenvalue came to its end.
    """

    value: float
    converged: bool

    @property
    def largest_stable_rate(self) -> float:
        return largest_stable_rate(self.value)


@cache
def sharpness_sample() -> Digits:
    """Return the sample for every network: images spread evenly over the 48,000 that the default split leaves.

    One sample for all, whatever a run's own split is, so that figures of runs and of saved models compare.

    Raises:
        DataError: if MNIST cannot be read.
    """
    return data.load().split(RunConfig().validation_images)[0].spread(SAMPLE)


def sharpness(network: Network, loss: str, sample: Digits | None = None) -> Sharpness:
    """Measure the sharpness of a network, which stays as it is.

    Args:
        loss: ``cross_entropy`` or ``mse``, without label smoothing.
        sample: on the network's device; ``sharpness_sample()`` unless given.

    Raises:
        ValueError: for an unknown loss.
    """
    sample = sample or sharpness_sample()
    eigenvalue = largest_eigenvalue(network, sample.images, sample.labels, loss, ITERATIONS, TOLERANCE)
    return Sharpness(eigenvalue.value, eigenvalue.converged)


def largest_stable_rate(sharpness: float) -> float:
    """2 / sharpness: with a larger rate, plain gradient descent moves away from the bottom; infinite where the loss
    does not curve upwards.

    Source: Cohen et al. 2021, Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability.
    """
    return 2.0 / sharpness if sharpness > 0 else float("inf")
