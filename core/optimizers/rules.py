"""Update rules over arrays: the step of an optimizer for many independent two-parameter points at once.

A point is a column: ``theta`` and ``g`` have shape (2, n), and the learning rate is a number or an array (n,), so a
hundred rates or ten thousand starts cost one call. ``t`` is the step, counted from 1. ``s`` is the optimizer's state,
empty before the first step; a rule reads and updates it. Weight decay is applied before a rule is called.

The rules follow ``torch.optim``'s order of operations, float32 counters included; the tests hold each equal to the
path of its ``torch.optim`` object to 1e-6.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.optimizers import weightwise

Array = NDArray[np.float64]
#: One rate for all points, or an array (n,) with one per point.
Rate = float | Array
State = dict[str, Array]
#: ``rule(theta, g, lr, t, s, **hyperparameters)`` is theta after the step.
Rule = Callable[..., Array]
#: The coefficients of torch.optim.Muon.
_NEWTON_SCHULZ = (np.float32(3.4445), np.float32(-4.7750), np.float32(2.0315))
_TINY = np.float32(1e-7)
# Masks for rounding a float32 to its upper 16 bits, which are a bfloat16.
_HALF, _HIGH, _ONE, _KEPT = (np.uint32(bits) for bits in (0x7FFF, 16, 1, 0xFFFF0000))


def sgd(
    theta: Array, g: Array, lr: Rate, t: int, s: State, momentum: float = 0.0, dampening: float = 0.0,
    nesterov: bool = False,
) -> Array:  # fmt: skip
    if momentum == 0.0:
        return theta - lr * g
    # torch starts the velocity at the first gradient, undamped, and not at zero.
    s["v"] = weightwise.momentum(s["v"], g, momentum, 1.0 - dampening) if "v" in s else g
    return theta - lr * (g + momentum * s["v"] if nesterov else s["v"])


def adagrad(
    theta: Array, g: Array, lr: Rate, t: int, s: State, lr_decay: float, initial_accumulator_value: float, eps: float
) -> Array:
    s["sum"] = weightwise.mean_square(s.get("sum", initial_accumulator_value), g, 1.0)
    return weightwise.scaled(theta, g, s["sum"], lr / (1.0 + (t - 1) * lr_decay), 1.0, eps)  # type: ignore[no-any-return]


def adadelta(theta: Array, g: Array, lr: Rate, t: int, s: State, rho: float, eps: float) -> Array:
    s["v"] = rho * s.get("v", 0.0) + (1.0 - rho) * g * g
    u = s.get("u", 0.0)
    delta = np.sqrt(u + eps) / np.sqrt(s["v"] + eps) * g
    s["u"] = rho * u + (1.0 - rho) * delta * delta
    return theta - lr * delta


def rmsprop(
    theta: Array, g: Array, lr: Rate, t: int, s: State, alpha: float, momentum: float, centered: bool, eps: float
) -> Array:
    s["v"] = variance = weightwise.mean_square(alpha * s.get("v", 0.0), g, 1.0 - alpha)
    if centered:
        s["m"] = weightwise.mean(s.get("m", 0.0), g, 1.0 - alpha)
        variance = variance - s["m"] * s["m"]
    if momentum == 0.0:
        return weightwise.scaled(theta, g, variance, lr, 1.0, eps)  # type: ignore[no-any-return]
    s["b"] = momentum * s.get("b", 0.0) + g / (np.sqrt(variance) + eps)
    return theta - lr * s["b"]


def _moments(g: Array, s: State, betas: tuple[float, float]) -> tuple[Array, Array]:
    s["m"] = weightwise.mean(s.get("m", 0.0), g, 1.0 - betas[0])
    s["v"] = weightwise.mean_square(betas[1] * s.get("v", 0.0), g, 1.0 - betas[1])
    return s["m"], s["v"]


def adam(
    theta: Array, g: Array, lr: Rate, t: int, s: State, betas: tuple[float, float], eps: float, amsgrad: bool
) -> Array:
    m, v = _moments(g, s, betas)
    if amsgrad:
        v = s["v_max"] = np.maximum(s.get("v_max", 0.0), v)
    over_root = 1.0 / (1.0 - betas[1] ** t) ** 0.5
    return weightwise.scaled(theta, m, v, lr / (1.0 - betas[0] ** t), over_root, eps)  # type: ignore[no-any-return]


def nadam(
    theta: Array, g: Array, lr: Rate, t: int, s: State, betas: tuple[float, float], eps: float, momentum_decay: float
) -> Array:
    m, v = _moments(g, s, betas)
    mu, mu_next = (betas[0] * (1.0 - 0.5 * 0.96 ** (i * momentum_decay)) for i in (t, t + 1))
    # torch keeps this product in a float32 tensor; in double precision the paths part after some hundred steps.
    s["mu_product"] = _float32(s.get("mu_product", 1.0) * float(np.float32(mu)))
    product = float(s["mu_product"])
    root = np.sqrt(v / (1.0 - betas[1] ** t)) + eps
    theta = theta - lr * (1.0 - mu) / (1.0 - product) * g / root
    return theta - lr * mu_next / (1.0 - product * mu_next) * m / root  # type: ignore[no-any-return]


def radam(theta: Array, g: Array, lr: Rate, t: int, s: State, betas: tuple[float, float], eps: float) -> Array:
    m, v = _moments(g, s, betas)
    corrected = m / (1.0 - betas[0] ** t)
    rho_inf = 2.0 / (1.0 - betas[1]) - 1.0
    rho = rho_inf - 2.0 * t * betas[1] ** t / (1.0 - betas[1] ** t)
    # Up to here the variance of the adaptive rate is too uncertain to use (Liu et al. 2019, section 4.2).
    if rho <= 5.0:
        return theta - lr * corrected
    rectified = ((rho - 4.0) * (rho - 2.0) * rho_inf / ((rho_inf - 4.0) * (rho_inf - 2.0) * rho)) ** 0.5
    adaptive = (1.0 - betas[1] ** t) ** 0.5 / (np.sqrt(v) + eps)
    return theta - lr * corrected * adaptive * rectified  # type: ignore[no-any-return]


def adamax(theta: Array, g: Array, lr: Rate, t: int, s: State, betas: tuple[float, float], eps: float) -> Array:
    s["m"] = weightwise.mean(s.get("m", 0.0), g, 1.0 - betas[0])
    s["u"] = np.maximum(betas[1] * s.get("u", 0.0), np.abs(g) + eps)
    return theta - lr / (1.0 - betas[0] ** t) * s["m"] / s["u"]


def asgd(theta: Array, g: Array, lr: Rate, t: int, s: State, lambd: float, alpha: float) -> Array:
    # torch prepares the next step's rate at the end of this one, and keeps it in float32.
    eta = s.get("eta", _float32(lr))
    s["eta"] = _float32(lr / (1.0 + lambd * lr * t) ** alpha)
    return theta * (1.0 - lambd * eta) - eta * g


def _float32(x: Rate) -> Array:
    return np.asarray(x).astype(np.float32).astype(np.float64)


def rprop(
    theta: Array, g: Array, lr: Rate, t: int, s: State, eta_minus: float, eta_plus: float, step_min: float,
    step_max: float,
) -> Array:  # fmt: skip
    agreement = g * s["prev"] if "prev" in s else np.zeros_like(g)
    size = s["size"] if "size" in s else np.zeros_like(g) + lr
    factor = np.where(agreement > 0.0, eta_plus, np.where(agreement < 0.0, eta_minus, 1.0))
    s["size"] = np.clip(size * factor, step_min, step_max)
    # After a flip torch forgets the gradient: the point stands still once, and the next step counts as no flip.
    s["prev"] = np.where(agreement < 0.0, 0.0, g)
    return theta - np.sign(s["prev"]) * s["size"]


def muon(
    theta: Array, g: Array, lr: Rate, t: int, s: State, momentum: float, nesterov: bool, ns_steps: int, **_: Any
) -> Array:
    buffer = s["b"] = weightwise.mean(s.get("b", 0.0), g, 1.0 - momentum)
    update = g + momentum * (buffer - g) if nesterov else buffer
    return theta - lr * _newton_schulz(update, ns_steps)


def _newton_schulz(update: Array, steps: int) -> Array:
    """torch's iteration for 1x2 matrices, one per column, rounded to bfloat16 wherever torch rounds."""
    a, b, c = _NEWTON_SCHULZ
    o: Any = _bfloat16(update.astype(np.float32))
    o = _bfloat16(o / np.maximum(_bfloat16(np.sqrt(o[0] * o[0] + o[1] * o[1])), _TINY))
    for _ in range(steps):
        gram = _bfloat16(o[0] * o[0] + o[1] * o[1])
        o = _bfloat16(a * o + _bfloat16(b * gram + c * gram * gram) * o)
    return o.astype(np.float64)  # type: ignore[no-any-return]


