"""The scheduler's interface to its workers: processes of this machine, or on nodes of a cluster."""

import threading
import time
from collections.abc import Callable
from typing import Any

from core.jobs.process import Elsewhere

Message = dict[str, Any]


class Worker:
    """One worker. ``run_id`` is the run it has, if any; ``heartbeat`` the time of its latest message, on the monotonic
    clock.

    Args:
        gpu: True if it trains on a GPU where a run does not ask for another device.
    """

    def __init__(self, gpu: bool) -> None:
        self.gpu = gpu
        self.run_id: str | None = None
        self.ready = self.compiling = False
        self.heartbeat = time.monotonic()

    def record_heartbeat(self) -> None:
        """Count the worker as alive from now on."""
        self.heartbeat = time.monotonic()

    def send(self, message: Message) -> None:
        """Send it a job or a command, as core.runs.worker describes them; one that is dying is noticed elsewhere."""
        raise NotImplementedError

    def kill(self) -> None:
        """End it at once; another one takes its place."""
        raise NotImplementedError


class Workers:
    """The workers of a service, each with one run at most.

    Args:
        on_message: called with each message of a worker about its run, from that worker's own thread.
        on_idle: called when a worker has become ready for a run.
        on_lost: called with the run that a dead worker had.
    """

    def __init__(
        self, on_message: Callable[[Message], None], on_idle: Callable[[], None], on_lost: Callable[[str], None]
    ) -> None:
        self._on_message, self._on_idle, self._on_lost = on_message, on_idle, on_lost
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._workers: list[Any] = []
        #: Starts processes of jobs where the workers are; None on this machine.
        self.elsewhere: Elsewhere | None = None

    @property
    def size(self) -> int:
        """Number of runs that train at once."""
        raise NotImplementedError

    @property
    def devices(self) -> list[str]:
        """Kinds of device that a run may ask for, ``cpu`` first, as ``devices.available_kinds``."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the workers; ``on_idle`` is called for each when it is ready."""
        raise NotImplementedError

    def close(self) -> None:
        """End all workers."""
        raise NotImplementedError

    @property
    def idle(self) -> bool:
        """True if a worker could take a job."""
        with self._lock:
            return any(w.ready and w.run_id is None for w in self._workers)

    @property
    def compiling(self) -> bool:
        """True while no worker is ready, since they compile the steps of training first."""
        with self._lock:
            return any(w.compiling for w in self._workers) and not any(w.ready for w in self._workers)

    def give(self, job: Message) -> bool:
        """Start the job, as core.runs.worker describes it, on an idle worker; False if there is none for it."""
        with self._lock:
            idle = [w for w in self._workers if w.ready and w.run_id is None]
            device = job["config"].get("device", "auto")
            if device.startswith("cuda") and any(w.gpu for w in self._workers):
                idle = [w for w in idle if w.gpu]
            if not idle:
                return False
            worker = min(idle, key=lambda w: w.gpu == (device == "cpu"))
            worker.run_id = job["run"]
        worker.send(job)
        return True

    def command(self, run_id: str, command: str, value: float | None = None) -> None:
        """Send a command to the worker that has the run, if one has it."""
        with self._lock:
            worker = next((w for w in self._workers if w.run_id == run_id), None)
        if worker is not None:
            worker.send({"run": run_id, "command": command, "value": value})

    def silence(self) -> dict[str, float]:
        """For each run that a worker has, the seconds since that worker's latest message."""
        now = time.monotonic()
        with self._lock:
            return {w.run_id: now - w.heartbeat for w in self._workers if w.run_id is not None}

    def free(self, run_id: str) -> None:
        """Let the run's worker take another."""
        with self._lock:
            for worker in self._workers:
                if worker.run_id == run_id:
                    worker.run_id = None

    def abandon(self, run_id: str) -> None:
        """End the worker that has the run, which nobody wants any more; another one takes its place."""
        with self._lock:
            for worker in self._workers:
                if worker.run_id == run_id:
                    worker.run_id = None
                    worker.ready = False
                    worker.kill()
