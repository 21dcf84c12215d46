"""Learning-rate schedules: each a function of the step, made by a factory that a row names.

``Schedule = Callable[[int], float]``. The page's preview calls the very function that trains.
Lengths are in epochs; ``Span`` translates them to steps.

>>> schedule = SCHEDULES["cosine"].create(0.1, Span(epochs=1, steps_per_epoch=5))
>>> [round(schedule(step), 4) for step in range(5)]
[0.1, 0.0854, 0.05, 0.0146, 0.0]
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.hyperparameters import Hyperparameter
from core.training.span import History, Span

Schedule = Callable[[int], float]

#: In epochs, far less than a step. A step at a drop or a restart belongs to what begins there, whichever way the last
#: bit of a division was rounded.
ROUNDING = 1e-9


@dataclass(frozen=True)
class ScheduleSpec:
    """One schedule.

    Args:
        label: the name that a person reads.
        source: the paper or library that defines it.
        formula: the rate in LaTeX; eta is the learning rate, e the epoch so far, p the progress from 0 to 1.
        help: one sentence on what it does.
        build: ``build(lr, span, history, **hyperparameters) -> Schedule``.
        hyperparameters: what can be set.
        reacts: whether it reads the history of losses.
    """

    label: str
    source: str
    formula: str
    help: str
    build: Callable[..., Schedule]
    hyperparameters: tuple[Hyperparameter, ...] = ()
    reacts: bool = False

    def create(
        self, lr: float, span: Span, history: History = (), warmup_steps: int = 0, **hyperparameters: Any
    ) -> Schedule:
        """Return a function from the step, counted from 0, to its rate in ``[0, lr]``; warm-up is linear."""
        defaults = {p.name: p.default for p in self.hyperparameters}
        schedule = self.build(lr, span, history, **{**defaults, **hyperparameters})
        return warmup(schedule, warmup_steps) if warmup_steps else schedule


def warmup(schedule: Schedule, steps: int) -> Schedule:
    """``schedule`` scaled by 1/steps, 2/steps, ... 1 over its first ``steps`` steps (Goyal et al. 2017)."""
    return lambda step: schedule(step) * min(1.0, (step + 1) / steps)


def constant(lr: float, span: Span, history: History) -> Schedule:
    return lambda step: lr


def step_decay(lr: float, span: Span, history: History, every: float, factor: float) -> Schedule:
    return lambda step: lr * factor ** math.floor((span.epoch(step) + ROUNDING) / every)


def multi_step(lr: float, span: Span, history: History, milestones: tuple[float, ...], factor: float) -> Schedule:
    return lambda step: lr * factor ** bisect_right(milestones, span.epoch(step) + ROUNDING)


def exponential(lr: float, span: Span, history: History, factor: float) -> Schedule:
    return lambda step: lr * factor ** span.epoch(step)


def inverse_time(lr: float, span: Span, history: History, decay: float) -> Schedule:
    return lambda step: lr / (1.0 + decay * span.epoch(step))


def polynomial(lr: float, span: Span, history: History, power: float, end: float) -> Schedule:
    return lambda step: lr * (end + (1.0 - end) * (1.0 - span.progress(step)) ** power)


def linear(lr: float, span: Span, history: History, end: float) -> Schedule:
    return polynomial(lr, span, history, power=1.0, end=end)


def cosine(lr: float, span: Span, history: History, end: float) -> Schedule:
    return lambda step: lr * _cosine_between(1.0, end, span.progress(step))


def cosine_restarts(lr: float, span: Span, history: History, period: float, growth: float, end: float) -> Schedule:
    starts, lengths = [0.0], [period]
    while starts[-1] < span.epochs:
        starts.append(starts[-1] + lengths[-1])
        lengths.append(lengths[-1] * growth)

    def schedule(step: int) -> float:
        epoch = span.epoch(step)
        fall = bisect_right(starts, epoch + ROUNDING) - 1
        return lr * _cosine_between(1.0, end, (epoch - starts[fall]) / lengths[fall])

    return schedule


def cyclic(lr: float, span: Span, history: History, half_cycle: float, low: float, shrink: float = 1.0) -> Schedule:
    def schedule(step: int) -> float:
        cycle, position = divmod(span.epoch(step) / half_cycle, 2.0)
        height: float = (1.0 - abs(position - 1.0)) * shrink**cycle
        return lr * (low + (1.0 - low) * height)

    return schedule


def cyclic_halving(lr: float, span: Span, history: History, half_cycle: float, low: float) -> Schedule:
    return cyclic(lr, span, history, half_cycle, low, shrink=0.5)


def one_cycle(lr: float, span: Span, history: History, rise: float, start: float, end: float) -> Schedule:
    def schedule(step: int) -> float:
        progress = span.progress(step)
        if progress < rise:
            return lr * _cosine_between(start, 1.0, progress / rise)
        return lr * _cosine_between(1.0, end, (progress - rise) / (1.0 - rise))

    return schedule


def plateau(
    lr: float, span: Span, history: History, factor: float, patience: int, threshold: float, lowest: float
) -> Schedule:
    def schedule(step: int) -> float:
        rate, best, bad_epochs = lr, math.inf, 0
        # From the start at every call: so the rate depends on the step alone, and a replay of a part of the run sees
        # the same rates. Histories have one entry per epoch, which makes this cheap.
        for measured_at, loss in history:
            if measured_at > step:
                break
            if loss < best * (1.0 - threshold):
                best, bad_epochs = loss, 0
            else:
                bad_epochs += 1
            if bad_epochs > patience:
                rate, bad_epochs = max(rate * factor, lr * lowest), 0
        return rate

    return schedule


def _cosine_between(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1.0 + math.cos(math.pi * progress)) / 2.0


def _factor(default: float) -> Hyperparameter:
    return Hyperparameter(
        "factor",
        default,
        "What the rate is multiplied by.",
        low=0.0,
        high=1.0,
        open_low=True,
    )


def _end(default: float) -> Hyperparameter:
    return Hyperparameter("end", default, "The last rate, as a share of the learning rate.", low=0.0, high=1.0)


def _epochs(name: str, default: float, help: str) -> Hyperparameter:
    return Hyperparameter(name, default, help, low=0.001, high=1000.0)


_LOW = Hyperparameter("low", 0.1, "The lowest rate, as a share of the learning rate.", low=0.0, high=1.0)
_HALF_CYCLE = _epochs("half_cycle", 1.0, "Epochs from the lowest rate to the highest.")

SCHEDULES: dict[str, ScheduleSpec] = {
    "constant": ScheduleSpec(
        label="Constant",
        source="Robbins and Monro 1951, without their decay",
        formula=r"\eta(e) = \eta",
        help="Keeps the rate as it is.",
        build=constant,
    ),
    "step": ScheduleSpec(
        label="Step",
        source="The usual staircase; torch.optim.lr_scheduler.StepLR",
        formula=r"\eta(e) = \eta\, \gamma^{\lfloor e / k \rfloor}",
        help="Drops by a factor every so many epochs.",
        build=step_decay,
        hyperparameters=(_epochs("every", 1.0, "Epochs between drops (k)."), _factor(0.5)),
    ),
    "multi_step": ScheduleSpec(
        label="Multi-step",
        source="He et al., Deep Residual Learning, 2015",
        formula=r"\eta(e) = \eta\, \gamma^{\,\#\{k_i \le e\}}",
        help="Drops by a factor at chosen epochs.",
        build=multi_step,
        hyperparameters=(
            Hyperparameter(
                "milestones",
                (2.0, 4.0),
                "The epochs at which it drops, in increasing order (k).",
                low=0.0,
                high=1000.0,
                increasing=True,
            ),
            _factor(0.1),
        ),
    ),
    "exponential": ScheduleSpec(
        label="Exponential",
        source="torch.optim.lr_scheduler.ExponentialLR, taken at every step",
        formula=r"\eta(e) = \eta\, \gamma^{e}",
        help="Shrinks by the same factor in every epoch, smoothly.",
        build=exponential,
        hyperparameters=(_factor(0.6),),
    ),
    "inverse_time": ScheduleSpec(
        label="Inverse time (1/t)",
        source="Robbins and Monro 1951",
        formula=r"\eta(e) = \frac{\eta}{1 + \kappa\, e}",
        help="Falls like 1/t, the classical rate at which SGD provably converges.",
        build=inverse_time,
        hyperparameters=(Hyperparameter("decay", 1.0, "How fast it falls, per epoch (kappa).", low=0.0, high=1000.0),),
    ),
    "polynomial": ScheduleSpec(
        label="Polynomial",
        source="Chen et al., DeepLab, 2016",
        formula=r"\eta(p) = \eta\,\bigl(r + (1-r)(1-p)^{q}\bigr)",
        help="Falls to its end as a power of the time left.",
        build=polynomial,
        hyperparameters=(
            Hyperparameter(
                "power", 2.0, "The power (q): above 1 it falls early, below 1 late.", low=0.0, high=10.0, open_low=True
            ),
            _end(0.0),
        ),
    ),
    "linear": ScheduleSpec(
        label="Linear",
        source="The straight line; torch.optim.lr_scheduler.LinearLR",
        formula=r"\eta(p) = \eta\,\bigl(r + (1-r)(1-p)\bigr)",
        help="Falls to its end in a straight line.",
        build=linear,
        hyperparameters=(_end(0.0),),
    ),
    "cosine": ScheduleSpec(
        label="Cosine",
        source="Loshchilov and Hutter, SGDR, 2016, without restarts",
        formula=r"\eta(p) = \eta\,\bigl(r + (1-r)\tfrac{1+\cos \pi p}{2}\bigr)",
        help="Falls to its end along half a cosine: slowly, fast, slowly.",
        build=cosine,
        hyperparameters=(_end(0.0),),
    ),
    "cosine_restarts": ScheduleSpec(
        label="Cosine with warm restarts",
        source="Loshchilov and Hutter, SGDR, 2016",
        formula=r"\eta(e) = \eta\,\bigl(r + (1-r)\tfrac{1+\cos \pi (e-e_i)/T_i}{2}\bigr), \quad T_{i+1} = m\, T_i",
        help="Falls along half a cosine, jumps back up, and falls again over a longer period.",
        build=cosine_restarts,
        hyperparameters=(
            _epochs("period", 1.0, "Epochs of the first fall (T)."),
            Hyperparameter("growth", 2.0, "How many times longer each next fall is (m).", low=1.0, high=10.0),
            _end(0.0),
        ),
    ),
    "cyclic": ScheduleSpec(
        label="Cyclic, triangular",
        source="Smith, Cyclical Learning Rates for Training Neural Networks, 2015",
        formula=r"\eta(e) = \eta\,\bigl(r + (1-r)\,(1 - |(e/k \bmod 2) - 1|)\bigr)",
        help="Climbs and falls in straight lines between a low rate and the learning rate.",
        build=cyclic,
        hyperparameters=(_HALF_CYCLE, _LOW),
    ),
    "cyclic_halving": ScheduleSpec(
        label="Cyclic, halving",
        source="Smith 2015, the triangular2 policy",
        formula=r"\eta(e) = \eta\,\bigl(r + (1-r)\,2^{-\lfloor e/2k \rfloor}(1 - |(e/k \bmod 2) - 1|)\bigr)",
        help="Triangles whose height halves with every cycle.",
        build=cyclic_halving,
        hyperparameters=(_HALF_CYCLE, _LOW),
    ),
    "one_cycle": ScheduleSpec(
        label="One-cycle",
        source="Smith and Topin, Super-Convergence, 2017",
        formula=r"\eta(p):\quad r_0\,\eta \;\xrightarrow{\;\cos,\; p<\rho\;}\; \eta "
        r"\;\xrightarrow{\;\cos\;}\; r_1\,\eta",
        help="One climb to the learning rate and one long fall to almost nothing.",
        build=one_cycle,
        hyperparameters=(
            Hyperparameter(
                "rise",
                0.3,
                "The share of the run that climbs (rho).",
                low=0.0,
                high=1.0,
                open_low=True,
                open_high=True,
            ),
            Hyperparameter("start", 0.04, "The first rate, as a share of the learning rate.", low=0.0, high=1.0),
            _end(4e-6),
        ),
    ),
    "plateau": ScheduleSpec(
        label="Reduce on plateau",
        source="torch.optim.lr_scheduler.ReduceLROnPlateau",
        formula=r"\eta \leftarrow \gamma\,\eta \quad \text{after more than } n \text{ epochs without a better loss}",
        help="Drops when the validation loss (without a validation split, the training loss) stops improving.",
        build=plateau,
        hyperparameters=(
            _factor(0.3),
            Hyperparameter("patience", 1, "Epochs without improvement that it forgives (n).", low=0, high=1000),
            Hyperparameter(
                "threshold", 0.01, "The share by which a loss must improve to count.", low=0.0, high=1.0, open_high=True
            ),
            Hyperparameter("lowest", 1e-3, "The lowest rate, as a share of the learning rate.", low=0.0, high=1.0),
        ),
        reacts=True,
    ),
}
