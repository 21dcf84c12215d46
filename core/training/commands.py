"""Commands to a run that trains, and the learning rates set by hand that a replay repeats."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.training.config import LR

#: Learning rates that take effect before a step: (step, learning rate), in the order of the steps.
Plan = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Stop:
    """End the run before its next step."""


@dataclass(frozen=True)
class Pause:
    """Leave the run before its next step; it goes on from there when ``events`` is called again."""


@dataclass(frozen=True)
class SetLearningRate:
    """From the next step on, start the schedule from ``lr`` in place of the config's.

    Raises:
        InvalidValue: if ``lr`` is not one that a config could have.
    """

    lr: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "lr", LR.check(self.lr))


Command = Stop | Pause | SetLearningRate
