"""What a run's row says of its events: how far it is, its best epoch, and a small picture of its curve."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from core.runs import history

#: Points of the small picture.
CURVE_POINTS = 32


@dataclass
class Progress:
    """A run's progress, event by event. Fields and properties as in ``store.Run``."""

    steps: int
    step: int = 0
    epoch: int = 0
    validation_accuracy: float | None = None
    best_validation_accuracy: float | None = None
    _sums: list[float] = field(default_factory=lambda: [0.0] * CURVE_POINTS)
    _counts: list[int] = field(default_factory=lambda: [0] * CURVE_POINTS)

    @classmethod
    def of(cls, steps: int, events: Iterable[dict[str, Any]]) -> "Progress":
        """The progress after all of ``events``; ``steps`` is the whole run's number."""
        progress = cls(steps)
        for event in history.effective(events):
            progress.take(event)
        return progress

    @property
    def curve(self) -> list[float | None]:
        return [float(f"{s / n:.4g}") if n else None for s, n in zip(self._sums, self._counts, strict=True)]

    @property
    def columns(self) -> dict[str, Any]:
        """What the store keeps of it."""
        names = ("step", "epoch", "validation_accuracy", "best_validation_accuracy", "curve")
        return {name: getattr(self, name) for name in names}

    def take(self, event: dict[str, Any]) -> None:
        """Go on by one event that is not void."""
        if event["event"] == "Resumed":
            self.step, self.epoch = event["step"], event["epoch"]
        elif event["event"] == "StepsDone":
            for step, loss in enumerate(event["losses"], event["first_step"]):
                if math.isfinite(loss):
                    self._sums[step * CURVE_POINTS // self.steps] += loss
                    self._counts[step * CURVE_POINTS // self.steps] += 1
            self.step = event["first_step"] + len(event["losses"])
        elif event["event"] == "EpochDone":
            self.epoch = event["epoch"] + 1
            self.validation_accuracy = event["validation_accuracy"]
            if self.validation_accuracy is not None:
                self.best_validation_accuracy = max(self.best_validation_accuracy or 0.0, self.validation_accuracy)
