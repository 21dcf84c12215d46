"""The lab under attack, and the table of what was tried on it."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from core.paths import ROOT

DISK_MB = 512
START_SECONDS, LONGEST_ANSWER = 120.0, 60.0
#: Paths of the pages.
PAGES = ("", "runs", "race", "surfaces", "landscape", "predictions", "draw", "models", "lessons")


class Table(Counter[str]):
    """Attempts and failures by kind."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[str] = []

    async def attempt(self, kind: str, work: Callable[[], Awaitable[None]]) -> None:
        self[kind] += 1
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self[f"{kind}, failed"] += 1
            self.failures.append(f"{kind}: {type(error).__name__}: {error}"[:400])

    def show(self) -> None:
        print(f"{'':32}{'attempts':>10}{'failures':>10}")
        for kind in sorted(kind for kind in self if not kind.endswith(", failed")):
            print(f"{kind:32}{self[kind]:>10}{self[f'{kind}, failed']:>10}")
        for failure in self.failures[:20]:
            print(failure)


class Lab:
    """The server under attack, on a home of its own."""

    def __init__(self, home: Path, workers: int) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {"DESCENT_HOME": str(home), "DESCENT_WORKERS": str(workers)}
        self.memory: list[tuple[float, float]] = []
        self.process: subprocess.Popen[bytes] | None = None
        #: Set while the server is meant to answer.
        self.up = asyncio.Event()

    async def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
        with (self.home.parent / "server.log").open("ab") as log:
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(urllib.request.urlopen, f"{self.url}/_stcore/health", None, 2)
                break
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            await asyncio.sleep(0.2)
        self.memory.append((self.resident(), self.resident()))
        self.up.set()

    def resident(self) -> float:
        """Return the megabytes of memory that the server has."""
        assert self.process
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def note_memory(self) -> None:
        with contextlib.suppress(OSError, StopIteration):
            self.memory[-1] = (self.memory[-1][0], self.resident())

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        assert self.process
        command = ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)]
        lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
        return [int(line.split()[0]) for line in lines if "core.runs.worker" in line]

    async def end(self, number: signal.Signals) -> None:
        assert self.process
        self.up.clear()
        self.note_memory()
        self.process.send_signal(number)
        await asyncio.to_thread(self.process.wait, LONGEST_ANSWER)


@contextlib.contextmanager
def disk() -> Iterator[tuple[Path, bool]]:
    """Make a folder, on a small disk of its own where that can be had."""
    folder = Path(tempfile.mkdtemp(prefix="endure"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    small = subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield folder, small
    finally:
        if small:
            subprocess.run(["umount", "-l", str(folder)])
        shutil.rmtree(folder, ignore_errors=True)
