"""A service whose runs do what a test says, and sweeps on it."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.jobs import Jobs
from core.runs import states
from core.runs.history import History
from core.runs.store import Run
from core.sweep.settings import Settings
from core.sweep.studies import Studies
from core.sweep.text import parse
from core.sweep.view import View
from core.training.config import RunConfig
from core.training.events import EpochDone
from tests.waiting import wait_for


def full(*_: Any) -> None:
    """Refuse a file as a full disk does, in place of ``write_atomically``."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Scripted:
    """The part of ``Service`` that sweeps use. A run waits until the test lets it train."""

    workers = 2

    def __init__(self) -> None:
        self.rows: dict[str, Run] = {}
        self.epochs: dict[str, list[EpochDone]] = {}
        self.commands: list[tuple[str, str]] = []
        self.refusal = ""
        self.full = False
        self.jobs = Jobs()
        self._listeners: list[Any] = []

    def listen(self, listener: Any) -> None:
        self._listeners.append(listener)

    def admit(self, _owner: str) -> None:
        if self.refusal:
            raise ValueError(self.refusal)

    def submit_group(self, configs: Any, owner: str = "", owner_name: str = "", *, sweep: str = "") -> list[str]:
        if self.full:
            raise ValueError("The run could not be saved on the lab's disk: full.")
        ids = []
        for config in configs:
            number = len(self.rows) + 1
            run_id = f"{number:016x}"
            self.rows[run_id] = Run(
                run_id, number, "", config, 0.0, states.QUEUED, "", None, None, None, owner, owner_name, sweep=sweep
            )
            self.epochs[run_id] = []
            ids.append(run_id)
        return ids

    def twin(self, config: RunConfig) -> Run | None:
        found = [
            run for run in self.rows.values() if run.config == config and run.state == states.FINISHED and run.plain
        ]
        return found[-1] if found else None

    def run(self, run_id: str) -> Run | None:
        return self.rows.get(run_id)

    def runs(self, _limit: int) -> list[Run]:
        return list(self.rows.values())[::-1]

    def started_by(self, sweep: str) -> list[Run]:
        return [run for run in list(self.rows.values()) if run.sweep == sweep]

    def in_states(self, wanted: Any) -> list[Run]:
        return [run for run in list(self.rows.values()) if run.state in wanted]

    def history(self, run_id: str) -> History:
        return History(self.epochs[run_id])

    def command(self, run_id: str, command: str) -> None:
        if not states.fits(self.rows[run_id].state, command):
            return
        self.commands.append((run_id, command))
        ends = {"stop": states.STOPPED, "pause": states.PAUSED, "resume": states.QUEUED}
        self.turn(run_id, ends[command])

    def set_rate(self, run_id: str) -> None:
        """Set a run's learning rate by hand."""
        event = {"event": "CommandApplied", "step": 0, "command": "learning_rate", "value": 0.5}
        self.rows[run_id] = replace(self.rows[run_id], rate_by_hand=True)
        self.tell(run_id, event)

    def delete(self, run_id: str) -> None:
        """Put a run into the bin."""
        self.rows[run_id] = replace(self.rows[run_id], deleted=1.0)
        self.tell(run_id, {"event": "Removed"})

    def purge(self, run_id: str) -> None:
        """Remove a run for good."""
        del self.rows[run_id], self.epochs[run_id]
        self.tell(run_id, {"event": "Removed"})

    def turn(self, run_id: str, state: str) -> None:
        """Put a run into a state."""
        self.rows[run_id] = replace(self.rows[run_id], state=state)
        self.tell(run_id, {"event": "State", "state": state, "message": "", "stalled": False})

    def epoch(self, run_id: str, accuracy: float, loss: float = 1.0) -> None:
        """Let a run train one more epoch, to this validation accuracy."""
        done = EpochDone(len(self.epochs[run_id]), 0, 0.0, 0.0, loss, accuracy, 0.0)
        self.epochs[run_id].append(done)
        self.rows[run_id] = replace(
            self.rows[run_id],
            state=states.RUNNING,
            epoch=done.epoch + 1,
            validation_accuracy=accuracy,
            test_accuracy=0.5,
        )
        self.tell(run_id, done.to_dict())

    def train(self, run_id: str, *accuracies: float, state: str = states.FINISHED) -> None:
        """Let a run train to its end."""
        for accuracy in accuracies:
            self.epoch(run_id, accuracy)
        self.turn(run_id, state)

    def tell(self, run_id: str, event: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener(run_id, event)

    def waiting(self) -> list[str]:
        """Return the runs that have not begun."""
        return [run_id for run_id, run in list(self.rows.items()) if run.state == states.QUEUED]


class Lab:
    """Sweeps on a scripted service, and a restart of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.service = folder, Scripted()
        self.studies = Studies(folder, self.service)  # type: ignore[arg-type]

    def start(self, *vary: str, epochs: int = 1, base: dict[str, Any] | None = None, **given: Any) -> str:
        """Start a sweep and wait for its first runs."""
        config = RunConfig(epochs=epochs, **(base or {}))
        study_id = self.studies.start(Settings(parse(config, vary), **given), "a sweep", "ada", "Ada")
        wait_for(lambda: self.service.waiting() or self.view(study_id).state != "running")
        with self.studies._lock:
            # The thread has it until all runs are begun for which there is room.
            return study_id

    def view(self, study_id: str) -> View:
        found = self.studies.view(study_id)
        assert found is not None
        return found

    def until(self, study_id: str, **wanted: Any) -> View:
        """Wait until so many trials are in the states that are named."""
        view: View = wait_for(
            lambda: self.view(study_id), lambda seen: all(seen.count(name) == n for name, n in wanted.items())
        )
        return view

    def restart(self, kill: bool = False) -> None:
        """Begin anew with the same files; with ``kill``, what the last process had in memory is lost."""
        if not kill:
            self.studies.close()
        self.service._listeners.clear()
        self.old, self.studies = self.studies, Studies(self.folder, self.service)  # type: ignore[arg-type]


@pytest.fixture
def scripted_lab(tmp_path):
    made = Lab(tmp_path / "sweeps")
    yield made
    made.studies.close()
    made.service.jobs.close()
