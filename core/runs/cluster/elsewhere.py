"""Processes of jobs on the nodes of a cluster, as the lab's server sees them."""

import contextlib
import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from core.files import write_atomically
from core.jobs.process import Files, Running
from core.runs.cluster import frames
from core.runs.cluster.frames import Channel, Message

_LOST: Message = {"lost": True}


class Elsewhere:
    """Starts processes through the driver, and hands its messages on to them; ``core.jobs.process.Elsewhere``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._channel: Channel | None = None
        self._under_way: dict[int, Task] = {}

    def connect(self, channel: Channel | None) -> None:
        """Start processes by this driver from now on; those of the one before are lost. None if there is none."""
        with self._lock:
            self._channel, lost = channel, list(self._under_way.values())
        for task in lost:
            task.receive(_LOST, {})

    def receive(self, number: int, message: Message, files: frames.Files) -> None:
        """Take a message of the driver on one of the processes."""
        with self._lock:
            task = self._under_way.get(number)
        if task is not None:
            task.receive(message, files)

    def __call__(self, module: str, request: Message, files: Files) -> Running | None:
        with self._lock:
            if self._channel is None:
                return None
            task = Task(next(self._numbers), self._channel, Path(request.get("folder", "")), files, self._forget)
            self._under_way[task.number] = task
        try:
            task.start(module, request)
        except (OSError, ValueError):
            # The driver is dying; this machine does the work.
            self._forget(task.number)
            return None
        return task

    def _forget(self, number: int) -> None:
        with self._lock:
            self._under_way.pop(number, None)


class Task:
    """One process on a node; ``core.jobs.process.Running``.

    Args:
        number: its name between server and driver.
        folder: of its files, on this machine.
        forget: called with the number when it has ended.
    """

    def __init__(
        self, number: int, channel: Channel, folder: Path, files: Files, forget: Callable[[int], None]
    ) -> None:
        self.number = number
        self.status: int | None = None
        self._channel, self._folder, self._files, self._forget = channel, folder, files, forget
        self._received: queue.SimpleQueue[tuple[Message, frames.Files]] = queue.SimpleQueue()

    def start(self, module: str, request: Message) -> None:
        """Send the request, with the files that are needed. Raises OSError, ValueError if nobody takes it."""
        paths = {name: self._folder / name for name in self._files.needed}
        needed = {name: path.read_bytes() for name, path in paths.items() if path.exists()}
        task = {"task": self.number, "module": module, "request": request, "made": self._files.made}
        self._channel.send(task, frames.seal(needed))

    def receive(self, message: Message, files: frames.Files) -> None:
        self._received.put((message, files))

    def messages(self) -> Iterator[Message]:
        while self.status is None:
            message, files = self._received.get()
            for name, file in files.items():
                # A name that it may not write is one of the cluster's own, or of somebody who has broken in there.
                if name in self._files.made:
                    write_atomically(self._folder / name, frames.opened(name, file))
            if "said" in message:
                yield message["said"]
            else:
                self.status = 1 if "lost" in message else message["ended"]

    def close(self) -> None:
        self.kill()

    def kill(self) -> None:
        self._forget(self.number)
        if self.status is None:
            self.receive(_LOST, {})
            with contextlib.suppress(OSError, ValueError):
                self._channel.send({"task": self.number, "kill": True})
