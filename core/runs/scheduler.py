"""The scheduler: gives waiting runs to idle workers, and records the workers' messages.

A run that is paused, stopped or interrupted leaves its worker, and goes on from its checkpoint like any other that
waits for one: there is one way back for all of them.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core import paths
from core.jobs.process import Elsewhere
from core.runs import states
from core.runs.cluster.pool import ClusterPool
from core.runs.history import History
from core.runs.pool import Pool
from core.runs.queue import FairQueue
from core.runs.record import Record
from core.runs.states import State
from core.runs.store import Run, Store
from core.runs.workers import Workers
from core.training.events import CommandApplied

log = logging.getLogger(__name__)

#: Times that a run whose worker was lost goes back into the queue by itself.
RETRIES = 3
#: A run whose worker has been silent for so long counts as stalled; workers send a heartbeat every second.
STALLED_SECONDS = 4.0
_WATCH_SECONDS = 0.5
_SERVER_ENDED = "The lab ended while this run was training."
_WORKER_LOST = "Its worker process ended; it goes on from its last checkpoint."


class Scheduler:
    """The queue, the workers, and the runs that they have.

    Args:
        store, record: of the lab home.
        files: the folder of the runs' files.
        lock: guards store and record; workers' messages arrive on threads of their own.
        history: reads a run's history from its recorded events.
        workers: number of runs that train at once; a cluster given by ``DESCENT_CLUSTER`` has its own.
        threads: CPU threads of each, as ``workers``.
    """

    def __init__(
        self,
        store: Store,
        record: Record,
        files: Path,
        lock: threading.RLock,
        history: Callable[[str], History],
        workers: int,
        threads: int,
    ) -> None:
        self._store, self._record, self._files, self._lock, self._read_history = store, record, files, lock, history
        self._queue = FairQueue()
        self._histories: dict[str, History] = {}
        self._requests: dict[str, dict[str, Any]] = {}
        #: By run, the learning rate that was sent to its worker and is not set yet.
        self._rates: dict[str, float] = {}
        self._place = 0
        self._stalled: set[str] = set()
        self._lost: dict[str, int] = {}
        self.commit = paths.commit()
        self._closing = threading.Event()
        answers = (self.on_message, self.dispatch, self.on_worker_lost)
        clustered = bool(os.environ.get("DESCENT_CLUSTER"))
        self._pool: Workers = ClusterPool(workers, *answers) if clustered else Pool(workers, threads, *answers)
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Take over the runs of an earlier process: its running ones are interrupted, its queue goes on."""
        for run in self._store.in_states((states.RUNNING,)):
            # One damaged event must not keep the lab closed.
            with self._or_abandon(run.id):
                history = self._read_history(run.id)
                # A run that had not started keeps the step and the epoch of the checkpoint that it is to begin with.
                if history.total_steps:
                    self._record.update(run.id, **history.columns)
                self._change(run.id, states.INTERRUPTED, _SERVER_ENDED)
        for run in self._store.in_states((states.QUEUED,)):
            self._queue.put(run.id, run.owner, run.sweep)
            self._requests[run.id], self._place = run.request, max(self._place, run.place)
        self._pool.start()
        self._watcher.start()

    def close(self) -> None:
        """Interrupt the runs in training and end the workers; the queue stays for the next process."""
        self._closing.set()
        self._watcher.join()
        self._pool.close()

    @property
    def workers(self) -> int:
        """Number of runs that train at once."""
        return self._pool.size

    @property
    def devices(self) -> list[str]:
        """Kinds of device that a run may ask for, ``cpu`` first."""
        return self._pool.devices

    @property
    def elsewhere(self) -> Elsewhere | None:
        """Starter of processes of jobs where the workers are; None on this machine."""
        return self._pool.elsewhere

    @property
    def compiling(self) -> bool:
        """True while runs wait because the workers compile the steps of training first, once on a machine."""
        return self._pool.compiling

    def live(self) -> dict[str, dict[str, Any]]:
        """By run id, the fields of ``Run`` that are in memory alone or newer there."""
        live: dict[str, dict[str, Any]] = {}
        for run_id, history in self._histories.items():
            # Before its first step the row is right, also for a run that begins with another's checkpoint.
            live[run_id] = history.columns if history.step else {}
        for run_id in self._stalled:
            live.setdefault(run_id, {})["stalled"] = True
        for run_id, position in self.positions().items():
            live.setdefault(run_id, {})["position"] = position
        return live

    def positions(self) -> dict[str, int]:
        """Return the place in the queue, from 1, of each run that waits."""
        return {run_id: position for position, run_id in enumerate(self._queue.order(), 1)}

    def waiting(self, owner: str) -> list[str]:
        """Return the owner's waiting runs, in their order."""
        return self._queue.of(owner)

    def places(self, owner: str) -> int:
        """Return the number of the owner's waiting runs, those that were started together counted as one."""
        return self._queue.places(owner)

    def enqueue(self, run: Run, request: dict[str, Any] | None = None, message: str = "") -> None:
        """Let the run wait for a worker.

        Args:
            request: further keys of its job, as core.runs.worker describes it; kept until it has left its worker.
            message: the reason, for people.
        """
        self._queue.put(run.id, run.owner, run.sweep)
        # No time of day: a clock that is set back would put the run before those that wait already.
        self._place += 1
        self._record.update(run.id, place=self._place)
        self._keep_request(run.id, request or {})
        self._change(run.id, states.QUEUED, message)
        self.dispatch()

    def withdraw(self, run_id: str, state: str) -> None:
        """Take a waiting run out of the queue, into ``state``."""
        self._queue.remove(run_id)
        self._requests.pop(run_id, None)
        self._change(run_id, state, "")

    def move(self, run_id: str, by: int) -> None:
        """Move a waiting run among its owner's own: -1 is one place earlier. Nothing if it does not wait."""
        if run_id not in self._queue:
            return
        own = self._queue.move(run_id, by)
        places = sorted(run.place for waiting in own if (run := self._store.run(waiting)))
        for waiting, place in zip(own, places, strict=True):
            self._record.update(waiting, place=place)

    def command(self, run_id: str, command: str, value: float | None = None) -> None:
        """Send a command to the run's worker."""
        if value is not None:
            self._rates[run_id] = value
        self._pool.command(run_id, command, value)

    def request_stop(self, run: Run) -> None:
        """Stop a run that is running, or has steps and waits or is to wait for a worker to end it where it stands."""
        stop = {"stop": True}
        if run.state != states.RUNNING and run.id not in self._queue:
            self.enqueue(run, stop)
            return
        self._keep_request(run.id, stop)
        if run.state == states.RUNNING:
            self._pool.command(run.id, "stop")

    def dispatch(self) -> None:
        """Give waiting runs to idle workers."""
        with self._lock:
            # A history is read for an idle worker alone.
            while not self._closing.is_set() and self._pool.idle and (order := self._queue.order()):
                run_id = order[0]
                # A run that fails leaves the queue, whose other runs would wait behind it for ever.
                with self._or_abandon(run_id):
                    history = self._read_history(run_id)
                    if not self._pool.give(self._job(run_id, history)):
                        break
                    self._histories[run_id] = history
                    self._queue.take(run_id)
                    self._change(run_id, states.RUNNING, "")

    def on_message(self, message: dict[str, Any]) -> None:
        """Record a worker's message about its run; a run that cannot be recorded fails, and its worker is replaced."""
        run_id = message["run"]
        with self._lock:
            if run_id not in self._histories:
                return
            with self._or_abandon(run_id):
                self._on_message(run_id, message)

    def on_worker_lost(self, run_id: str) -> None:
        """Let the run of a worker that has ended wait for another; interrupt it after ``RETRIES`` such losses."""
        with self._lock:
            lost, request = self._lost.get(run_id, 0) + 1, self._requests.get(run_id)
            with self._or_abandon(run_id):
                self._keep_rate(run_id)
                if (closing := self._closing.is_set()) or lost > RETRIES:
                    ended = _SERVER_ENDED if closing else f"Its worker process ended {lost} times."
                    self._finish(run_id, states.INTERRUPTED, ended)
                    return
                # A run that leaves is forgotten, its request and its count too; this one keeps both.
                self._leave(run_id)
                self._lost[run_id] = lost
                self.enqueue(self._run(run_id), request, _WORKER_LOST)

    def _job(self, run_id: str, history: History) -> dict[str, Any]:
        """Return the message that starts the run on a worker, as core.runs.worker describes it."""
        run = self._run(run_id)
        job: dict[str, Any] = {"run": run.id, "config": run.config.to_dict(), "folder": str(self._files / run.id)}
        if run.started is not None or run.parent_step is not None or run.step or history.planned:
            recorded = (history.step, history.epoch) if run.started is not None else (run.step, run.epoch)
            job |= {"recorded": recorded, "plan": history.planned}
        return {**job, **self._requests.get(run_id, {})}

    def _on_message(self, run_id: str, message: dict[str, Any]) -> None:
        if "failed" in message:
            self._finish(run_id, states.FAILED, message["failed"])
        elif "trouble" in message:
            self._change(run_id, states.RUNNING, message["trouble"])
        elif "waits" in message:
            # Not in the row, whose message is that of the end.
            self._record.append(run_id, State(states.RUNNING, message=message["waits"]).to_dict())
        elif "environment" in message:
            self._record.update(run_id, environment={**message["environment"], "commit": self.commit})
        else:
            self._on_event(run_id, message["event"])

    def _on_event(self, run_id: str, event: dict[str, Any]) -> None:
        self._record.append(run_id, event)
        history = self._histories[run_id]
        history.add(event)
        match event["event"]:
            case "RunStarted" if self._run(run_id).started is None:
                self._record.update(run_id, started=time.time())
            case "Resumed":
                exactness = {} if event["exact"] else {"exact": False}
                self._record.update(run_id, message=event["message"], **exactness, **history.columns)
            case "EpochDone":
                self._record.update(run_id, **history.columns)
            case "Diverged":
                self._record.update(run_id, message=states.diverged_sentence(event))
            case "StoppedEarly":
                self._record.update(run_id, message=states.early_sentence(event))
            case "RunFinished":
                self._finish(run_id, event["reason"])
            case "CommandApplied" if event["value"] == self._rates.get(run_id):
                self._rates.pop(run_id, None)
            case "Paused":
                request = self._requests.get(run_id, {})
                self._keep_rate(run_id)
                self._finish(run_id, states.PAUSED, "")
                if "stop" in request:
                    # Stop was pressed when the run was already on its way out.
                    self.enqueue(self._run(run_id), request)

    def _finish(self, run_id: str, state: str, message: str | None = None) -> None:
        """Let the run leave its worker, in ``state``."""
        self._leave(run_id)
        self._change(run_id, state, message)
        self.dispatch()

    def _leave(self, run_id: str) -> None:
        self._forget(run_id)
        history = self._histories.pop(run_id)
        self._record.update(run_id, ended=time.time(), **(history.columns if history.total_steps else {}))
        self._pool.free(run_id)

    def _keep_request(self, run_id: str, request: dict[str, Any]) -> None:
        """Keep a run's request: in memory, where a full disk does not delay it, and in its row, for a restart."""
        self._requests[run_id] = request
        self._record.update(run_id, request=request)

    def _keep_rate(self, run_id: str) -> None:
        """Record the rate that the run's worker did not come to set, as that of a paused run: it goes on with it."""
        if (rate := self._rates.pop(run_id, None)) is not None:
            step = self._histories[run_id].step
            self._on_event(run_id, CommandApplied(step, "learning_rate", rate).to_dict())

    def _forget(self, run_id: str) -> None:
        for known in (self._requests, self._rates, self._lost):
            known.pop(run_id, None)
        self._stalled.discard(run_id)

    @contextlib.contextmanager
    def _or_abandon(self, run_id: str) -> Iterator[None]:
        """Give up a run that cannot be recorded: it fails, if that can be recorded, and its worker is replaced."""
        try:
            yield
        except Exception as error:
            log.error("run %s cannot be recorded", run_id, exc_info=error)
            self._queue.remove(run_id)
            self._histories.pop(run_id, None)
            self._forget(run_id)
            self._pool.abandon(run_id)
            try:
                self._change(run_id, states.FAILED, f"The lab could not record this run: {error}.")
            except Exception:
                log.exception("run %s could not be marked as failed", run_id)

    def _change(self, run_id: str, state: str, message: str | None = None) -> None:
        """Record the run's new state, in its row and as an event; a message that is None stays as it is."""
        columns = {"state": state} if message is None else {"state": state, "message": message}
        self._record.update(run_id, **columns)
        text = self._run(run_id).message if message is None else message
        self._record.append(run_id, State(state, message=text).to_dict())

    def _watch(self) -> None:
        """Record which workers are silent, and write what could not be written before."""
        while not self._closing.wait(_WATCH_SECONDS):
            try:
                with self._lock:
                    self._look()
            except Exception:
                # The next look may succeed; without this thread nothing is ever written again after a full disk.
                log.exception("the watcher goes on after an error")

    def _look(self) -> None:
        self._record.flush()
        silent = {run for run, seconds in self._pool.silence().items() if seconds > STALLED_SECONDS}
        changed, self._stalled = silent ^ self._stalled, silent
        for run_id in changed:
            self._record.append(run_id, State(states.RUNNING, stalled=run_id in silent).to_dict())

    def _run(self, run_id: str) -> Run:
        run = self._store.run(run_id)
        assert run is not None
        return run
