"""The run service: takes runs, gives them to workers, records what happens, and tells who asks.

One per lab home. It alone writes the store. Everything that a run goes through is an event with a sequence
number: the events of training, and a ``State`` whenever the run's state changes. A run that is paused, stopped
or interrupted leaves its worker, and goes on from its checkpoint like any other that waits for one: there is one
way back, whatever the reason was.
"""

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from core.models.checkpoints import Checkpoint, save_checkpoint
from core.paths import ROOT
from core.runs import run_files, states
from core.runs.history import History
from core.runs.pool import Pool
from core.runs.queue import FairQueue
from core.runs.record import Record
from core.runs.states import State
from core.runs.store import Run, Store
from core.runs.trajectories import Trajectories, Trajectory
from core.training.config import LR, RunConfig
from core.training.events import CommandApplied

#: A run whose worker has said nothing for so long counts as stalled; workers give a sign of life every second.
STALLED_SECONDS = 4.0
#: The same settings of the same visitor twice within this time are one click that was a double click.
DOUBLE_CLICK_SECONDS = 1.0
#: How long deleted runs stay in the bin.
BIN_SECONDS = 7 * 24 * 3600.0
#: What a person can ask of a run.
COMMANDS = ("pause", "resume", "stop", "step", "epoch", "learning_rate")
LONGEST_NAME, LONGEST_NOTES, MOST_TAGS = 100, 10_000, 20

_WATCH_SECONDS = 0.5


def worker_count() -> int:
    """``DESCENT_WORKERS``, else one a GPU, else one a CPU core.

    Raises:
        ValueError: if ``DESCENT_WORKERS`` is not a whole number from 1 to 64.
    """
    asked = os.environ.get("DESCENT_WORKERS", "")
    if not asked:
        return torch.cuda.device_count() if torch.cuda.is_available() else os.cpu_count() or 1
    if not asked.isdigit() or not 1 <= int(asked) <= 64:
        raise ValueError(f"DESCENT_WORKERS must be a whole number in [1, 64], got DESCENT_WORKERS = {asked}.")
    return int(asked)


