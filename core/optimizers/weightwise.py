"""Update rules of single weights, written once: over arrays for the surfaces, compiled for the network's vector.

A function of mathematics takes numbers or arrays alike and has no constants of its own, so that a loop over float32
computes nothing in double precision. A loop takes one step of a whole vector in place, on the state of a
``torch.optim`` object; ``step`` takes it by the loop's number.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compiled import compiled

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]

SGD, MOMENTUM, ROOT, ADAM = range(4)


def momentum(v: Any, g: Any, mu: Any, fresh: Any) -> Any:
    """Return the velocity after the gradient."""
    return mu * v + fresh * g


def mean(m: Any, g: Any, fresh: Any) -> Any:
    """Return the running mean of the gradient."""
    return m + fresh * (g - m)


def mean_square(kept: Any, g: Any, fresh: Any) -> Any:
    """Return the running mean of the squared gradient, of which ``kept`` is the part that is remembered."""
    return fresh * g * g + kept


def scaled(theta: Any, direction: Any, v: Any, size: Any, over_root: Any, eps: Any) -> Any:
    """Return theta after a step of ``size`` along ``direction``, divided by the root of ``v``."""
    return theta - size * direction / (np.sqrt(v) * over_root + eps)


@partial(compiled, fastmath=())
def _rounded(a: Any, b: Any) -> Any:
    """Multiply, and round the product before it is added to anything.

    Torch rounds at these places; a running mean that rounds elsewhere is a millionth away after 1,000 steps.
    """
    return a * b


_momentum, _mean, _mean_square, _scaled = compiled(momentum), compiled(mean), compiled(mean_square), compiled(scaled)


@compiled
def sgd_loop(w: Floats, g: Floats, lr: float, l2: float) -> None:
    """Step by plain gradient descent."""
    size, pull = np.float32(lr), np.float32(l2)
    for i in range(len(w)):
        w[i] -= size * (g[i] + pull * w[i])


@compiled
def momentum_loop(
    w: Floats, g: Floats, v: Floats, lr: float, l2: float, mu: float, dampening: float, nesterov: bool
) -> None:
    """Step by gradient descent with a velocity; ``nesterov`` goes along gradient and velocity after it."""
    size, pull, keep, fresh = np.float32(lr), np.float32(l2), np.float32(mu), np.float32(1 - dampening)
    for i in range(len(w)):
        gradient = g[i] + pull * w[i]
        v[i] = _momentum(v[i], gradient, keep, fresh)
        w[i] -= size * (gradient + keep * v[i] if nesterov else v[i])


@compiled
def root_loop(
    w: Floats, g: Floats, v: Floats, lr: float, l2: float, keep_v: float, fresh_v: float, epsilon: float
) -> None:
    """Step by the gradient divided by the root of a running mean, or sum, of its squares."""
    size, pull, one, eps = np.float32(lr), np.float32(l2), np.float32(1), np.float32(epsilon)
    keep, fresh = np.float32(keep_v), np.float32(fresh_v)
    for i in range(len(w)):
        gradient = g[i] + pull * w[i]
        v[i] = _mean_square(_rounded(keep, v[i]), gradient, fresh)
        w[i] = _scaled(w[i], gradient, v[i], size, one, eps)


@compiled
def adam_loop(
    w: Floats, g: Floats, m: Floats, v: Floats, lr: float, l2: float, shrink: float, beta1: float, beta2: float,
    epsilon: float, t: float,
) -> None:  # fmt: skip
    """Step ``t``, from 1, of Adam; ``shrink`` multiplies the weights first, for decoupled weight decay."""
    size, over_root = np.float32(lr / (1 - beta1**t)), np.float32(1 / (1 - beta2**t) ** 0.5)
    pull, rest, eps = np.float32(l2), np.float32(shrink), np.float32(epsilon)
    fresh_m, keep_v, fresh_v = np.float32(1 - beta1), np.float32(beta2), np.float32(1 - beta2)
    for i in range(len(w)):
        gradient = g[i] + pull * w[i]
        m[i] = _mean(m[i], gradient, fresh_m)
        v[i] = _mean_square(_rounded(keep_v, v[i]), gradient, fresh_v)
        w[i] = _scaled(_rounded(rest, w[i]), m[i], v[i], size, over_root, eps)


@compiled
def step(loop: int, w: Floats, g: Floats, first: Floats, second: Floats, numbers: Numbers) -> None:
    """Take one step by a loop.

    Args:
        loop: ``SGD``, ``MOMENTUM``, ``ROOT`` or ``ADAM``.
        first, second: the parts of the state that the loop has, in its order; others are left alone.
        numbers: the loop's other arguments, in its order.
    """
    if loop == SGD:
        sgd_loop(w, g, numbers[0], numbers[1])
    elif loop == MOMENTUM:
        momentum_loop(w, g, first, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] != 0)
    elif loop == ROOT:
        root_loop(w, g, first, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
    else:
        adam_loop(
            w, g, first, second, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]
        )
