"""The lab under attack, its disk and its clock, and the table of what was tried on it."""

import asyncio
import contextlib
import os
import re
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

DISK_MB = 4096
#: Seconds until a server that starts, and any answer, counts as a failure; generous, for a busy machine.
LONGEST_START, LONGEST_ANSWER = 300.0, 300.0
#: Seconds without an answer after which the server is asked what its threads do.
STANDSTILL = 2.0
#: Paths of the pages.
PAGES = ("", "runs", "sweep", "surfaces", "landscape", "predictions", "draw", "models", "lessons")


class Table(Counter[str]):
    """Attempts and failures by kind."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: Counter[str] = Counter()
        self.failures: list[str] = []

    async def attempt(self, kind: str, work: Callable[[], Awaitable[None]]) -> None:
        """Count the work; whatever it raises is a failure."""
        self[kind] += 1
        try:
            await work()
        except Exception as error:
            self.fail(kind, f"{type(error).__name__}: {error}")

    def fail(self, kind: str, why: str) -> None:
        self.failed[kind] += 1
        self.failures.append(f"{kind}: {why}"[:600])

    def show(self) -> None:
        print(f"{'':36}{'attempts':>10}{'failures':>10}")
        for kind, count in sorted(self.items()):
            print(f"{kind:36}{count:>10}{self.failed[kind]:>10}")
        for failure in self.failures[:20]:
            print(failure)


class Disk:
    """A folder, on a small disk of its own where that can be had: a tmpfs, which takes root on Linux."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.small = self._mount(f"size={DISK_MB}m")

    def fill(self) -> None:
        """Leave no room."""
        # What is in use may grow meanwhile, and a disk cannot be made smaller than that.
        for _ in range(100):
            use = os.statvfs(self.path)
            if self._mount(f"remount,size={(use.f_blocks - use.f_bfree) * use.f_frsize}"):
                return
        raise OSError("the disk could not be filled")

    def free(self) -> None:
        if not self._mount(f"remount,size={DISK_MB}m"):
            raise OSError("the disk could not be freed")

    def remove(self) -> None:
        if self.small:
            subprocess.run(["umount", "-l", str(self.path)], check=True)

    def _mount(self, options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.path)]
        return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


class Clock:
    """The clock of the server and its workers, which libfaketime turns where it is installed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        library = next(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"), None)
        self.environment: dict[str, str] = {}
        if library:
            self.turn(0)
            # The monotonic clock of a machine never jumps.
            self.environment = {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self._file),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }

    def turn(self, seconds: int) -> None:
        """Put the clock so far ahead of the machine's, or behind it."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.replace(self._file)


