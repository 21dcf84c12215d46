"""Replay of a run: the parameters that it went through, bit for bit on the same machine."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from core import data
from core.training.commands import Plan
from core.training.config import RunConfig
from core.training.network import to_flat
from core.training.span import Span
from core.training.trainer import Trainer

#: Approximate number of steps that ``points`` returns.
POINTS = 60


def replay(
    config: RunConfig,
    steps: Iterable[int],
    commands: Plan = (),
    start: dict[str, Any] | None = None,
    mnist: data.Mnist | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Yield the parameters after each number of ``steps``, as the run reaches them.

    Args:
        config: of the run.
        steps: ascending, and none beyond the end of the run.
        commands: the learning rates that were set by hand: (step, learning rate).
        start: the state that the run began with, if it continued another; steps before it are left out.
        mnist: read from the data folder unless given.

    Yields:
        (step, (101770,) float32 on the CPU).
    """
    trainer = begun(config, commands, start, mnist)
    for step in steps:
        if step >= trainer.step:
            _train_to(trainer, step)
            yield trainer.step, to_flat(trainer.network).cpu()


def state_at(
    config: RunConfig,
    step: int,
    commands: Plan = (),
    start: dict[str, Any] | None = None,
    mnist: data.Mnist | None = None,
) -> dict[str, Any]:
    """Return the run's state after ``step`` steps, as ``Trainer.state`` does; arguments as of ``replay``.

    Raises:
        ValueError: if the run began later, or ends before.
    """
    trainer = begun(config, commands, start, mnist)
    _train_to(trainer, step)
    if trainer.step != step:
        raise ValueError(f"step must be one that the run went through, got step = {step}; it came to {trainer.step}.")
    # Where no step was taken, the rate that was set by hand before the first one is still to be set.
    for _ in trainer.apply_plan():
        pass
    return trainer.state()


def begun(config: RunConfig, commands: Plan, start: dict[str, Any] | None, mnist: data.Mnist | None) -> Trainer:
    """Return a trainer that stands where the run began; arguments as of ``replay``."""
    trainer = Trainer(config, mnist, plan=commands)
    if start is not None:
        trainer.restore(start)
    return trainer


def _train_to(trainer: Trainer, step: int) -> None:
    trainer.pause_at = step
    for _ in trainer.events() if step > trainer.step else ():
        pass


def points(span: Span, end: int, start: int = 0) -> list[int]:
    """Return the steps at which to measure a run of ``span`` that ended after ``end`` steps.

    They are the first and the last, the ends of epochs where these are not too many, and others between, closer
    together in the beginning, where a run changes fastest.
    """
    stretch = [start + round((end - start) * (i / POINTS) ** 2) for i in range(POINTS + 1)]
    every = -(-span.epochs // POINTS) * span.steps_per_epoch
    epochs = [step for step in range(every, end + 1, every) if step > start]
    return sorted({*stretch, *epochs})
