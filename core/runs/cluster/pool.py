"""The pool of a service whose workers are on a Ray cluster: one on each GPU of each node, else one on each CPU."""

import contextlib
import logging
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from core.paths import ROOT
from core.runs import branching, pool, run_files
from core.runs.cluster import frames, settings
from core.runs.cluster.elsewhere import Elsewhere
from core.runs.cluster.frames import Channel, Files
from core.runs.workers import Message, Worker, Workers

log = logging.getLogger(__name__)

#: A driver may fail so often before it has joined the cluster: on a busy machine a node is not up in Ray's 30 seconds.
STARTS = 3
_LOST: Message = {"lost": True}


class RayWorker(Worker):
    """A worker of the cluster, as the driver tells of it.

    A thread of its own sends and records its messages in their order, so that no run waits for another one's files.

    Args:
        number: its name in the driver's messages.
        node: the node's name, for people.
        gpu: True if it has a GPU.
        channel: to the driver.
        record: called with each of its messages and their files.
    """

    def __init__(
        self, number: int, node: str, gpu: bool, channel: Channel, record: Callable[["RayWorker", Message, Files], None]
    ) -> None:
        super().__init__(gpu)
        self.number, self.node = number, node
        #: The folder of its run's files, on this machine.
        self.folder = Path()
        #: Number of times that somebody has pressed Stop.
        self.stops = 0
        self._channel, self._record = channel, record
        self._todo: queue.SimpleQueue[Callable[[], bool]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        self.stops += message.get("command") == "stop"
        self._todo.put(lambda: self._send(message))

    def kill(self) -> None:
        self._todo.put(lambda: self._pass_on({"kill": True}))

    def receive(self, message: Message, files: Files) -> None:
        """Record a message of it, after those before."""
        self.record_heartbeat()
        self._todo.put(lambda: self._receive(message, files))

    def join(self) -> None:
        """Wait until the loss of it is recorded."""
        self._thread.join()

    def _work(self) -> None:
        while self._todo.get()():
            pass

    def _receive(self, message: Message, files: Files) -> bool:
        try:
            self._record(self, message, files)
        except Exception:
            # Without this thread the worker would never be heard of again.
            log.exception("a message of worker %d is left out after an error", self.number)
        return "lost" not in message

    def _send(self, message: Message) -> bool:
        # A run that was given to it just when it was lost is with another one by now.
        if message["run"] != self.run_id:
            return True
        if "config" not in message:
            return self._pass_on(message)
        self.folder = Path(message["folder"])
        paths = {name: self.folder / name for name in (*run_files.NEEDED, *branching.FILES)}
        return self._pass_on(message, frames.seal({n: path.read_bytes() for n, path in paths.items() if path.exists()}))

    def _pass_on(self, message: Message, files: Files | None = None) -> bool:
        # A driver that is dying is noticed by its reader.
        with contextlib.suppress(OSError, ValueError):
            self._channel.send({**message, "worker": self.number}, files)
        return True


class ClusterPool(Workers):
    """The workers of a cluster: they come and go with its nodes.

    Args:
        size: of a cluster that begins with the lab, the number of workers without GPU.
        on_message, on_idle, on_lost: as of ``Workers``.

    Raises:
        ValueError: as ``settings.address``.
    """

    def __init__(
        self,
        size: int,
        on_message: Callable[[Message], None],
        on_idle: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        super().__init__(on_message, on_idle, on_lost)
        self._command = [sys.executable, "-m", "core.runs.cluster.driver", settings.address(), str(size)]
        self._environment = settings.environment()
        self._driver: subprocess.Popen[bytes] | None = None
        self._answered, self._refusal = threading.Event(), ""
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self.elsewhere: Elsewhere = Elsewhere()

    @property
    def size(self) -> int:
        # A sweep asks how many runs it may have ahead, before there is a worker too.
        with self._lock:
            return max(1, len(self._workers))

    @property
    def devices(self) -> list[str]:
        with self._lock:
            return ["cpu", "cuda"] if any(worker.gpu for worker in self._workers) else ["cpu"]

    def start(self) -> None:
        """Join the cluster; its workers start from then on.

        Raises:
            ValueError: saying why that cannot be.
        """
        self._keeper.start()
        self._answered.wait()
        if self._refusal:
            self.close()
            raise ValueError(self._refusal)

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            driver = self._driver
        if driver is not None:
            assert driver.stdin is not None
            with contextlib.suppress(OSError):
                driver.stdin.close()
            try:
                driver.wait(pool.GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                driver.kill()
        self._keeper.join()

    def _keep(self) -> None:
        """Keep a driver in the cluster until the pool closes."""
        starts = 0
        while not self._closing.is_set():
            starts += 1
            try:
                self._use_driver()
            except Exception:
                # Without this thread the lab would have no worker for good.
                log.exception("the driver is replaced after an error")
            if not self._answered.is_set() and starts == STARTS:
                self._refusal = "The process that joins the Ray cluster ended before it had; its log is above."
                self._answered.set()
            self._closing.wait(pool.RESTART_SECONDS)

    def _use_driver(self) -> None:
        """Start a driver and pass its messages on until it ends."""
        pipe = subprocess.PIPE
        with self._lock:
            if self._closing.is_set():
                return
            driver = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdin=pipe,
                stdout=pipe,
                env=self._environment,
                # Ctrl-C reaches the whole process group; the server decides what it means.
                start_new_session=True,
            )
            self._driver = driver
        assert driver.stdin is not None and driver.stdout is not None
        channel = Channel(driver.stdin)
        try:
            with driver.stdout as out:
                while (frame := frames.read(out)) is not None:
                    self._hand_on(*frame, channel)
        finally:
            driver.kill()
            driver.wait()
            with contextlib.suppress(OSError):
                driver.stdin.close()
            self.elsewhere.connect(None)
            with self._lock:
                workers = list(self._workers)
            for worker in workers:
                worker.receive(_LOST, {})
            for worker in workers:
                worker.join()
        if not self._closing.is_set():
            log.warning("the driver of the Ray cluster ended with status %d", driver.returncode)

    def _hand_on(self, message: Message, files: Files, channel: Channel) -> None:
        if "task" in message:
            self.elsewhere.receive(message["task"], message, files)
            return
        if "worker" not in message:
            if "connected" in message:
                self.elsewhere.connect(channel)
            self._refusal = "" if self._answered.is_set() else message.get("refused", "")
            self._answered.set()
            if "refused" in message:
                log.warning("%s", message["refused"])
            return
        number = message.pop("worker")
        with self._lock:
            worker = next((w for w in self._workers if w.number == number), None)
            if worker is None:
                if "node" not in message:
                    # Of one that is lost; its run may be with another.
                    return
                worker = RayWorker(number, message["node"], message["gpu"], channel, self._record)
                self._workers.append(worker)
        worker.receive(message, files)

    def _record(self, worker: RayWorker, message: Message, files: Files) -> None:
        """Record a message of a worker, in that worker's thread."""
        if "lost" in message:
            with self._lock:
                self._workers.remove(worker)
            if worker.run_id is not None:
                self._on_lost(worker.run_id)
        elif message.get("compiling"):
            worker.compiling = True
        elif message.get("ready"):
            worker.ready = True
            self._on_idle()
        elif message.get("run") is not None and message["run"] == worker.run_id:
            self._record_run(worker, message, files)

    def _write(self, worker: RayWorker, name: str, content: bytes, run_id: str) -> None:
        """Write a file of a run; the parameters of its end wait for room, as a worker of this machine does."""
        if name != run_files.PARAMETERS:
            run_files.receive(worker.folder, name, content)
            return
        stops = worker.stops
        run_files.write_when_there_is_room(
            lambda: run_files.receive(worker.folder, name, content),
            lambda sentence: self._on_message({"run": run_id, "waits": sentence}),
            lambda seconds: not self._closing.wait(seconds) and worker.stops == stops,
        )

    def _record_run(self, worker: RayWorker, message: Message, files: Files) -> None:
        event = message.get("event", {})
        if "environment" in message:
            message["environment"]["node"] = worker.node
        elif event.get("event") == "RunStarted":
            event["node"] = worker.node
        elif event.get("event") == "Resumed":
            # As the worker has done with its own.
            run_files.forget_best(worker.folder, event["step"])
        for name, file in files.items():
            try:
                self._write(worker, name, frames.opened(name, file), message["run"])
            except (OSError, ValueError) as error:
                if self._closing.is_set():
                    # The run is interrupted, and goes on from the checkpoint before.
                    return
                reason = f"{getattr(error, 'strerror', None) or error}".rstrip(".")
                kind = "failed" if name == run_files.PARAMETERS else "trouble"
                self._on_message({"run": message["run"], kind: f"The file {name} could not be written: {reason}."})
                if event.get("name") == name:
                    return
        self._on_message(message)
