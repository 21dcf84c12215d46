"""The run service: the runs of one lab home, to start, operate and read.

One per home. It alone writes the store. Everything that a run goes through is an event with a sequence number: the
events of training, and a ``State`` whenever the run's state changes.
"""

import json
import os
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.jobs import Job, Jobs
from core.models.checkpoints import Checkpoint
from core.runs import run_files, states, store_rescue, twins
from core.runs.archive import Archive, checked_labels
from core.runs.branching import Branch
from core.runs.diagnoses import Diagnoses, diagnosis_job
from core.runs.pool import worker_count
from core.runs.queue import waiting_limit
from core.runs.record import Record
from core.runs.replay_request import EVENTS, ReplayRequest
from core.runs.scheduler import Scheduler
from core.runs.states import Operated
from core.runs.store import Run
from core.runs.trajectories import Trajectory, trajectory_job
from core.training.config import LR, RunConfig
from core.training.events import CommandApplied

#: The same settings of the same visitor twice within this time are one click that was a double click.
DOUBLE_CLICK_SECONDS = 1.0
#: Runs of one group.
LARGEST_GROUP = 1000
#: The latest runs of the same settings among which one that answers for them is looked for.
TWINS = 100
#: Writes what a run begins with into its folder.
Prepare = Callable[[Path], None] | None
COMMANDS = ("pause", "resume", "stop", "step", "epoch", "learning_rate", "pause_again")


