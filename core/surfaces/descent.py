"""Walks of any first-order optimizer of the registry down a surface.

``walk`` takes all optimizers and all starts forward together, evaluating the surface once per step for all of them, by
the update rules over arrays where the registry has them. ``torch_walk`` is the walk by the ``torch.optim`` object; the
tests hold the two equal, and ``step_in_numbers`` reads that object's state.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.hyperparameters import Hyperparameter
from core.optimizers import OPTIMIZERS
from core.optimizers.rules import Rate
from core.optimizers.step import Step
from core.optimizers.stepper import Stepper, TorchStepper, stepper
from core.surfaces.expression import Array
from core.surfaces.functions import FAR, Point, Surface
from core.training.config import RunConfig
from core.training.span import Span

DEFAULT_STEPS = 500
STEPS = Hyperparameter("steps", DEFAULT_STEPS, "How many steps each optimizer takes.", low=1, high=5000)
NOISE = Hyperparameter(
    "noise",
    0.0,
    "Standard deviation of the noise in each of the two derivatives, such as mini-batches have.",
    low=0.0,
    high=1000.0,
)
#: Schedules count in epochs; a walk is this many.
EPOCHS = 5
#: The optimizers that can walk: those that need one gradient per step.
FIRST_ORDER = tuple(name for name, spec in OPTIMIZERS.items() if not spec.closure)


@dataclass(frozen=True)
class Walk:
    """The walks of K optimizers from n starts over T steps; entries after a walk stopped are NaN.

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
        """Return the first step within ``REACHED`` of the surface's minimum, -1 if none, shape (K, n)."""
        return first_true(surface.reached(self.points[:, 0], self.points[:, 1], self.values))


def first_true(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Along the first axis, the first index that is true; -1 where none is."""
    return np.where(flags.any(axis=0), flags.argmax(axis=0), -1)


def span_of(steps: int) -> Span:
    """Return the span of a walk, whose steps a schedule sees as those of ``EPOCHS`` epochs."""
    return Span(EPOCHS, max(1, round(steps / EPOCHS)))


class Rates:
    """The schedule's rate of every point at each step; the points share it unless it reacts to their losses."""

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
        """Return the rate of a step, counted from 0, where the points have ``values``, shape (n,)."""
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
    """Yield the points before step 1, after step 1, ... after the last; the arrays are not written to again.

    Args:
        starts: shape (2, n); every optimizer sets out from each.
        rates: instead of each config's lr, a number or an array (n,).
    """
    steppers = [stepper(c.optimizer_spec, c.optimizer_params, c.weight_decay) for c in configs]
    return _descend(surface, configs, starts, steppers, steps, noise_of(noise, seed, steps, starts.shape[1]), rates)


def _descend(
    surface: Surface, configs: Sequence[RunConfig], starts: Array, steppers: Sequence[Stepper], steps: int,
    noises: Array | None, rates: Sequence[Rate] | None = None,
) -> Iterator[Moment]:  # fmt: skip
    n = starts.shape[1]
    rates = rates or [config.lr for config in configs]
    schedules = [Rates(config, lr, n, steps) for config, lr in zip(configs, rates, strict=True)]
    theta = np.tile(np.asarray(starts, dtype=np.float64), len(configs))
    centre, half_width = surface.centre, surface.half_width
    diverged = np.full(theta.shape[1], -1)
    left = diverged.copy()
    with np.errstate(all="ignore"):
        for step in range(steps + 1):
            values, *slopes = surface.evaluate(theta[0], theta[1])
            gradients = np.stack(slopes)
            # NaN compares as false, so each condition is one that a good point meets.
            away = (np.abs(theta - centre) / half_width).max(axis=0)
            if not away.max() <= 1.0 or not np.isfinite(values).all() or not np.isfinite(gradients).all():
                left, diverged = left.copy(), diverged.copy()
                left[(left < 0) & (diverged < 0) & ~(away <= 1.0)] = step
                good = (away <= FAR) & np.isfinite(values) & np.isfinite(gradients).all(axis=0)
                diverged[(diverged < 0) & ~good] = step
                stopped = diverged >= 0
                # A walk's last point is the one that is too far away; after it there are none.
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
            for k, (one, schedule) in enumerate(zip(steppers, schedules, strict=True)):
                own = slice(k * n, (k + 1) * n)
                noisy = gradients[:, own] if noises is None else gradients[:, own] + noises[step]
                after[:, own] = one.step(theta[:, own], noisy, schedule.at(step, values[own]), step + 1)
            theta = after


def noise_of(noise: float, seed: int, steps: int, n: int) -> Array | None:
    """Gaussian noise for the gradient at each step, the same for every optimizer; shape (steps, 2, n)."""
    if not noise:
        return None
    return noise * np.random.default_rng(seed).standard_normal((steps, 2, n))


def walk(
    surface: Surface, configs: Sequence[RunConfig], starts: Sequence[Point], steps: int = 500, noise: float = 0.0,
    seed: int = 0,
) -> Walk:  # fmt: skip
    """Compute the walks of every optimizer from every start."""
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
) -> Iterator[Moment]:
    """Yield the same walk from one start by the registry's own ``torch.optim`` object.

    Args:
        noise: as ``noise_of`` gives it for one start, shape (steps, 2, 1).
    """
    by_torch = TorchStepper(config.optimizer_spec, config.optimizer_params, config.weight_decay)
    return _descend(surface, [config], np.array([start]).T, [by_torch], steps, noise)


def step_in_numbers(
    surface: Surface, config: RunConfig, start: Point, step: int, steps: int, noise: Array | None = None
) -> Step | None:
    """Step ``step``, counted from 1, of a walk of ``steps``, with its numbers put into the update rule.

    Args:
        noise: as for ``torch_walk``.

    Returns:
        None if the walk diverged before that step.
    """
    by_torch = TorchStepper(config.optimizer_spec, config.optimizer_params, config.weight_decay)
    moments = _descend(surface, [config], np.array([start]).T, [by_torch], steps, noise)
    taken = list(islice(moments, step))
    # The generator waits before the step, so the state is still the one that the step starts from.
    before, old = taken[-1], by_torch.state()
    after = next(moments, None)
    if len(taken) < step or after is None:
        return None
    gradient = before.gradients if noise is None else before.gradients + noise[step - 1]
    result = Step(
        t=step,
        before=before.theta[:, 0],
        after=after.theta[:, 0],
        gradient=gradient[:, 0],
        rate=by_torch.rate,
        params=config.optimizer_params,
        weight_decay=config.weight_decay,
        old=old,
        new=by_torch.state(),
    )
    if not np.isfinite([result.before, result.after, result.gradient]).all():
        return None
    config.optimizer_spec.explain_step(result)
    return result
