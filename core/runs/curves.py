"""The curves of a run, out of its events: what findings and lessons are measured on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.training.events import EpochDone, Event

Array = NDArray[np.float64]
_EPOCH_FIELDS = tuple(f.name for f in fields(EpochDone))


@dataclass
class Curves:
    """What a run recorded.

    Attributes:
        steps: (n,) counted from 0; not all of them where a viewer's thinned events are the source.
        losses: (n,) each step's mean loss, or its group's where steps were thinned; may be NaN.
        rates: (n,) the learning rates.
        epochs: the epochs that were completed.
        steps_per_epoch, train_images: 0 before the run has started.
        last_step: how many steps were taken.
        diverged: the step whose loss was not finite, or None.
        test_accuracy, seconds: None until the run is over; seconds are of training.
    """

    steps: Array = field(default_factory=lambda: np.empty(0))
    losses: Array = field(default_factory=lambda: np.empty(0))
    rates: Array = field(default_factory=lambda: np.empty(0))
    epochs: list[EpochDone] = field(default_factory=list)
    steps_per_epoch: int = 0
    train_images: int = 0
    last_step: int = 0
    diverged: int | None = None
    test_accuracy: float | None = None
    seconds: float | None = None

    @property
    def images_per_second(self) -> float | None:
        """Images trained on in a second of training; None until the run is over."""
        if not self.seconds or not self.steps_per_epoch:
            return None
        return self.last_step * self.train_images / self.steps_per_epoch / self.seconds


def curves_of(events: Iterable[Event | Mapping[str, Any]]) -> Curves:
    """The curves of a run from its events, as objects or as dictionaries, whole or thinned for viewers."""
    curves = Curves()
    steps: list[int] = []
    losses: list[float | None] = []
    rates: list[float] = []
    for event in events:
        body = event.to_dict() if isinstance(event, Event) else event
        kind = body["event"]
        if kind == "RunStarted":
            curves.steps_per_epoch, curves.train_images = body["steps_per_epoch"], body["train_images"]
        elif kind == "StepsDone":
            first = body.get("first_step", 0)
            steps += body.get("steps", range(first, first + len(body["losses"])))
            losses += body.get("means", body["losses"])
            rates += body["learning_rates"]
        elif kind == "EpochDone":
            curves.epochs.append(EpochDone(**{name: body[name] for name in _EPOCH_FIELDS}))
        elif kind == "Resumed":
            kept = sum(step < body["step"] for step in steps)
            del steps[kept:], losses[kept:], rates[kept:], curves.epochs[body["epoch"] :]
        elif kind == "Diverged":
            curves.diverged = body["step"]
        elif kind == "RunFinished":
            curves.test_accuracy, curves.seconds = body["test_accuracy"], body["seconds"]
            curves.last_step = body["step"]
    curves.steps, curves.rates = np.array(steps, dtype=float), np.array(rates, dtype=float)
    curves.losses = np.array([np.nan if loss is None else loss for loss in losses], dtype=float)
    curves.last_step = curves.last_step or (steps[-1] + 1 if steps else 0)
    return curves