class Service(Archive):
    """The runs of one lab home. Every method may be called from any thread.

    Args:
        home: the lab's folder; made if it is not there.
        workers: number of runs that train at once; ``worker_count()`` unless given.
        threads: CPU threads of each; the cores shared out among the workers unless given.

    Raises:
        ValueError: if another service has the home, or its store cannot be read.
    """

    def __init__(self, home: Path, workers: int | None = None, threads: int | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        # The lock ends with the process, however that ends: no stale lock file keeps a lab closed.
        self._home_lock = FileLock(home / "lock", timeout=0)
        try:
            self._home_lock.acquire()
        except Timeout:
            raise ValueError(
                "DESCENT_HOME must be a folder that no other lab uses, "
                f"got DESCENT_HOME = {home}, which another server has."
            ) from None
        size = workers or worker_count()
        # OpenMP's teams on more threads than cores wait for each other, at many times the cost (benchmarks/LOG.md).
        threads = threads or max(1, (os.cpu_count() or 1) // size)
        store, files, lock = store_rescue.open_store(home / "lab.sqlite"), home / "files", threading.RLock()
        self._scheduler = Scheduler(store, record := Record(store), files, lock, self.history, size, threads)
        super().__init__(store, record, files, lock, self._scheduler.live)
        self._clicks: dict[tuple[str, str], tuple[float, list[str]]] = {}
        self._limit = waiting_limit()
        self._closed, self._threads = False, threads
        #: All background work of the lab but runs, so that it ends with the lab.
        self.jobs = Jobs(elsewhere=self._scheduler.elsewhere)
        self.purge_old()
        self._scheduler.start()

    @property
    def workers(self) -> int:
        """Number of runs that train at once; on a cluster it changes as nodes join and leave."""
        return self._scheduler.workers

    @property
    def devices(self) -> list[str]:
        """Kinds of device that a run may ask for, ``cpu`` first; on a cluster those of its workers."""
        return self._scheduler.devices

    @property
    def compiling(self) -> bool:
        """True while runs wait because the workers compile the steps of training first, once on a machine."""
        return self._scheduler.compiling

    def close(self) -> None:
        """Interrupt the runs in training, end the workers, close the store. The queue stays as it is."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.jobs.close()
        self._scheduler.close()
        with self._lock:
            self._record.flush()
            self._store.close()
        self._home_lock.release()

    def submit(
        self,
        config: RunConfig,
        name: str = "",
        owner: str = "",
        owner_name: str = "",
        *,
        parent: str | None = None,
        start: Checkpoint | None = None,
        tags: Iterable[str] = (),
        click: str = "",
    ) -> str:
        """Queue a run; returns its id.

        At most ``DESCENT_LIMIT`` runs of one visitor wait, a group counted as one.

        Args:
            name: for people.
            owner, owner_name: the visitor's opaque id and display name.
            parent: the id of the run that this one goes on from.
            start: the checkpoint to go on from, of the parent if there is one; its state must fit the config.
            tags: for people.
            click: opaque, of the page that asks: the same settings again from the same page within
                ``DOUBLE_CLICK_SECONDS`` are the same click, and get the same run.

        Raises:
            ValueError: if the name or a tag is too long, too many of the owner's runs wait, or the run cannot be
                recorded; nothing is queued then.
        """
        labels = checked_labels(name=name, tags=tags)
        columns = {**labels, "owner": owner, "owner_name": owner_name, "parent": parent}
        if not start:
            return self._submit((config,), click, columns)[0]
        step = start.state["step"]
        columns |= {"step": step, "epoch": start.state["epoch"], "first_step": step, "parent_step": parent and step}
        return self._submit((config,), click, columns, partial(run_files.save_start, checkpoint=start))[0]

    def branch(
        self, run_id: str, step: int, changes: Mapping[str, Any], owner: str = "", owner_name: str = "", click: str = ""
    ) -> str:
        """Queue a run that leaves another one after ``step`` steps, with some settings changed; returns its id.

        It goes on from the other's parameters at that step, and from its optimizer's state unless that is changed. Its
        worker first trains the other again up to there; the other may meanwhile be deleted.

        Args:
            run_id, step: the other, and one of its ``branching.places``.
            changes: values of ``branching.CHANGEABLE``; another optimizer brings its own rate, unless that is given.

        Raises:
            ValueError: as ``submit``; also for a run without steps or that still trains, and a change that cannot be.
        """
        branch = Branch.of(self.existing(run_id), self._replay_request(run_id), step, changes)
        columns = {"owner": owner, "owner_name": owner_name, "parent": run_id, "parent_step": step, **branch.columns}
        return self._submit((branch.config,), click, columns, branch.save)[0]

    def submit_group(
        self,
        configs: Sequence[RunConfig],
        owner: str = "",
        owner_name: str = "",
        *,
        tags: Iterable[str] = (),
        click: str = "",
        sweep: str = "",
    ) -> list[str]:
        """Queue runs that belong together, in their order; returns their ids. Arguments and errors as of ``submit``.

        Args:
            sweep: id of the study that they are part of; it was admitted as a whole, so its runs are not limited.

        Raises:
            ValueError: also for more than ``LARGEST_GROUP`` configs.
        """
        if len(configs) > LARGEST_GROUP:
            raise ValueError(f"At most {LARGEST_GROUP:,} runs can be started at once; these are {len(configs):,}.")
        labels = checked_labels(tags=tags)
        columns = {**labels, "owner": owner, "owner_name": owner_name, "sweep": sweep or secrets.token_hex(8)}
        return self._submit(configs, click, columns, limited=not sweep)

    def admit(self, owner: str) -> None:
        """Raise ValueError if so many of the owner's runs wait that no more are taken."""
        with self._lock:
            if (places := self._scheduler.places(owner)) >= self._limit:
                raise ValueError(
                    f"{places} of your runs and groups of runs are waiting already, and this lab takes no more of one "
                    "person. Wait until some have begun, or cancel some."
                )

    def _submit(
        self,
        configs: Sequence[RunConfig],
        click: str,
        columns: dict[str, Any],
        prepare: Prepare = None,
        limited: bool = True,
    ) -> list[str]:
        with self._lock:
            key, now = (click, json.dumps([config.to_dict() for config in configs], sort_keys=True)), time.monotonic()
            self._clicks = {k: v for k, v in self._clicks.items() if now - v[0] < DOUBLE_CLICK_SECONDS}
            if click and key in self._clicks:
                return self._clicks[key][1]
            if limited:
                self.admit(columns["owner"])
            run_ids = [secrets.token_hex(8) for _ in configs]
            self._add(dict(zip(run_ids, configs, strict=True)), columns, prepare)
            if click:
                self._clicks[key] = (now, run_ids)
            runs = [self.existing(run_id) for run_id in run_ids]
            with self._record.batch():
                for run in runs:
                    self._scheduler.enqueue(run)
        return run_ids

    def twin(self, config: RunConfig, going: bool = False) -> Run | None:
        """Return the newest run that gives what training the config now would give, or None; as ``twins.newest``."""
        here = {"threads": self._threads, "commit": self._scheduler.commit}
        with self._lock:
            runs = self._with_live(self._store.of_config(config, TWINS))
            return twins.newest(config, runs, here, going, self._files)

    def waiting(self, owner: str) -> list[str]:
        """Return the owner's waiting runs, in their order."""
        with self._lock:
            return self._scheduler.waiting(owner)

    def positions(self) -> dict[str, int]:
        """Return the place in the queue, from 1, of each run that waits, the next one first."""
        with self._lock:
            return self._scheduler.positions()

    def command(self, run_id: str, command: str, value: float | None = None, by: str = "") -> None:
        """Operate a run; as ``command_all`` of one run."""
        self.command_all((run_id,), command, value, by)

    def command_all(self, run_ids: Iterable[str], command: str, value: float | None = None, by: str = "") -> None:
        """Operate runs. A command that does not fit a run's state, as it is now, changes nothing: two people pressing
        Stop stop it once.

        Args:
            command: ``pause`` a running run; ``resume`` one that is paused, stopped, failed or interrupted, or let it
                train one more ``step`` or ``epoch``; ``stop`` a run where it stands, or take it out of the queue;
                ``pause_again`` one that was stopped: it trains no step;
                set its ``learning_rate`` to ``value`` from the next step on.
            by: the name of a visitor who is not the owner, for the run's story.

        Raises:
            ValueError: if there is no such run or command, a run is in the bin, or the learning rate is not a valid
                one; nothing is done then.
        """
        if command not in COMMANDS:
            raise ValueError(f"command must be one of {', '.join(COMMANDS)}, got command = {command}.")
        lr = LR.check(value) if command == "learning_rate" else None
        with self._lock:
            runs = [self.existing(run_id) for run_id in run_ids]
            if binned := next((run for run in runs if run.deleted is not None), None):
                raise ValueError(f"Run #{binned.number} is in the bin. Restore it first.")
            with self._record.batch():
                for run in runs:
                    if states.fits(run.state, command):
                        if by:
                            self._record.append(run.id, Operated(command, by).to_dict())
                        self._command(run, command, lr)

    def _command(self, run: Run, command: str, lr: Any) -> None:
        if command == "learning_rate":
            self._set_learning_rate(run, lr)
        elif command == "stop":
            self._stop(run)
        elif command == "pause" or (command == "pause_again" and not run.step):
            self._pause(run)
        else:
            self._scheduler.enqueue(run, {} if command == "resume" else {"pause_after": command})

    def move(self, run_id: str, by: int) -> None:
        """Move a waiting run among its owner's own: -1 is one place earlier. Nothing if it does not wait."""
        with self._lock:
            self._scheduler.move(run_id, by)

    def trajectory(self, run_id: str) -> Job[Trajectory]:
        """Return the job that replays the run: the parameters that it went through.

        Raises:
            ValueError: if there is no such run, it still trains, or it has not taken a step.
        """
        return trajectory_job(self.jobs, self._replay_request(run_id))

    def diagnoses(self, run_id: str) -> Job[Diagnoses]:
        """Return the job that replays the run and diagnoses it; raises as ``trajectory``."""
        return diagnosis_job(self.jobs, self._replay_request(run_id))

    def start_state(self, run_id: str) -> dict[str, Any] | None:
        """Return the state that a run began with, where it went on from another one; None for any other run."""
        return run_files.start_state(self._files / run_id)

    def _replay_request(self, run_id: str) -> ReplayRequest:
        with self._lock:
            run, events = self.existing(run_id), self.events(run_id, EVENTS)
        return ReplayRequest.of(run, events, self._files / run_id, self._threads)

    def _add(self, configs: dict[str, RunConfig], columns: dict[str, Any], prepare: Prepare) -> None:
        """Add rows and files of new runs, all or none of them; ``prepare`` writes what a run begins with."""
        now = time.time()
        adding = [
            partial(self._store.add, run_id, config, now, states.QUEUED, **columns)
            for run_id, config in configs.items()
        ]
        try:
            if prepare:
                for run_id in configs:
                    prepare(self._files / run_id)
            self._store.together(adding)
        except (OSError, sqlite3.Error) as error:
            for run_id in configs:
                shutil.rmtree(self._files / run_id, ignore_errors=True)
            raise ValueError(f"The run could not be saved on the lab's disk: {error}.") from None

    def _pause(self, run: Run) -> None:
        if run.state == states.RUNNING:
            self._scheduler.command(run.id, "pause")
        else:
            self._scheduler.withdraw(run.id, states.PAUSED)

    def _stop(self, run: Run) -> None:
        if run.state != states.RUNNING and not run.step:
            self._scheduler.withdraw(run.id, states.STOPPED)
        else:
            # A run that has taken steps is ended by a worker, which tests it and writes its parameters.
            self._scheduler.request_stop(run)

    def _set_learning_rate(self, run: Run, lr: float) -> None:
        if run.state == states.RUNNING:
            self._scheduler.command(run.id, "learning_rate", lr)
        else:
            # It becomes part of the plan that the run goes on with.
            self._record.append(run.id, CommandApplied(run.step, "learning_rate", lr).to_dict())