def _bfloat16(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the nearest bfloat16, ties to even, stored as float32."""
    bits = x.view(np.uint32)
    return ((bits + _HALF + ((bits >> _HIGH) & _ONE)) & _KEPT).view(np.float32)


def adafactor(theta: Array, g: Array, lr: Rate, t: int, s: State, beta2_decay: float, d: float, eps: float) -> Array:
    tiny = float(torch.finfo(torch.float64).eps)
    weight, squares = float(t) ** beta2_decay, g * g
    row, column = s.get("row", 0.0), s.get("column", 0.0)
    s["row"] = row + weight * (squares.mean(axis=0) - row)
    s["column"] = column + weight * (squares - column)
    # A point is a matrix of one row, whose row mean is the mean of all; the general formula divides by that mean.
    variance = s["row"] * s["column"] / np.maximum(s["row"], tiny)
    update = g / np.sqrt(np.maximum(variance, tiny * tiny))
    # Weight decay has already moved theta, but torch scales the step by the weights before it.
    alpha = np.maximum(eps, _rms(s.get("theta_before_decay", theta))) * np.minimum(lr, 1.0 / t**0.5)
    return theta - alpha / np.maximum(1.0, _rms(update) / d) * update  # type: ignore[no-any-return]


def _rms(x: Array) -> Array:
    return np.sqrt((x * x).mean(axis=0))  # type: ignore[no-any-return]
