"""A run's history as arrays: the measure of findings and lessons."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from core.runs.history import Array, Body, History
from core.training.events import EpochDone, Event


@dataclass
class Curves:
    """The curves of a run.

    Attributes:
        steps: (n,) all that the run took, counted from 0; a run that went on from another one begins later.
        losses: (n,) each step's mean loss; may be NaN.
        rates: (n,) the learning rates.
        epochs: the epochs that are over.
        steps_per_epoch, train_images: 0 before the run has started.
        last_step: number of steps that the network's parameters have had.
        diverged: the step whose loss was not finite, or None.
        test_accuracy, seconds: None until the run is over; seconds are of training.
        images_per_second: of the steps by themselves; None until the run is over.
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
    images_per_second: float | None = None


def curves_of(events: Iterable[Event | Body]) -> Curves:
    """Curves of a run from its recorded events, as objects or as dictionaries."""
    return curves_in(History(events))


def curves_in(history: History) -> Curves:
    """Curves of a run from its history; not of viewers' messages, whose thinned steps have no scatter of their own."""
    return Curves(
        steps=history.steps.astype(float),
        losses=history.losses,
        rates=history.learning_rates,
        epochs=history.epochs,
        steps_per_epoch=history.steps_per_epoch,
        train_images=history.train_images,
        last_step=history.step,
        diverged=history.diverged,
        test_accuracy=history.test_accuracy,
        seconds=history.seconds,
        images_per_second=None if history.seconds is None else history.images_per_second,
    )