class Lab:
    """The server under attack, on a home of its own.

    Args:
        folder: for its disk, its clock and its log; empty.
        workers: number of runs that train at once.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        self.disk, self.clock, self.log = Disk(folder / "disk"), Clock(folder), folder / "server.log"
        self.home = self.disk.path / "home"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        places = {"DESCENT_HOME": str(self.home), "DESCENT_MODELS": str(self.disk.path / "models")}
        places["PYTHONPATH"] = str(Path(__file__).with_name("server_start"))
        self.environment = {**os.environ, **places, "DESCENT_WORKERS": str(workers), **self.clock.environment}
        self.process: subprocess.Popen[bytes] | None = None
        #: Set while the server is meant to answer, and while it is not.
        self.up, self.down = asyncio.Event(), asyncio.Event()
        #: Of each life in which every page was opened, the megabytes of memory of the server from then on and at its
        #: end: libraries and caches come with a page's first opening.
        self.memory: list[tuple[float, float]] = []
        self._opened: set[str] = set()
        #: Longest seconds for which the server's event loop, and this program's, did nothing else.
        self.standstill, self.own_standstill = 0.0, 0.0
        #: What the server wrote to its log meanwhile: what each of its threads did, every ``STANDSTILL`` seconds.
        self.standing = ""

    async def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + LONGEST_START
        while not await asyncio.to_thread(self._healthy):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start")
            await asyncio.sleep(0.2)
        self._opened.clear()
        self.down.clear()
        self.up.set()

    async def end(self, number: signal.Signals) -> None:
        assert self.process
        self.up.clear()
        self.down.set()
        self.note_memory()
        self.process.send_signal(number)
        await asyncio.to_thread(self.process.wait, LONGEST_ANSWER)

    async def attempt(self, table: Table, kind: str, work: Callable[[], Awaitable[None]]) -> None:
        """Count the work, once the server is up; when that ends, the work is dropped, and is no failure."""
        await self.up.wait()
        doing, end = asyncio.ensure_future(work()), asyncio.ensure_future(self.down.wait())
        await asyncio.wait((doing, end), return_when=asyncio.FIRST_COMPLETED)
        # What the end breaks off may break before the end is noticed here.
        if doing.done() and doing.exception():
            await asyncio.wait((end,), timeout=1)
        dropped = end.done()
        for task in (doing, end):
            task.cancel()
        await asyncio.wait((doing, end))
        if dropped:
            table["dropped as the server ended"] += 1
        else:
            await table.attempt(kind, lambda: doing)

    async def watch(self, until: float) -> None:
        """Note the longest standstills until then: a viewer that gets no answer for 20 s gives up."""

        async def own() -> None:
            while (begun := time.monotonic()) < until:
                await asyncio.sleep(0.1)
                self.own_standstill = max(self.own_standstill, time.monotonic() - begun - 0.1)

        def answer() -> float:
            begun = time.monotonic()
            urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=LONGEST_ANSWER).close()
            return time.monotonic() - begun

        async def servers() -> None:
            while time.monotonic() < until:
                await asyncio.sleep(0.5)
                written = self.log.stat().st_size
                asking = asyncio.ensure_future(asyncio.to_thread(answer))
                while not (await asyncio.wait((asking,), timeout=STANDSTILL))[0]:
                    if self.process and self.up.is_set():
                        self.process.send_signal(signal.SIGUSR1)
                with contextlib.suppress(OSError):
                    if (took := await asking) > self.standstill and self.up.is_set():
                        report = self.log.read_bytes()[written:].decode(errors="replace")
                        self.standstill, self.standing = took, _innermost(report)

        await asyncio.gather(own(), servers())

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        assert self.process
        command = ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)]
        lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
        return [int(line.split()[0]) for line in lines if "core.runs.worker" in line]

    def note_page(self, page: str) -> None:
        """Note that a page was opened; with the last of all, the life's memory is measured for the first time."""
        if page in PAGES and page not in self._opened:
            self._opened.add(page)
            if len(self._opened) == len(PAGES):
                self.memory.append((self.resident(), self.resident()))

    def note_memory(self) -> None:
        if len(self._opened) == len(PAGES):
            with contextlib.suppress(OSError, StopIteration):
                self.memory[-1] = (self.memory[-1][0], self.resident())

    def resident(self) -> float:
        """Return the megabytes of memory that the server has."""
        assert self.process
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def _healthy(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
        return False


def _innermost(report: str) -> str:
    """Return the first lines of each thread of those that report what they do."""
    threads = re.findall(r"(?:^|\n)((?:Current thread|Thread) .*(?:\n  .*){1,5})", report)
    return "".join(f"{thread}\n" for thread in threads)


@contextlib.contextmanager
def open_lab(workers: int) -> Iterator[Lab]:
    """Make a lab that is not started yet; at the end its processes and its folder are removed."""
    folder = Path(tempfile.mkdtemp(prefix="endure"))
    lab = Lab(folder, workers)
    try:
        yield lab
    finally:
        if lab.process:
            lab.process.kill()
            lab.process.wait()
        lab.disk.remove()
        shutil.rmtree(folder, ignore_errors=True)
