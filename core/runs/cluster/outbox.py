"""Messages of a worker on the cluster, with the files that it has made."""

import os
import queue
import threading
from pathlib import Path

from core.runs import run_files, worker
from core.runs.cluster import frames
from core.runs.cluster.frames import Files, Message

#: ``take`` answers at least so often.
ANSWER_SECONDS = 1.0
#: Of the files that a worker makes, those that no event tells of.
_UNTOLD = (run_files.START, run_files.BEST)


class Outbox(worker.Outbox):
    """Messages that wait to be taken, each with the files that were written before it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[Message, dict[str, bytes]]] = queue.SimpleQueue()
        self._folder = Path()
        self._seen: dict[str, tuple[int, ...]] = {}

    def begin(self, folder: Path) -> None:
        """Send the files that are made in this folder from now on."""
        with self._lock:
            self._folder, self._seen = folder, {}
            self._changed(run_files.MADE)

    def send(self, message: Message) -> None:
        # In one: a file goes with the first message after it.
        with self._lock:
            event = message.get("event", {})
            named = (event["name"],) if event.get("event") == "Checkpointed" else ()
            self._waiting.put((message, self._changed((*_UNTOLD, *named))))

    def take(self) -> list[tuple[Message, Files]]:
        """Return all that waits, after ``ANSWER_SECONDS`` nothing."""
        taken = []
        try:
            taken.append(self._waiting.get(timeout=ANSWER_SECONDS))
            while True:
                taken.append(self._waiting.get_nowait())
        except queue.Empty:
            return [(message, frames.seal(contents)) for message, contents in taken]

    def _changed(self, names: tuple[str, ...]) -> dict[str, bytes]:
        """Return the files that are others than when they were last looked at."""
        contents = {}
        for name in names:
            try:
                # Opened, it is one whole file, whatever replaces it meanwhile.
                with (self._folder / name).open("rb") as file:
                    status = os.fstat(file.fileno())
                    stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
                    if self._seen.get(name) != stamp:
                        self._seen[name], contents[name] = stamp, file.read()
            except FileNotFoundError:
                self._seen.pop(name, None)
        return contents