class Service:
    """The runs of one lab home. Every method may be called from any thread.

    Args:
        home: the lab's folder; made if it is not there.
        workers: how many runs train at once; ``worker_count()`` unless given.
        threads: CPU threads of each; the cores shared out among the workers unless given.

    Raises:
        ValueError: if another service has the home, or its store cannot be read.
    """

    def __init__(self, home: Path, workers: int | None = None, threads: int | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home_lock = FileLock(home / "lock", timeout=0)
        try:
            self._home_lock.acquire()
        except Timeout:
            raise ValueError(
                "DESCENT_HOME must be a folder that no other lab uses, "
                f"got DESCENT_HOME = {home}, which another server has."
            ) from None
        self._files = home / "files"
        self._store = Store(home / "lab.sqlite")
        self._record = Record(self._store)
        self._commit = _commit()
        self._lock = threading.RLock()
        self._queue = FairQueue()
        self._histories: dict[str, History] = {}
        self._asked: dict[str, dict[str, Any]] = {}
        self._stalled: set[str] = set()
        self._clicks: dict[tuple[str, str], tuple[float, str]] = {}
        self._closed = False
        self._recover()
        size = workers or worker_count()
        threads = threads or max(1, (os.cpu_count() or 1) // size)
        self._trajectories = Trajectories(threads)
        self._pool = Pool(size, threads, self._hear, self._dispatch, self._lose)
        self._pool.start()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Interrupt what is running, end the workers, close the store. What was queued stays queued."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._closing.set()
        self._watcher.join()
        self._trajectories.close()
        self._pool.close()
        with self._lock:
            self._record.flush()
            self._store.close()
        self._home_lock.release()

    @property
    def trouble(self) -> str:
        """One sentence where the lab cannot record what happens, else ""."""
        return self._record.trouble

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

        Args:
            name: for people.
            owner, owner_name: the visitor's opaque id and display name.
            parent: the id of the run that this one goes on from.
            start: where to go on from; its state must fit the config.
            tags: for people.
            click: opaque, of the page that asks: the same settings again from the same page within
                ``DOUBLE_CLICK_SECONDS`` are the same click, and get the same run.

        Raises:
            ValueError: if the name or a tag is too long, or the run cannot be recorded; nothing is queued then.
        """
        labels = _checked_labels(name=name, tags=tags)
        with self._lock:
            key, now = (click, json.dumps(config.to_dict(), sort_keys=True)), time.monotonic()
            self._clicks = {k: v for k, v in self._clicks.items() if now - v[0] < DOUBLE_CLICK_SECONDS}
            if click and key in self._clicks:
                return self._clicks[key][1]
            run_id = secrets.token_hex(8)
            begin = {"step": start.state["step"], "epoch": start.state["epoch"]} if start else {}
            columns = {**labels, "owner": owner, "owner_name": owner_name, "parent": parent, **begin}
            try:
                if start:
                    save_checkpoint(self._files / run_id / run_files.START, start)
                self._store.add(run_id, config, time.time(), states.QUEUED, **columns)
            except (OSError, sqlite3.Error) as error:
                shutil.rmtree(self._files / run_id, ignore_errors=True)
                raise ValueError(f"The lab's disk does not take a new run: {error}.") from None
            if click:
                self._clicks[key] = (now, run_id)
            self._enqueue(run_id, owner)
        return run_id

    def command(self, run_id: str, command: str, value: float | None = None) -> None:
        """Operate a run. What a run in its state cannot do is left out: two people pressing Stop stop it once.

        Args:
            command: ``pause`` a running run; ``resume`` one that is paused, stopped, failed or interrupted, or let it
                train one more ``step`` or ``epoch``; ``stop`` a run where it stands, or take it out of the queue;
                set its ``learning_rate`` to ``value`` from the next step on.

        Raises:
            ValueError: if there is no such run or command, or the learning rate is not a valid one.
        """
        if command not in COMMANDS:
            raise ValueError(f"command must be one of {', '.join(COMMANDS)}, got command = {command}.")
        lr = LR.check(value) if command == "learning_rate" else None
        with self._lock:
            run = self._existing(run_id)
            if isinstance(lr, float):
                self._set_learning_rate(run, lr)
            elif command == "stop":
                self._stop(run)
            elif command == "pause":
                if run.state == states.RUNNING:
                    self._pool.command(run_id, "pause")
                elif run.state == states.QUEUED and run.step:
                    self._queue.remove(run_id)
                    self._change(run_id, states.PAUSED, "")
                    self._tell_positions()
            elif run.resumable:
                self._asked[run_id] = {} if command == "resume" else {"pause_after": command}
                self._enqueue(run_id, run.owner)

    def resume_all(self) -> int:
        """Resume every interrupted run; returns how many."""
        with self._lock:
            interrupted = [run for run in self._store.in_states((states.INTERRUPTED,)) if run.deleted is None]
            for run in interrupted:
                self.command(run.id, "resume")
            return len(interrupted)

    def move(self, run_id: str, by: int) -> None:
        """Move a waiting run among its owner's own: -1 is one place earlier. Nothing if it does not wait."""
        with self._lock:
            if run_id in self._queue:
                own = self._queue.move(run_id, by)
                places = sorted(self._existing(waiting).place for waiting in own)
                for waiting, place in zip(own, places, strict=True):
                    self._record.update(waiting, place=place)
                self._tell_positions()

    def edit(
        self, run_id: str, *, name: str | None = None, notes: str | None = None, tags: Iterable[str] | None = None
    ) -> None:
        """Change what people wrote about a run; None leaves a part as it is.

        Raises:
            ValueError: if there is no such run, a text is too long, or it cannot be recorded.
        """
        labels = _checked_labels(name=name, notes=notes, tags=tags)
        with self._lock:
            self._existing(run_id)
            if labels:
                self._write_now(self._store.update, run_id, **labels)

    def delete(self, run_ids: Iterable[str]) -> None:
        """Put runs into the bin, where they stay for ``BIN_SECONDS``.

        Raises:
            ValueError: if one of them trains or waits; nothing is deleted then.
        """
        with self._lock:
            runs = [self._existing(run_id) for run_id in run_ids]
            for run in runs:
                if run.state in (states.QUEUED, states.RUNNING):
                    raise ValueError(
                        f"A run must be over or paused to be deleted, but run #{run.number} is {run.state}."
                    )
            for run in runs:
                self._write_now(self._store.update, run.id, deleted=time.time())

    def restore(self, run_ids: Iterable[str]) -> None:
        """Take runs back out of the bin."""
        with self._lock:
            for run_id in run_ids:
                self._existing(run_id)
                self._write_now(self._store.update, run_id, deleted=None)

    def purge(self, run_ids: Iterable[str]) -> None:
        """Remove runs that are in the bin, and their files, for good."""
        with self._lock:
            for run_id in run_ids:
                if self._existing(run_id).deleted is not None:
                    self._write_now(self._store.remove, run_id)
                    self._record.forget(run_id)
                    shutil.rmtree(self._files / run_id, ignore_errors=True)

    def run(self, run_id: str) -> Run | None:
        """The run, or None if there is no such."""
        with self._lock:
            run = self._store.run(run_id)
            return self._placed([run])[0] if run else None

    def runs(self, limit: int = 50, deleted: bool = False) -> list[Run]:
        """The latest runs, newest first; or those in the bin."""
        with self._lock:
            return self._placed(self._store.runs(limit, deleted))

    def children(self, run_id: str) -> list[Run]:
        """The runs that began from this one, oldest first, without those in the bin."""
        with self._lock:
            return self._placed(self._store.children(run_id))

    def messages(self, run_id: str, after: int = -1) -> list[str] | None:
        """For viewers: the run's events after sequence number ``after``, each as JSON text, ``seq`` in it.

        Returns:
            None if there is no such run.
        """
        with self._lock:
            messages = self._record.messages(run_id)
            return None if messages is None else messages[max(-1, after) + 1 :]

    def events(self, run_id: str, kinds: Collection[str] = ()) -> list[dict[str, Any]]:
        """What was recorded of the run, in order, with ``at``: when, in unix seconds.

        Args:
            kinds: the names of the events that are wanted; all unless given. Few are read faster than all.
        """
        with self._lock:
            bodies, times = self._store.events(run_id), self._store.times(run_id)
        starts = tuple(f'{{"event":"{kind}"' for kind in kinds) or ("",)
        recorded = zip(bodies, times, strict=True)
        return [{**json.loads(body), "at": at} for body, at in recorded if body.startswith(starts)]

    def history(self, run_id: str) -> History:
        """History of the run, folded from what is recorded; empty if there is no such run."""
        with self._lock:
            bodies = self._store.events(run_id)
        return History(map(json.loads, bodies))

    def parameters_file(self, run_id: str) -> Path | None:
        """The run's final parameters, once they are there."""
        return self._file(run_id, run_files.PARAMETERS)

    def best_file(self, run_id: str) -> Path | None:
        """The parameters at the end of the epoch with the lowest validation loss so far, once there is one."""
        return self._file(run_id, run_files.BEST)

    def checkpoint_file(self, run_id: str) -> Path | None:
        """The newest checkpoint of the whole run, once there is one."""
        return self._file(run_id, run_files.CHECKPOINT)

    def trajectory(self, run_id: str) -> Trajectory:
        """The parameters that the run went through, from a replay in the background: the first call starts it.

        Raises:
            ValueError: if there is no such run.
        """
        with self._lock:
            run = self._existing(run_id)
        return self._trajectories.get(run, self.history(run_id), self._files / run_id)

    def _file(self, run_id: str, name: str) -> Path | None:
        run = self.run(run_id)
        path = self._files / run.id / name if run else None
        return path if path and path.exists() else None

    def _existing(self, run_id: str) -> Run:
        run = self.run(run_id)
        if run is None:
            raise ValueError(f"run must be one that the lab has, got run = {run_id[:100]}.")
        return run

    def _recover(self) -> None:
        """Take over what an earlier process left: its running runs are interrupted, its queue goes on."""
        for run in self._store.in_states((states.RUNNING,)):
            history = self.history(run.id)
            if history.total_steps:
                # A run that was not started yet keeps the step and the epoch of the checkpoint that it begins with.
                self._record.update(run.id, **history.columns)
            self._change(run.id, states.INTERRUPTED, "The lab ended while this run was training.")
        for run in self._store.in_states((states.QUEUED,)):
            self._queue.put(run.id, run.owner)
        old = [
            run for run in self._store.runs(limit=-1, deleted=True) if (run.deleted or 0) < time.time() - BIN_SECONDS
        ]
        self.purge(run.id for run in old)

    def _enqueue(self, run_id: str, owner: str) -> None:
        self._queue.put(run_id, owner)
        self._record.update(run_id, state=states.QUEUED, message="", place=time.time_ns())
        self._record.append(run_id, State(states.QUEUED, len(self._queue.order())).to_dict())
        self._dispatch()

    def _dispatch(self) -> None:
        """Give waiting runs to idle workers."""
        with self._lock:
            started = False
            for run_id in self._queue.order() if not self._closed else ():
                history = self.history(run_id)
                if not self._pool.give(self._job(run_id, history)):
                    break
                self._histories[run_id] = history
                self._queue.take(run_id)
                self._asked.pop(run_id, None)
                self._change(run_id, states.RUNNING, "")
                started = True
            if started:
                self._tell_positions()

    def _job(self, run_id: str, history: History) -> dict[str, Any]:
        """What a worker is told, core.runs.worker says how."""
        run = self._existing(run_id)
        job: dict[str, Any] = {"run": run.id, "config": run.config.to_dict(), "folder": str(self._files / run.id)}
        if run.started is not None or run.step or history.plan:
            recorded = (history.step, history.epoch) if run.started is not None else (run.step, run.epoch)
            job |= {"recorded": recorded, "plan": history.plan}
        return {**job, **self._asked.get(run_id, {})}

    def _stop(self, run: Run) -> None:
        if run.state == states.RUNNING:
            self._asked[run.id] = {"stop": True}
            self._pool.command(run.id, "stop")
        elif run.state == states.QUEUED and not run.step:
            self._queue.remove(run.id)
            self._change(run.id, states.STOPPED, "")
            self._tell_positions()
        elif run.state in (states.QUEUED, states.PAUSED, states.INTERRUPTED):
            self._asked[run.id] = {"stop": True}
            if run.id not in self._queue:
                self._enqueue(run.id, run.owner)

    def _set_learning_rate(self, run: Run, lr: float) -> None:
        if run.state == states.RUNNING:
            self._pool.command(run.id, "learning_rate", lr)
        elif run.state == states.QUEUED or run.resumable:
            self._record.append(run.id, CommandApplied(run.step, "learning_rate", lr).to_dict())

    def _hear(self, message: dict[str, Any]) -> None:
        """A worker's message about its run."""
        run_id = message["run"]
        with self._lock:
            if "failed" in message:
                self._finish(run_id, states.FAILED, message["failed"])
            elif "trouble" in message:
                self._change(run_id, states.RUNNING, message["trouble"])
            elif "environment" in message:
                environment = {**message["environment"], "commit": self._commit}
                self._record.update(run_id, environment=environment)
            else:
                self._hear_event(run_id, message["event"])

    def _hear_event(self, run_id: str, event: dict[str, Any]) -> None:
        self._record.append(run_id, event)
        history = self._histories[run_id]
        history.add(event)
        match event["event"]:
            case "RunStarted":
                if self._existing(run_id).started is None:
                    self._record.update(run_id, started=time.time())
            case "Resumed":
                exactness = {} if event["exact"] else {"exact": False}
                self._record.update(run_id, message=event["message"], **exactness, **history.columns)
            case "EpochDone":
                self._record.update(run_id, **history.columns)
            case "Diverged":
                self._record.update(run_id, message=_diverged_sentence(event))
            case "StoppedEarly":
                self._record.update(run_id, message=_early_sentence(event))
            case "RunFinished":
                self._finish(run_id, event["reason"])
            case "Paused":
                self._pause(run_id)

    def _pause(self, run_id: str) -> None:
        asked = self._asked.pop(run_id, None)
        self._finish(run_id, states.PAUSED, "")
        if asked:
            # Stop was pressed when the run was already on its way out.
            self._asked[run_id] = asked
            self._enqueue(run_id, self._existing(run_id).owner)

    def _lose(self, run_id: str) -> None:
        """The run's worker is gone."""
        with self._lock:
            why = "The lab ended while this run was training." if self._closed else "Its worker process ended."
            self._finish(run_id, states.INTERRUPTED, why)

    def _finish(self, run_id: str, state: str, message: str | None = None) -> None:
        """The run leaves its worker."""
        self._asked.pop(run_id, None)
        self._stalled.discard(run_id)
        history = self._histories.pop(run_id)
        columns = history.columns if history.total_steps else {}
        self._record.update(run_id, ended=time.time(), **columns)
        self._change(run_id, state, message)
        self._pool.free(run_id)
        self._dispatch()

    def _change(self, run_id: str, state: str, message: str | None = None) -> None:
        """Note the run's new state, in its row and as an event; a message that is None stays as it is."""
        columns = {"state": state} if message is None else {"state": state, "message": message}
        self._record.update(run_id, **columns)
        if message is None:
            run = self._store.run(run_id)
            message = run.message if run else ""
        self._record.append(run_id, State(state, message=message).to_dict())

    def _tell_positions(self) -> None:
        for position, run_id in enumerate(self._queue.order(), 1):
            self._record.append(run_id, State(states.QUEUED, position).to_dict())

    def _write_now(self, operation: Callable[..., None], *arguments: Any, **columns: Any) -> None:
        """Write what a person asked for; raises ValueError if the disk does not take it."""
        try:
            operation(*arguments, **columns)
        except sqlite3.Error as error:
            raise ValueError(f"The lab's disk does not take the change: {error}.") from None

    def _watch(self) -> None:
        """See which workers give no sign of life, and write what could not be written before."""
        while not self._closing.wait(_WATCH_SECONDS):
            with self._lock:
                self._record.flush()
                silent = {run for run, seconds in self._pool.silence().items() if seconds > STALLED_SECONDS}
                for run_id in silent ^ self._stalled:
                    self._record.append(run_id, State(states.RUNNING, stalled=run_id in silent).to_dict())
                self._stalled = silent

    def _placed(self, runs: list[Run]) -> list[Run]:
        """The runs with what only memory knows: their places in the queue, and how far they are."""
        places = {run_id: position for position, run_id in enumerate(self._queue.order(), 1)}
        placed = []
        for run in runs:
            history = self._histories.get(run.id)
            known = history.columns if history and history.step else {}
            placed.append(
                dataclasses.replace(run, position=places.get(run.id), stalled=run.id in self._stalled, **known)
            )
        return placed


def _checked_labels(
    name: str | None = None, notes: str | None = None, tags: Iterable[str] | None = None
) -> dict[str, Any]:
    """Those of a run's columns that were given, without blanks around them."""
    labels: dict[str, Any] = {}
    for key, text, longest in (("name", name, LONGEST_NAME), ("notes", notes, LONGEST_NOTES)):
        if text is not None:
            if len(text) > longest:
                raise ValueError(f"{key} must have at most {longest} characters, got {len(text)} characters.")
            labels[key] = text.strip()
    if tags is not None:
        labels["tags"] = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
        if len(labels["tags"]) > MOST_TAGS or any(len(tag) > LONGEST_NAME for tag in labels["tags"]):
            raise ValueError(f"tags must be at most {MOST_TAGS}, of at most {LONGEST_NAME} characters each.")
    return labels


def _commit() -> str | None:
    """The project's commit, where it is under git."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        asked = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return None


def _diverged_sentence(event: dict[str, Any]) -> str:
    return (
        f"The loss stopped being finite at step {event['step']} with learning rate {event['learning_rate']:.6g}; "
        f"the parameters after step {event['restored_step']} are kept."
    )


def _early_sentence(event: dict[str, Any]) -> str:
    return (
        f"Stopped early after step {event['step']}: since epoch {event['best_epoch'] + 1} the validation loss "
        f"has not been below its {event['validation_loss']:.4g}."
    )
