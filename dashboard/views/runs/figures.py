"""Figures of a run's best and last epochs, for the table of runs side by side."""

import json
from dataclasses import dataclass, fields, replace
from functools import lru_cache

from core.runs.history import History
from core.runs.store import Run
from dashboard import lab
from dashboard.words import UNKNOWN, duration, loss, percent, run_title, state


@dataclass(frozen=True)
class Figures:
    """Figures of a run so far; None for those to come. Epochs count from 1, accuracies are from 0 to 1.

    Args:
        best_epoch: the epoch with the highest validation accuracy, the earliest of several; ``best_loss`` is its
            validation loss.
        train_loss: mean over the last epoch; over the steps so far before the first epoch has ended.
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
    """Return the run's figures; cached once it is over."""
    return _cached(run.id, run.ended, run.test_accuracy) if run.over else _read(run)


@lru_cache(maxsize=512)
def _cached(run_id: str, ended: float | None, test: float | None) -> Figures:
    run = lab.service().run(run_id)
    return _read(run) if run else Figures()


def _read(run: Run) -> Figures:
    messages = lab.service().messages(run.id) or []
    # Blocks of steps are most of a run's messages, and once an epoch is over no figure here is of steps.
    kinds = ('"event":"EpochDone"', '"event":"Resumed"')
    history = History(json.loads(text) for text in messages if any(kind in text for kind in kinds))
    return of(history if history.epochs else History(json.loads(text) for text in messages), run)


def of(history: History, run: Run) -> Figures:
    """Figures of a run with this history."""
    spent = Figures(
        train_loss=history.train_loss,
        test_accuracy=run.test_accuracy,
        trained_epochs=run.epoch,
        seconds=run.seconds,
    )
    best, last = history.best, next(reversed(history.epochs), None)
    if last is None:
        return spent
    return replace(
        spent,
        best_epoch=best.epoch + 1 if best else None,
        best_accuracy=best.validation_accuracy if best else None,
        best_loss=best.validation_loss if best else None,
        final_accuracy=last.validation_accuracy,
        final_loss=last.validation_loss,
        gap=_difference(last.validation_loss, last.train_loss),
    )


def _difference(one: float | None, other: float | None) -> float | None:
    # Viewers' messages have None also for a loss that is not finite.
    return None if one is None or other is None else one - other


NAMES = tuple(field.name for field in fields(Figures))
#: Columns of figures in words, as ``in_words`` returns them.
HEAD = (
    "Run",
    "State",
    "Best validation",
    "Best epoch",
    "Last validation",
    "Validation loss",
    "Training loss",
    "Test",
    "Trained in",
)


def in_words(run: Run) -> tuple[str, ...]:
    """Return the run's state and figures in words, under ``HEAD``, for a page that is kept."""
    own = figures(run)
    return (
        run_title(run),
        state(run) if run.over else f"{state(run)} when this page was saved",
        percent(own.best_accuracy),
        UNKNOWN if own.best_epoch is None else str(own.best_epoch),
        percent(own.final_accuracy),
        loss(own.final_loss),
        loss(own.train_loss),
        percent(own.test_accuracy),
        duration(own.seconds),
    )
