"""A sweep for people and pages: plain frozen data, and its files."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.runs.export import finite, spreadsheet_text
from core.sweep import grid
from core.sweep.confirmation import Confirmation
from core.sweep.settings import Settings
from core.training.config import RunConfig

#: States of a sweep. A running one goes on by itself after the server was ended, however that was.
RUNNING, PAUSED, STOPPED, FINISHED, FAILED = "running", "paused", "stopped", "finished", "failed"
STATES = (RUNNING, PAUSED, STOPPED, FINISHED, FAILED)
#: States of a trial; ``pruned``: stopped by the sweep, ``stopped``: by a person, or it failed and is tried again.
TRIAL_STATES = ("waiting", "running", "finished", "pruned", "stopped", "diverged", "failed")
OVER = frozenset(("finished", "pruned", "stopped", "diverged", "failed"))


@dataclass(frozen=True)
class Trial:
    """A choice of settings, with a run for each seed.

    Args:
        number: from 0, in the order in which they began.
        state: one of ``TRIAL_STATES``.
        chosen: values of the varied settings that exist in it, by their names in the space.
        config: of its first seed.
        runs: ids, in the order of the seeds.
        losses, accuracies: (epochs,) means of the validation figures over the seeds; a loss may be None where no
            run has a finite one. A seed that has ended keeps its last accuracy, one that diverged has 0.
        finals: (seeds,) each seed's latest validation accuracy, as far as it has one.
        revision: of the study at the latest change of this trial.
    """

    number: int
    state: str
    chosen: dict[str, Any]
    config: RunConfig
    runs: tuple[str, ...] = ()
    losses: tuple[float | None, ...] = ()
    accuracies: tuple[float, ...] = ()
    finals: tuple[float, ...] = ()
    revision: int = 0

    @property
    def epochs(self) -> int:
        """Number of those that all its runs have done."""
        return len(self.accuracies)

    @property
    def accuracy(self) -> float | None:
        """Validation accuracy after its latest epoch, from 0 to 1: its score when it has finished."""
        return self.accuracies[-1] if self.accuracies else None

    @property
    def loss(self) -> float | None:
        """Validation loss after its latest epoch."""
        return self.losses[-1] if self.losses else None


@dataclass(frozen=True)
class Summary:
    """A sweep without its trials.

    Args:
        id: opaque, 16 hexadecimal characters.
        name, notes: of its owner.
        created: unix seconds.
        state: one of ``STATES``.
        message: one sentence where the state needs one, else "".
        seconds: that it has run, pauses left out; of the moment of the view.
        revision: grows with every change.
    """

    id: str
    name: str
    notes: str
    owner: str
    owner_name: str
    created: float
    state: str
    message: str
    seconds: float
    settings: Settings
    revision: int


@dataclass(frozen=True)
class View(Summary):
    """A sweep at one revision.

    Args:
        trials: in the order in which they began, without those that were stopped and whose setting was begun again.
        confirmation: None before one was asked for.
    """

    trials: tuple[Trial, ...] = ()
    confirmation: Confirmation | None = None

    @property
    def best(self) -> Trial | None:
        """The finished trial of the highest validation accuracy, the first of equals."""
        return next(iter(self.ranking), None)

    @property
    def ranking(self) -> list[Trial]:
        """Finished trials, best first."""
        return ranked(self.trials)

    @property
    def counted(self) -> int:
        """Number of the trials that count towards the budget: all but those that a person stopped."""
        return sum(trial.state != "stopped" for trial in self.trials)

    @property
    def done(self) -> int:
        """Number of the trials that count and are over."""
        return sum(trial.state in OVER and trial.state != "stopped" for trial in self.trials)

    def count(self, state: str) -> int:
        """Return the number of trials in a state."""
        return sum(trial.state == state for trial in self.trials)


@dataclass(frozen=True)
class Changes:
    """News of a sweep since a revision: its state, and its trials that changed."""

    revision: int
    state: str
    message: str
    seconds: float
    trials: tuple[Trial, ...]


def without_repeated(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Leave out each stopped trial whose setting a later one tries again: a setting is shown and counted once.

    Args:
        trials: of one sweep, in the order in which they began.
    """
    latest = {grid.key(trial.chosen): trial.number for trial in trials}
    return tuple(t for t in trials if t.state != "stopped" or t.number == latest[grid.key(t.chosen)])


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """Return the finished trials, the one of the highest validation accuracy first."""
    finished = [trial for trial in trials if trial.state == "finished"]
    return sorted(finished, key=lambda trial: (-(trial.accuracy or 0.0), trial.number))


def csv_text(view: View) -> str:
    """Return the trials as CSV: a row per trial, its varied settings between number, state and figures.

    Numbers are a page's, from 1 on; ``trained_epochs`` is apart from a varied setting of that name.
    """
    names = view.settings.space.names
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    figures = ["trained_epochs", "validation_loss", "validation_accuracy", "seeds", "runs"]
    writer.writerow(["setting", "state", *names, *figures])
    for trial in view.trials:
        values = [trial.chosen.get(name) for name in names]
        row = [trial.number + 1, trial.state, *values, trial.epochs, trial.loss, trial.accuracy, len(trial.finals)]
        cells = [*row, " ".join(trial.runs)]
        writer.writerow([spreadsheet_text(cell) if isinstance(cell, str) else cell for cell in cells])
    return table.getvalue()


def record(view: View) -> dict[str, Any]:
    """Return all of a sweep as plain JSON types; a number that is not finite is None."""
    best = view.best
    whole: dict[str, Any] = finite(
        {
            "id": view.id,
            "name": view.name,
            "notes": view.notes,
            "owner_name": view.owner_name,
            "created": view.created,
            "state": view.state,
            "message": view.message,
            "seconds": view.seconds,
            "settings": view.settings.to_dict(),
            "best": best.number if best else None,
            "trials": [
                {
                    "number": trial.number,
                    "state": trial.state,
                    "chosen": trial.chosen,
                    "config": trial.config.to_dict(),
                    "runs": trial.runs,
                    "epochs": trial.epochs,
                    "validation_loss": trial.losses,
                    "validation_accuracy": trial.accuracies,
                    "seeds": trial.finals,
                }
                for trial in view.trials
            ],
            "confirmation": view.confirmation.to_dict() if view.confirmation else None,
        }
    )
    return whole


def json_text(view: View) -> str:
    """Return all of a sweep as JSON."""
    return json.dumps(record(view), allow_nan=False, indent=1)
