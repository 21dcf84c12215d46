"""Walks of any first-order optimizer of the registry down a surface.

``walk`` takes all optimizers and all starts forward together, by the written-out rules, evaluating the surface once a
step for everybody. ``torch_walk`` is the same walk by the very ``torch.optim`` object; the tests hold them equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.hyperparameters import Hyperparameter
from core.optimizers import OPTIMIZERS
from core.optimizers.rules import Rate, Stepper
from core.surfaces.expression import Array
from core.surfaces.functions import FAR, Point, Surface
from core.training.config import RunConfig
from core.training.schedules import Span

STEPS = Hyperparameter("steps", 500, "How many steps each optimizer takes.", low=1, high=5000)
NOISE = Hyperparameter(
    "noise", 0.0, "Gaussian gradient noise, in units of the surface's median gradient norm.", low=0.0, high=10.0
)
#: Schedules count in epochs; a walk is this many.
EPOCHS = 5
#: The optimizers that can walk: those that need one gradient a step.
FIRST_ORDER = tuple(name for name, spec in OPTIMIZERS.items() if not spec.closure)


@dataclass(frozen=True)
class Walk:
    """What happened. K optimizers, n starts, T steps; entries after a walk stopped are NaN.

    Attributes:
        points: shape (T+1, 2, K, n).
        values: f, shape (T+1, K, n).
        gradients: the true gradient, without the noise, shape (T+1, 2, K, n).
        left: the first step at which the point lay outside the domain, -1 if it never did, shape (K, n).
        diverged: the step at which it stopped for being no number or far outside, else -1, shape (K, n).
    """

    points: Array
    values: Array
    gradients: Array
    left: NDArray[np.int64]
    diverged: NDArray[np.int64]

    @property
    def slopes(self) -> Array:
        """Gradient norms, shape (T+1, K, n)."""
        return np.hypot(self.gradients[:, 0], self.gradients[:, 1])

    @property
    def effective_steps(self) -> Array:
        """Distance moved by each step per unit of gradient norm, shape (T, K, n): for SGD the learning rate."""
        moved = np.diff(self.points, axis=0)
        with np.errstate(all="ignore"):
            return np.hypot(moved[:, 0], moved[:, 1]) / self.slopes[:-1]

    def reached(self, surface: Surface) -> NDArray[np.int64]:
        """The first step within ``REACHED`` of the surface's minimum, -1 if none, shape (K, n)."""
        return first_true(surface.reached(self.points[:, 0], self.points[:, 1], self.values))


