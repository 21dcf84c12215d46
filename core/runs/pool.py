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

import torch

from core import devices
from core.paths import ROOT
from core.runs.workers import Message, Worker, Workers

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


class ProcessWorker(Worker):
    """One worker process and its pipes.

    Args:
        threads: its CPU threads.
        gpu: the only GPU that it sees, one of ``gpus()``; "" where there is none.
    """

    def __init__(self, threads: int, gpu: str = "") -> None:
        super().__init__(bool(gpu))
        # Warm: it has loaded torch and MNIST before it gets a run, so that a click does not wait for either.
        command = [sys.executable, "-m", "core.runs.worker_start", "--threads", str(threads)]
        command += ["--server", str(os.getpid())]
        # "cuda" is the first device that a process sees: without this, all workers would train on one GPU.
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": gpu} if gpu else None
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, encoding="utf-8", env=environment
        )

    def send(self, message: Message) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            log.warning("worker %d does not listen any more", self.process.pid)

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Pool(Workers):
    """A fixed number of worker processes: it hands them runs, passes their messages on, and replaces those that die.

    Args:
        size: how many workers.
        threads: CPU threads of each.
        on_message, on_idle, on_lost: as of ``Workers``.
    """

    def __init__(
        self,
        size: int,
        threads: int,
        on_message: Callable[[Message], None],
        on_idle: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        super().__init__(on_message, on_idle, on_lost)
        self._threads = threads
        own = gpus() or [""]
        self._keepers = [
            threading.Thread(target=self._keep, args=(own[place % len(own)],), daemon=True) for place in range(size)
        ]

    @property
    def size(self) -> int:
        return len(self._keepers)

    @property
    def devices(self) -> list[str]:
        return devices.available_kinds()

    def start(self) -> None:
        for keeper in self._keepers:
            keeper.start()

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
            worker = ProcessWorker(self._threads, gpu)
            self._workers.append(worker)
        try:
            self._read(worker)
        finally:
            worker.process.kill()
            with self._lock:
                self._workers.remove(worker)
            if worker.run_id is not None:
                self._on_lost(worker.run_id)

    def _read(self, worker: ProcessWorker) -> None:
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
