"""The progress of a trial that is not over: its runs, folded from their events."""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.runs import states
from core.runs.states import OVER
from core.sweep.view import Trial
from core.training.config import RunConfig
from core.training.events import EpochDone

#: A validation loss, if it is finite, and an accuracy.
Figures = tuple[float | None, float]


@dataclass
class SeedRun:
    """One run of a trial.

    Attributes:
        state: as recorded; stopped for a run that a person took from the sweep, whatever it does from then on.
        epochs: validation figures by epoch; a part that is trained twice comes again the same.
    """

    id: str
    state: str = states.QUEUED
    epochs: dict[int, Figures] = field(default_factory=dict)
    taken: bool = False

    @property
    def over(self) -> bool:
        return self.state in OVER

    def at(self, epoch: int) -> Figures | None:
        """Return the figures after an epoch, those of a run that has ended before it included; None if they will come.

        A run that diverged counts as never right.
        """
        if epoch in self.epochs:
            return self.epochs[epoch]
        if not self.over:
            return None
        if self.state == states.DIVERGED or not self.epochs:
            return None, 0.0
        return self.epochs[max(self.epochs)]

    @property
    def final(self) -> float | None:
        """The latest accuracy; None before the first."""
        if self.state == states.DIVERGED:
            return 0.0
        return self.epochs[max(self.epochs)][1] if self.epochs else None

    def add(self, event: Mapping[str, Any]) -> bool:
        """Take an event; True if it changed something here."""
        if self.taken:
            return False
        if (event["event"] == "Removed" or states.sets_rate(event)) and self.state not in states.ENDED:
            self.take()
            return True
        if event["event"] == "EpochDone" and event["validation_accuracy"] is not None:
            self.epochs[event["epoch"]] = figures(event["validation_loss"], event["validation_accuracy"])
            return True
        if event["event"] == "State" and event["state"] != self.state:
            self.state = event["state"]
            return True
        return False

    def take(self) -> None:
        """Let the run go to a person who took it from the sweep."""
        self.state, self.taken = states.STOPPED, True

    def catch_up(self, state: str, epochs: list[EpochDone]) -> None:
        """Take what the run has done before anyone listened."""
        self.state = state
        for epoch in epochs:
            if epoch.validation_accuracy is not None:
                self.epochs[epoch.epoch] = figures(epoch.validation_loss, epoch.validation_accuracy)


@dataclass
class Progress:
    """A trial that is not over.

    Attributes:
        pruned: it is being stopped by the sweep.
        reported: epochs that the search knows already.
    """

    number: int
    chosen: dict[str, Any]
    config: RunConfig
    runs: list[SeedRun]
    pruned: bool = False
    reported: int = 0
    losses: list[float | None] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.runs)

    @property
    def over(self) -> bool:
        return all(run.over for run in self.runs)

    def add(self, run_id: str, event: Mapping[str, Any]) -> bool:
        """Take an event of a run; True if it changed something here."""
        return any([run.add(event) for run in self.runs if run.id == run_id])  # noqa: C419 - all of them shall take it

    def advance(self, on_epoch: Callable[[int, float], None]) -> None:
        """Take the means of the epochs that all runs have done; ``on_epoch`` gets the number of epochs and the mean."""
        while any(len(self.accuracies) in run.epochs for run in self.runs):
            parts = [run.at(len(self.accuracies)) for run in self.runs]
            if None in parts:
                return
            losses = [part[0] for part in parts if part and part[0] is not None]
            self.losses.append(statistics.fmean(losses) if losses else None)
            self.accuracies.append(statistics.fmean(part[1] for part in parts if part))
            on_epoch(len(self.accuracies), self.accuracies[-1])

    @property
    def state(self) -> str:
        """State of the trial, one of ``TRIAL_STATES``."""
        own = {run.state for run in self.runs}
        if not self.over:
            return "running" if self.accuracies or own - {states.QUEUED} else "waiting"
        if own & {states.FAILED, states.INTERRUPTED}:
            return "failed"
        if states.DIVERGED in own:
            return "diverged"
        if own == {states.FINISHED}:
            return "finished"
        return "pruned" if self.pruned else "stopped"

    @property
    def score(self) -> float:
        """Mean of the seeds' accuracies at the end."""
        return statistics.fmean(run.final or 0.0 for run in self.runs)

    def trial(self, revision: int) -> Trial:
        """Return the trial as it is now."""
        finals = tuple(run.final for run in self.runs if run.final is not None)
        figures = (tuple(self.losses), tuple(self.accuracies), finals)
        return Trial(self.number, self.state, self.chosen, self.config, self.ids, *figures, revision)


def figures(loss: float | None, accuracy: float) -> Figures:
    """Return validation figures of an epoch, the loss only where it is finite."""
    return (loss if loss is not None and math.isfinite(loss) else None), accuracy
