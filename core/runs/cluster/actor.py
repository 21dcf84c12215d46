"""A worker of the cluster, an actor of Ray: it trains as core.runs.worker, and sends its files with its messages."""

import queue
import shutil
import tempfile
import threading
from pathlib import Path

from core.runs.cluster import frames, settings
from core.runs.cluster.frames import Files, Message


class Actor:
    """A warm worker with one run after another. ``put`` keeps its order, and no method waits for another.

    Args:
        threads: CPU threads.
        version: of the lab's code.

    Raises:
        ValueError: if this machine has another version.
    """

    def __init__(self, threads: int, version: str) -> None:
        if version != settings.version():
            raise ValueError("this machine has another version of the lab's code")
        # Only here: the driver has this module too, and does not need torch.
        from core.runs.cluster.outbox import Outbox

        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._out = Outbox()
        self._scratch = tempfile.TemporaryDirectory(prefix="descent-")
        threading.Thread(target=self._serve, args=(threads,), daemon=True).start()

    def put(self, message: Message | None, files: Files) -> None:
        """Take a job with the files to go on from, or a command; None ends the worker, with a checkpoint."""
        if message is not None and "config" in message:
            try:
                message = {**message, "folder": str(self._unpack(message["run"], files))}
            except (OSError, ValueError) as error:
                self._out.send({"run": message["run"], "failed": str(error)})
                return
        self._inbox.put(message)

    def take(self) -> list[tuple[Message, Files]]:
        """Return the messages since the last call; none after a second without any."""
        return self._out.take()

    def answer(self) -> None:
        """Return at once, as long as this process runs and can be reached."""

    def _unpack(self, run_id: str, files: Files) -> Path:
        folder = Path(self._scratch.name) / run_id
        shutil.rmtree(self._scratch.name, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, file in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(frames.opened(name, file))
        self._out.begin(folder)
        return folder

    def _serve(self, threads: int) -> None:
        from core.runs import worker

        try:
            worker.serve(threads, self._inbox, self._out)
        finally:
            self._out.send({"ended": True})
