"""The run service: takes runs, gives them to workers, records what happens, and tells who asks.

One per lab home. It alone writes the store. Everything that a run goes through is an event with a sequence
number: the events of training, and a ``State`` whenever the run's state changes.
"""

import dataclasses
import json
import os
import secrets
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

from core.config import RunConfig
from core.runs import feed, states
from core.runs.pool import Pool
from core.runs.states import State
from core.runs.store import Run, Store
from core.runs.worker import PARAMETERS

#: How many runs' viewer messages stay in memory.
REMEMBERED_RUNS = 64


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
    """

    def __init__(self, home: Path, workers: int | None = None, threads: int | None = None) -> None:
        self._files = home / "files"
        self._store = Store(home / "lab.sqlite")
        self._lock = threading.RLock()
        self._queue: list[str] = []
        self._feeds: OrderedDict[str, list[str]] = OrderedDict()
        self._closed = False
        self._recover()
        size = workers or worker_count()
        threads = threads or max(1, (os.cpu_count() or 1) // size)
        self._pool = Pool(size, threads, self._hear, self._dispatch, self._lose)
        self._pool.start()

    def close(self) -> None:
        """Interrupt what is running, end the workers, close the store. What was queued stays queued."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._pool.close()
        self._store.close()

    def submit(self, config: RunConfig, name: str = "") -> str:
        """Queue a run; returns its id."""
        run_id = secrets.token_hex(8)
        with self._lock:
            self._store.add(run_id, name, config, time.time(), states.QUEUED)
            self._queue.append(run_id)
            self._record(run_id, State(states.QUEUED, len(self._queue)).to_dict())
            self._dispatch()
        return run_id

    def stop(self, run_id: str) -> None:
        """Stop the run where it stands, or take it out of the queue; nothing if it is over."""
        with self._lock:
            if run_id in self._queue:
                self._queue.remove(run_id)
                self._change(run_id, states.STOPPED)
                self._tell_positions()
            else:
                self._pool.command(run_id, "stop")

    def run(self, run_id: str) -> Run | None:
        """The run, or None if there is no such."""
        with self._lock:
            run = self._store.run(run_id)
            return self._placed(run) if run else None

    def runs(self, limit: int = 50) -> list[Run]:
        """The latest runs, newest first."""
        with self._lock:
            return [self._placed(run) for run in self._store.runs(limit)]

    def messages(self, run_id: str, after: int = -1) -> list[str] | None:
        """For viewers: the run's events after sequence number ``after``, each as JSON text, ``seq`` in it.

        Returns:
            None if there is no such run.
        """
        with self._lock:
            messages = self._feed(run_id)
            return None if messages is None else messages[max(-1, after) + 1 :]

    def parameters_file(self, run_id: str) -> Path | None:
        """The run's final parameters, once they are there."""
        run = self.run(run_id)
        path = self._files / run.id / PARAMETERS if run else None
        return path if path and path.exists() else None

    def _recover(self) -> None:
        """Take over what an earlier process left: its running runs are interrupted, its queue goes on."""
        for run in self._store.in_states((states.RUNNING, states.PAUSED)):
            self._change(run.id, states.INTERRUPTED, "The lab ended while this run was training.")
        self._queue = [run.id for run in self._store.in_states((states.QUEUED,))]

    def _dispatch(self) -> None:
        """Give waiting runs to idle workers."""
        with self._lock:
            started = False
            while self._queue and not self._closed:
                run = self._store.run(self._queue[0])
                if run and not self._pool.give(run.id, run.config, self._files / run.id):
                    break
                del self._queue[0]
                if run:
                    self._change(run.id, states.RUNNING)
                started = True
            if started:
                self._tell_positions()

    def _hear(self, message: dict[str, Any]) -> None:
        """A worker's message about its run."""
        run_id = message["run"]
        with self._lock:
            if "failed" in message:
                self._finish(run_id, states.FAILED, message["failed"])
                return
            event = message["event"]
            self._record(run_id, event)
            if event["event"] == "EpochDone":
                self._store.update(run_id, validation_accuracy=event["validation_accuracy"])
            elif event["event"] == "Diverged":
                self._store.update(run_id, message=_diverged_sentence(event))
            elif event["event"] == "RunFinished":
                self._store.update(run_id, test_loss=event["test_loss"], test_accuracy=event["test_accuracy"])
                self._finish(run_id, event["reason"])

    def _lose(self, run_id: str) -> None:
        """The run's worker is gone."""
        with self._lock:
            why = "The lab ended while this run was training." if self._closed else "Its worker process ended."
            self._finish(run_id, states.INTERRUPTED, why)

    def _finish(self, run_id: str, state: str, message: str | None = None) -> None:
        self._change(run_id, state, message)
        self._pool.free(run_id)
        self._dispatch()

    def _change(self, run_id: str, state: str, message: str | None = None) -> None:
        """Note the run's new state, in its row and as an event; a message that is None stays as it is."""
        self._store.update(run_id, state=state, **({} if message is None else {"message": message}))
        run = self._store.run(run_id)
        self._record(run_id, State(state, message=run.message if run else "").to_dict())

    def _tell_positions(self) -> None:
        for position, run_id in enumerate(self._queue, 1):
            self._record(run_id, State(states.QUEUED, position).to_dict())

    def _record(self, run_id: str, event: dict[str, Any]) -> None:
        """Append the event to the store, and to what viewers get."""
        messages = self._feed(run_id)
        run = self._store.run(run_id)
        assert messages is not None
        assert run is not None
        seq = len(messages)
        self._store.append(run_id, seq, json.dumps(event, separators=(",", ":")))
        messages.append(feed.message(seq, event, run.config.span.steps))

    def _feed(self, run_id: str) -> list[str] | None:
        """The run's viewer messages, one an event; read from the store if they are not in memory."""
        if run_id not in self._feeds:
            run = self._store.run(run_id)
            if run is None:
                return None
            steps = run.config.span.steps
            bodies = self._store.events(run_id)
            self._feeds[run_id] = [feed.message(seq, json.loads(body), steps) for seq, body in enumerate(bodies)]
            if len(self._feeds) > REMEMBERED_RUNS:
                self._feeds.popitem(last=False)
        self._feeds.move_to_end(run_id)
        return self._feeds[run_id]

    def _placed(self, run: Run) -> Run:
        position = self._queue.index(run.id) + 1 if run.id in self._queue else None
        return dataclasses.replace(run, position=position)


def _diverged_sentence(event: dict[str, Any]) -> str:
    return (
        f"The loss stopped being finite at step {event['step']} with learning rate {event['learning_rate']:.6g}; "
        f"the parameters after step {event['restored_step']} are kept."
    )