def first_true(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Along the first axis, the first index that is true; -1 where none is."""
    return np.where(flags.any(axis=0), flags.argmax(axis=0), -1)


def span_of(steps: int) -> Span:
    return Span(EPOCHS, max(1, round(steps / EPOCHS)))


class Rates:
    """The schedule's rate at each step, of every point; the points share it unless it reacts to their losses."""

    def __init__(self, config: RunConfig, lr: Rate, count: int, steps: int) -> None:
        self._lr = lr
        self._span = span_of(steps)
        self._reacts = config.schedule_spec.reacts
        self._warmup_steps = config.warmup_steps
        self._constant = config.schedule == "constant" and not config.warmup_steps
        self._histories: list[list[tuple[int, float]]] = [[] for _ in range(count if self._reacts else 1)]
        self._schedules = [
            config.schedule_spec.create(1.0, self._span, history, config.warmup_steps, **config.schedule_params)
            for history in self._histories
        ]
        self._now: Rate = lr

    def at(self, step: int, values: Array) -> Rate:
        """For the step from 0, where the points have ``values``, shape (n,)."""
        if self._constant:
            return self._lr
        if not self._reacts:
            return self._lr * self._schedules[0](step)
        epoch_over = step % self._span.steps_per_epoch == 0
        if epoch_over and step:
            for history, value in zip(self._histories, values.tolist(), strict=True):
                history.append((step, value))
        if epoch_over or step <= self._warmup_steps:
            self._now = self._lr * np.array([schedule(step) for schedule in self._schedules])
        return self._now


@dataclass
class Moment:
    """The points of all optimizers side by side at one step: K groups of n columns each."""

    theta: Array
    values: Array
    gradients: Array
    diverged: NDArray[np.int64]
    left: NDArray[np.int64]


def descend(
    surface: Surface, configs: Sequence[RunConfig], starts: Array, steps: int, noise: float = 0.0, seed: int = 0,
    rates: Sequence[Rate] | None = None,
) -> Iterator[Moment]:  # fmt: skip
    """Where everybody is before step 1, after step 1, ... after the last; the arrays are not written to again.

    Args:
        starts: shape (2, n); every optimizer sets out from each.
        rates: instead of each config's lr, a number or an array (n,).
    """
    n = starts.shape[1]
    rates = rates or [config.lr for config in configs]
    steppers = [Stepper(c.optimizer, c.optimizer_params, c.weight_decay) for c in configs]
    schedules = [Rates(config, lr, n, steps) for config, lr in zip(configs, rates, strict=True)]
    theta = np.tile(np.asarray(starts, dtype=np.float64), len(configs))
    noises = noise_of(surface, noise, seed, steps, n)
    centre, half_width = surface.centre, surface.half_width
    diverged = np.full(theta.shape[1], -1)
    left = diverged.copy()
    with np.errstate(all="ignore"):
        for step in range(steps + 1):
            values, *slopes = surface.evaluate(theta[0], theta[1])
            gradients = np.stack(slopes)
            # NaN compares as false, so each test asks whether the point is fine.
            away = (np.abs(theta - centre) / half_width).max(axis=0)
            if not away.max() <= 1.0 or not np.isfinite(values).all() or not np.isfinite(gradients).all():
                left, diverged = left.copy(), diverged.copy()
                left[(left < 0) & (diverged < 0) & ~(away <= 1.0)] = step
                fine = (away <= FAR) & np.isfinite(values) & np.isfinite(gradients).all(axis=0)
                diverged[(diverged < 0) & ~fine] = step
                stopped = diverged >= 0
                gone = stopped & (diverged < step)
                theta, values, gradients = theta.copy(), values.copy(), gradients.copy()
                theta[:, gone] = values[gone] = gradients[:, gone] = np.nan
                yield Moment(theta, values, gradients, diverged, left)
                theta = np.where(stopped, np.nan, theta)
                if stopped.all():
                    return
            else:
                yield Moment(theta, values, gradients, diverged, left)
            if step == steps:
                return
            after = np.empty_like(theta)
            for k, (stepper, schedule) in enumerate(zip(steppers, schedules, strict=True)):
                mine = slice(k * n, (k + 1) * n)
                felt = gradients[:, mine] if noises is None else gradients[:, mine] + noises[step]
                after[:, mine] = stepper.step(theta[:, mine], felt, schedule.at(step, values[mine]), step + 1)
            theta = after


def noise_of(surface: Surface, noise: float, seed: int, steps: int, n: int) -> Array | None:
    """What is added to the gradient at each step, the same for every optimizer; shape (steps, 2, n)."""
    if not noise:
        return None
    return noise * surface.typical_slope * np.random.default_rng(seed).standard_normal((steps, 2, n))


def walk(
    surface: Surface, configs: Sequence[RunConfig], starts: Sequence[Point], steps: int = 500, noise: float = 0.0,
    seed: int = 0,
) -> Walk:  # fmt: skip
    """The walks of every optimizer from every start."""
    k, n = len(configs), len(starts)
    points = np.full((steps + 1, 2, k * n), np.nan)
    values = np.full((steps + 1, k * n), np.nan)
    gradients = np.full_like(points, np.nan)
    columns = np.array(starts, dtype=np.float64).T
    for step, moment in enumerate(descend(surface, configs, columns, steps, noise, seed)):
        points[step], values[step], gradients[step] = moment.theta, moment.values, moment.gradients
    return Walk(
        points.reshape(-1, 2, k, n),
        values.reshape(-1, k, n),
        gradients.reshape(-1, 2, k, n),
        moment.left.reshape(k, n),
        moment.diverged.reshape(k, n),
    )


def torch_walk(
    surface: Surface, config: RunConfig, start: Point, steps: int, noise: Array | None = None
) -> Iterator[tuple[torch.nn.Parameter, torch.optim.Optimizer]]:
    """The same walk by the registry's own ``torch.optim`` object on a 1x2 float64 parameter.

    Yields the parameter, holding the gradient that the coming step will use, and the optimizer, before
    the first step and after every step. The caller must read, not keep, what it is given.
    """
    theta = torch.nn.Parameter(torch.tensor([start], dtype=torch.float64))
    (optimizer,) = config.optimizer_spec.create([theta], config.lr, config.weight_decay, **config.optimizer_params)
    rates = Rates(config, config.lr, 1, steps)
    for step in range(steps + 1):
        x, y = theta.detach().numpy().T.copy()
        value, gx, gy = surface.evaluate(x, y)
        gradient = np.stack([gx, gy]).T
        if noise is not None and step < steps:
            gradient = gradient + noise[step].T
        theta.grad = torch.from_numpy(gradient.copy())
        rate = float(np.squeeze(rates.at(step, value)))
        for group in optimizer.param_groups:
            group["lr"] = rate * group["lr_scale"]
        yield theta, optimizer
        if step < steps:
            optimizer.step()
