"""What runs have come to, epoch by epoch: the figures that a comparison puts side by side."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from core.runs import history
from core.runs.store import Run
from dashboard import lab


@dataclass(frozen=True)
class Figures:
    """Of a run so far; None where there is nothing yet. Epochs count from 1, accuracies are from 0 to 1.

    Args:
        best_epoch: the epoch with the highest validation accuracy, the earliest of several; ``best_loss`` is its
            validation loss.
        gap: final validation loss less final training loss.
    """

    best_epoch: int | None = None
    best_accuracy: float | None = None
    best_loss: float | None = None
    final_accuracy: float | None = None
    final_loss: float | None = None
    train_loss: float | None = None
    gap: float | None = None
    test_accuracy: float | None = None
    trained_epochs: int | None = None
    seconds: float | None = None


def figures(run: Run) -> Figures:
    """The run's figures; those of one that is over are read once."""
    return _kept(run.id, run.ended, run.test_accuracy) if run.over else _read(run)


@lru_cache(maxsize=512)
def _kept(run_id: str, ended: float | None, test: float | None) -> Figures:
    run = lab.service().run(run_id)
    return _read(run) if run else Figures()


def _read(run: Run) -> Figures:
    marks = ('"event":"EpochDone"', '"event":"Resumed"')
    messages = lab.service().messages(run.id) or []
    events = [json.loads(text) for text in messages if any(mark in text for mark in marks)]
    return of([event for event in history.effective(events) if event["event"] == "EpochDone"], run)


def of(epochs: Sequence[dict[str, Any]], run: Run) -> Figures:
    """The figures of a run with these ``EpochDone`` events."""
    spent = {"test_accuracy": run.test_accuracy, "seconds": run.seconds, "trained_epochs": run.epoch}
    if not epochs:
        return Figures(**spent)
    last = epochs[-1]
    validated = [epoch for epoch in epochs if epoch["validation_accuracy"] is not None]
    best = max(validated, key=lambda epoch: epoch["validation_accuracy"], default=None)
    both = last["validation_loss"] is not None and last["train_loss"] is not None
    return Figures(
        best_epoch=best["epoch"] + 1 if best else None,
        best_accuracy=best["validation_accuracy"] if best else None,
        best_loss=best["validation_loss"] if best else None,
        final_accuracy=last["validation_accuracy"],
        final_loss=last["validation_loss"],
        train_loss=last["train_loss"],
        gap=last["validation_loss"] - last["train_loss"] if both else None,
        **spent,
    )


NAMES = tuple(field.name for field in fields(Figures))
