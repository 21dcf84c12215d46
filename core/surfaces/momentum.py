"""Gradient descent with momentum on a quadratic: the theory of its convergence, and a step's parts tip to tail.

Along an eigenvector of the Hessian, of curvature c, ``torch.optim.SGD`` repeats ``v = mu v + c x; x = x - lr v``, which
is linear in (v, x). The spectral radius of its matrix is the factor by which that mode's distance shrinks per step in
the long run. Source: Goh, Why Momentum Really Works, Distill 2017; Polyak 1964.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.optimizers.step import Step
from core.surfaces.expression import Array

Number = float | Array


class Behaviour(StrEnum):
    """Kind of a mode's way to the minimum."""

    MONOTONE = "monotone"
    OSCILLATING = "oscillating"
    ALTERNATING = "alternating"
    DIVERGING = "diverging"


def convergence_rate(rate: Number, momentum: Number, curvature: Number) -> Array:
    """Return the spectral radius of the matrix that takes (v, x) of a mode to those of the next step.

    For numbers, or arrays that broadcast; 1 and above diverges. The matrix's trace is 1 + mu - lr c and its determinant
    mu, so its eigenvalues are complex, of size sqrt(mu), where the trace squared is below 4 mu.
    """
    half = (1.0 + np.asarray(momentum) - np.asarray(rate) * curvature) / 2.0
    discriminant = half * half - momentum
    real = np.abs(half) + np.sqrt(np.maximum(discriminant, 0.0))
    return np.where(discriminant < 0.0, np.sqrt(momentum), real)


def behaviour(rate: float, momentum: float, curvature: float) -> Behaviour:
    """Return how a mode behaves: its eigenvalues are positive, complex, negative, or one is of size 1 and above.

    >>> [behaviour(rate, 0.25, 1.0).value for rate in (0.2, 1.0, 2.4, 2.6)]
    ['monotone', 'oscillating', 'alternating', 'diverging']
    """
    low, high, limit = (float(edge) for edge in edges(momentum, curvature))
    if not 0.0 < rate < limit:
        return Behaviour.DIVERGING
    if rate <= low:
        return Behaviour.MONOTONE
    return Behaviour.OSCILLATING if rate < high else Behaviour.ALTERNATING


def edges(momentum: Number, curvature: float) -> tuple[Array, Array, Array]:
    """Return the rates at which a mode begins to oscillate, to alternate and to diverge; as ``momentum``."""
    root = np.sqrt(momentum)
    return (1.0 - root) ** 2 / curvature, (1.0 + root) ** 2 / curvature, 2.0 * (1.0 + np.asarray(momentum)) / curvature


@dataclass(frozen=True)
class Best:
    """The rate and momentum that converge fastest, and their factor per step."""

    rate: float
    momentum: float
    factor: float


def best(flat: float, steep: float) -> Best:
    """Return the best rate and momentum for curvatures from ``flat`` to ``steep``, both positive (Polyak 1964).

    >>> best(1.0, 9.0)
    Best(rate=0.25, momentum=0.25, factor=0.5)
    """
    small, large = np.sqrt(flat), np.sqrt(steep)
    factor = float((large - small) / (large + small))
    return Best(float((2.0 / (small + large)) ** 2), factor**2, factor)


@dataclass(frozen=True)
class Leg:
    """One part of a step of momentum, drawn where the last one ends.

    Attributes:
        start, end: points, shape (2,).
        kind: ``carried`` for the old velocity, ``gradient`` for the new gradient, ``ahead`` for the next look-ahead.
    """

    kind: str
    start: Array
    end: Array


def tip_to_tail(step: Step) -> list[Leg]:
    """Split a step of ``torch.optim.SGD`` with momentum into its parts, to scale; empty for another optimizer's step.

    Momentum: from the parameters by the velocity that is carried on, then by the gradient, to the new parameters.
    Nesterov: torch's parameters are the look-ahead point of the textbook's form. So the first leg begins at the
    textbook's point and ends at torch's parameters, the second is the gradient there, and ends at the next textbook
    point, and the third looks ahead from that to torch's new parameters.
    """
    momentum = step.params.get("momentum", 0.0)
    # Muon and RMSprop have such a buffer too, of which they make other steps.
    if "momentum_buffer" not in step.new or not momentum or "dampening" not in step.params:
        return []
    carried = -step.rate * momentum * step.previous("momentum_buffer")
    if not step.params.get("nesterov"):
        middle = step.before + carried
        return [Leg("carried", step.before, middle), Leg("gradient", middle, step.after)]
    middle = step.before - step.rate * step.gradient
    return [
        Leg("carried", step.before - carried, step.before),
        Leg("gradient", step.before, middle),
        Leg("ahead", middle, step.after),
    ]


def modes(points: Array, minimum: Array, hessian: Array) -> tuple[Array, Array, Array]:
    """Split a walk on a quadratic into its modes.

    Args:
        points: shape (T+1, 2).
        minimum: shape (2,).
        hessian: shape (2, 2).

    Returns:
        The curvatures, the smaller first, shape (2,); their eigenvectors, as columns; and the walk's distance from the
        minimum along each, shape (T+1, 2).
    """
    curvatures, vectors = np.linalg.eigh(hessian)
    along: NDArray[np.float64] = (points - minimum) @ vectors
    return curvatures, vectors, along
