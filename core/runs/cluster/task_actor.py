"""A process of a job on a node, in an actor of Ray: ``core.jobs.process`` as on the lab's own machine."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from core.paths import ROOT
from core.runs.cluster import frames, settings
from core.runs.cluster.frames import Files, Message

#: ``take`` answers at least so often.
ANSWER_SECONDS = 1.0


class TaskActor:
    """A process of a job. The messages that ``take`` gives are ``said`` by it; the last one says how it ``ended``.

    Args:
        version: of the lab's code.
        module, request: as of ``core.jobs.process.run_module``.
        files: that it needs.
        made: names of those that it may write.

    Raises:
        ValueError: if this machine has another version.
        OSError: if the files cannot be written.
    """

    def __init__(self, version: str, module: str, request: Message, files: Files, made: list[str]) -> None:
        if version != settings.version():
            raise ValueError("this machine has another version of the lab's code")
        self._scratch = tempfile.TemporaryDirectory(prefix="descent-")
        self._folder, self._made = Path(self._scratch.name), made
        for name, file in files.items():
            (self._folder / name).write_bytes(frames.opened(name, file))
        self._out: queue.SimpleQueue[tuple[Message, Files]] = queue.SimpleQueue()
        # Ray hides the GPUs from an actor that reserves none. A replay of a run on a GPU needs one, beside its worker.
        hidden = {"CUDA_VISIBLE_DEVICES"} if os.environ.get("CUDA_VISIBLE_DEVICES") == "" else set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name not in hidden},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        request = {**request, "folder": str(self._folder)} if "folder" in request else request
        threading.Thread(target=self._relay, args=(request,), daemon=True).start()

    def take(self) -> list[tuple[Message, Files]]:
        """Return the messages since the last call; none after ``ANSWER_SECONDS`` without any."""
        taken = []
        with contextlib.suppress(queue.Empty):
            taken.append(self._out.get(timeout=ANSWER_SECONDS))
            while True:
                taken.append(self._out.get_nowait())
        return taken

    def end(self) -> None:
        """End the process at once; its folder goes with it."""
        self._process.kill()

    def _relay(self, request: Message) -> None:
        """Pass on what the process says, and at its end what it has made."""
        with self._scratch, self._process as process:
            assert process.stdin is not None and process.stdout is not None
            with contextlib.suppress(OSError):
                # It ends with its stdin, which this process holds open.
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
            for line in process.stdout:
                self._out.put(({"said": json.loads(line)}, {}))
            status = process.wait()
            paths = {name: self._folder / name for name in self._made}
            made = {name: path.read_bytes() for name, path in paths.items() if path.exists()}
        # Behind the folder's end: this actor is no more once that has been taken.
        self._out.put(({"ended": status}, frames.seal(made)))
