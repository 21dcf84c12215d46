"""The pool: a fixed number of warm worker processes, each with one run at most."""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import torch

from core.paths import ROOT

log = logging.getLogger(__name__)

#: How long a worker may take to end by itself once its stdin is closed.
GRACE_SECONDS = 3.0
#: The pause before a worker that died is replaced, so that a broken set-up does not spin.
RESTART_SECONDS = 1.0


def worker_count() -> int:
    """``DESCENT_WORKERS``, else one per GPU, else one per CPU core.

    Raises:
        ValueError: if ``DESCENT_WORKERS`` is not a whole number from 1 to 64.
    """
    setting = os.environ.get("DESCENT_WORKERS", "")
    if not setting:
        return torch.cuda.device_count() if torch.cuda.is_available() else os.cpu_count() or 1
    # ASCII: "²" is a digit too, and no number.
    if not (setting.isascii() and setting.isdigit() and 1 <= int(setting) <= 64):
        raise ValueError(f"DESCENT_WORKERS must be a whole number in [1, 64], got DESCENT_WORKERS = {setting[:40]}.")
    return int(setting)


def gpus() -> list[str]:
    """Return the GPUs that the workers share out, as ``CUDA_VISIBLE_DEVICES`` names them."""
    if not torch.cuda.is_available():
        return []
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",")[:count] if named else [str(number) for number in range(count)]


class Worker:
    """One worker process and its pipes. ``run_id`` is the run it has, if any; ``heartbeat`` the time of its latest
    message, on the monotonic clock.

    Args:
        threads: its CPU threads.
        gpu: the only GPU that it sees, one of ``gpus()``; "" where there is none.
    """

    def __init__(self, threads: int, gpu: str = "") -> None:
        self.run_id: str | None = None
        self.ready = self.compiling = False
        self.heartbeat = time.monotonic()
        # Warm: it has loaded torch and MNIST before it gets a run, so that a click does not wait for either.
        command = [sys.executable, "-m", "core.runs.worker_start", "--threads", str(threads)]
        command += ["--server", str(os.getpid())]
        # "cuda" is the first device that a process sees: without this, all workers would train on one GPU.
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": gpu} if gpu else None
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", env=environment
        )

    def record_heartbeat(self) -> None:
        """Count the worker as alive from now on."""
        self.heartbeat = time.monotonic()

    def send(self, message: dict[str, Any]) -> None:
        """Write one message; a worker that is dying is noticed by its reader, not here."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            log.warning("worker %d does not listen any more", self.process.pid)

    def close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Pool:
    """The workers: it hands them runs, passes their messages on, and replaces those that die.

    Args:
        size: how many workers.
        threads: CPU threads of each.
        on_message: called with each message of a worker about its run, from that worker's own thread.
        on_idle: called when a worker has become ready for a run.
        on_lost: called with the run that a dead worker had.
    """

    def __init__(
        self,
        size: int,
        threads: int,
        on_message: Callable[[dict[str, Any]], None],
        on_idle: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._threads = threads
        self._on_message, self._on_idle, self._on_lost = on_message, on_idle, on_lost
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._workers: list[Worker] = []
        own = gpus() or [""]
        self._keepers = [
            threading.Thread(target=self._keep, args=(own[place % len(own)],), daemon=True) for place in range(size)
        ]

    def start(self) -> None:
        """Start the workers; ``on_idle`` is called for each when it is ready."""
        for keeper in self._keepers:
            keeper.start()

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

    def give(self, job: dict[str, Any]) -> bool:
        """Start the job, as core.runs.worker describes it, on an idle worker; False if there is none."""
        with self._lock:
            idle = next((w for w in self._workers if w.ready and w.run_id is None), None)
            if idle is None:
                return False
            idle.run_id = job["run"]
        idle.send(job)
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
                    worker.process.kill()

    def close(self) -> None:
        """End all workers: their stdin closes, and those that do not end by themselves are killed.

        One that is still starting does not listen yet and has nothing to lose, so it is not waited for.
        """
        self._closing.set()
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            worker.close()
            if not worker.ready:
                worker.process.kill()
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
        for keeper in self._keepers:
            keeper.join()

    def _keep(self, gpu: str) -> None:
        """Keep one worker alive, on its GPU if there is one, until the pool closes."""
        while not self._closing.is_set():
            try:
                self._use_one(gpu)
            except Exception:
                # Without this thread the lab would have one worker fewer for good.
                log.exception("a worker is replaced after an error")
            self._closing.wait(RESTART_SECONDS)

    def _use_one(self, gpu: str) -> None:
        """Start a worker and pass its messages on until it ends."""
        with self._lock:
            if self._closing.is_set():
                return
            worker = Worker(self._threads, gpu)
            self._workers.append(worker)
        try:
            self._read(worker)
        finally:
            worker.process.kill()
            with self._lock:
                self._workers.remove(worker)
            if worker.run_id is not None:
                self._on_lost(worker.run_id)

    def _read(self, worker: Worker) -> None:
        """Pass on the worker's messages until it ends."""
        assert worker.process.stdout is not None
        with worker.process.stdout as lines:
            for line in lines:
                message = json.loads(line)
                worker.record_heartbeat()
                if message.get("compiling"):
                    worker.compiling = True
                elif message.get("ready"):
                    worker.ready = True
                    self._on_idle()
                elif "run" in message:
                    self._on_message(message)
        code = worker.process.wait()
        worker.close()
        if not self._closing.is_set():
            log.warning("worker %d ended with status %d", worker.process.pid, code)
