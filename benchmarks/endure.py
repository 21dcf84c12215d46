"""Endurance of the lab: ``python -m benchmarks.endure [--minutes 30] [--seed 0] [--sessions 20] [--viewers 300]``.

A real lab on a small disk of its own is used and attacked at the same time, by a plan that the seed draws:

- sessions: visitors in a real browser go from page to page, and start runs;
- viewers: WebSocket connections follow the latest runs, each checked for events that are lost, doubled or out of order;
- attacks: workers and the server are killed, workers stopped and continued, the disk filled, hostile messages and
  addresses sent.

At the end no attempt may have failed, every finished run must be whole (all steps once and in order), and a sample of
those that were resumed must be bit for bit what their settings give. Prints a table of attempts and failures, and the
server's memory at the start and at the end of its longest life.

The disk is a tmpfs, which takes root on Linux; without one, the disk is never filled. The clock is not turned.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from playwright.async_api import Browser, async_playwright
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from benchmarks.measure import machine
from core import devices
from core.models.checkpoints import load_parameters
from core.paths import ROOT
from core.runs.history import History
from core.runs.service import Service
from core.runs.store import Run
from core.training.trainer import Trainer

DISK_MB = 512
START_SECONDS, LONGEST_ANSWER = 120.0, 60.0
PAGES = ("", "runs", "race", "surfaces", "landscape", "predictions", "draw", "models", "lessons")
HOSTILE_MESSAGES = (
    '{"runs":{"\\ud800":-1}}',
    '{"runs":{"a":1e999}}',
    "[" * 50_000,
    '{"runs":{"../../lab.sqlite":-1}}',
    "\x00",
    '{"runs":' + json.dumps({str(number): -1 for number in range(1000)}) + "}",
)
HOSTILE_VALUES = (
    "../../etc/passwd",
    "\x00",
    "%ff",
    "<script>",
    "![i](http://example.com)",
    "9" * 400,
    "🙂",
    "nan",
    "-1",
)
HOSTILE_NAMES = ("run", "runs", "model", "epoch", "lesson", "compare", "digit", "items", "surface", "lr", "steps")
#: Words of a page that shows an error of the lab's own.
BROKEN = ("Traceback", "StreamlitAPIException", "This app has encountered an error")


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


async def session(lab: Lab, browser: Browser, chance: random.Random, table: Table, until: float) -> None:
    """Visit pages, and start runs on some of them, until the end."""
    context = await browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(LONGEST_ANSWER * 1000)
    while time.monotonic() < until:
        await lab.up.wait()

        async def visit(name: str = chance.choice(PAGES), start: bool = chance.random() < 0.4) -> None:
            try:
                await page.goto(f"{lab.url}/{'' if start else name}")
                await page.get_by_test_id("stMain").wait_for()
                if start:
                    await page.get_by_role("button", name="Train", exact=True).click()
                await asyncio.sleep(1 + 3 * chance.random())
                text = await page.get_by_test_id("stMain").inner_text()
            except Exception:
                # A server that was killed meanwhile answers nobody.
                if lab.up.is_set():
                    raise
                return
            if any(word in text for word in BROKEN):
                raise AssertionError(f"/{name} shows: {text[:200]}")

        await table.attempt("visit of a page", visit)
    await context.close()


async def viewer(lab: Lab, table: Table, latest: list[str], until: float) -> None:
    """Follow the latest run, over every loss of the connection, and check the order of its events."""
    while time.monotonic() < until:
        await lab.up.wait()
        if not latest:
            await asyncio.sleep(1)
            continue
        run_id = latest[-1]

        async def follow(run_id: str = run_id) -> None:
            seq = -1
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                async with connect(f"ws://127.0.0.1:{lab.port}/lab/live", compression=None) as live:
                    await live.recv()
                    await live.send(json.dumps({"runs": {run_id: -1}}))
                    async with asyncio.timeout(20):
                        while True:
                            frame = json.loads(await live.recv())
                            numbers = [event["seq"] for event in frame["events"] if "seq" in event]
                            if numbers != list(range(seq + 1, seq + 1 + len(numbers))):
                                raise AssertionError(f"after event {seq} came {numbers[:3]}")
                            seq += len(numbers)

        await table.attempt("view of a run", follow)
        await asyncio.sleep(0.5)


async def attacks(lab: Lab, chance: random.Random, table: Table, until: float, small: bool) -> None:
    """Attack at random moments; the server is killed about ten times, workers fifty times."""
    length = until - time.monotonic()
    kinds = (
        ["kill of a worker"] * 50 + ["kill of the server"] * 5 + ["end of the server"] * 5 + ["stop of a worker"] * 15
    )
    kinds += ["hostile message"] * 60 + ["hostile address"] * 60 + ["full disk"] * (10 if small else 0)
    chance.shuffle(kinds)
    count = max(10, round(len(kinds) * min(1.0, length / 1800)))
    for kind in kinds[:count]:
        await asyncio.sleep(length / count * (0.5 + chance.random()))
        if time.monotonic() > until - 15:
            return
        await table.attempt(kind, lambda kind=kind: attack(lab, kind, chance))  # type: ignore[misc]
        lab.note_memory()


async def attack(lab: Lab, kind: str, chance: random.Random) -> None:
    match kind:
        case "kill of a worker":
            if workers := lab.workers():
                os.kill(chance.choice(workers), signal.SIGKILL)
        case "stop of a worker":
            if workers := lab.workers():
                worker = chance.choice(workers)
                os.kill(worker, signal.SIGSTOP)
                await asyncio.sleep(6)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGCONT)
        case "kill of the server":
            await lab.end(signal.SIGKILL)
            await lab.start()
        case "end of the server":
            await lab.end(signal.SIGTERM)
            await lab.start()
        case "full disk":
            filler = lab.home.parent / "filler"
            with contextlib.suppress(OSError), filler.open("wb") as file:
                while True:
                    file.write(b"\0" * 2**20)
            await asyncio.sleep(5)
            filler.unlink()
        case "hostile message":
            with contextlib.suppress(OSError, WebSocketException):
                async with connect(f"ws://127.0.0.1:{lab.port}/lab/live") as live:
                    await live.recv()
                    await live.send(chance.choice(HOSTILE_MESSAGES))
                    async with asyncio.timeout(LONGEST_ANSWER):
                        await live.recv()
        case "hostile address":
            values = {chance.choice(HOSTILE_NAMES): chance.choice(HOSTILE_VALUES) for _ in range(3)}
            address = f"{lab.url}/{chance.choice(PAGES)}?{urllib.parse.urlencode(values)}"
            try:
                await asyncio.to_thread(urllib.request.urlopen, address, None, LONGEST_ANSWER)
            except urllib.error.HTTPError as error:
                if error.code >= 500:
                    raise


async def follow_latest(lab: Lab, latest: list[str], until: float) -> None:
    """Keep the ids of the newest runs, as any browser gets them."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ValueError):
            answer = await asyncio.to_thread(urllib.request.urlopen, f"{lab.url}/lab/runs?view=all", None, 10)
            latest[:] = [row["id"] for row in json.load(answer)][:8][::-1]
        await asyncio.sleep(1)


async def endure(options: argparse.Namespace, home: Path, small: bool, table: Table) -> Lab:
    chance, latest = random.Random(options.seed), list[str]()
    lab = Lab(home, options.workers)
    await lab.start()
    until = time.monotonic() + 60 * options.minutes
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        works = [session(lab, browser, random.Random(chance.random()), table, until) for _ in range(options.sessions)]
        works += [viewer(lab, table, latest, until) for _ in range(options.viewers)]
        await asyncio.gather(*works, attacks(lab, chance, table, until, small), follow_latest(lab, latest, until))
        await browser.close()
    lab.note_memory()
    await lab.end(signal.SIGTERM)
    return lab


def check(home: Path, table: Table, sample: int, seed: int) -> None:
    """Check the runs that the attacks left: whole, and as their settings give them."""
    service = Service(home, workers=1, threads=1)
    try:
        runs = service.runs(-1)
        finished = [run for run in runs if run.state == "finished"]
        resumed = [run for run in finished if service.history(run.id).of("Resumed")]
        print(f"{len(runs)} runs, {len(finished)} finished, {len(resumed)} of them resumed")
        for run in finished:
            table["finished run"] += 1
            history: History = service.history(run.id)
            if history.steps.tolist() != list(range(run.config.span.steps)) or not service.parameters_file(run.id):
                table["finished run, failed"] += 1
                table.failures.append(f"run #{run.number} lacks steps or its parameters")
        for run in random.Random(seed).sample(resumed, min(sample, len(resumed))):
            table["resumed run trained again"] += 1
            if not same(service, run):
                table["resumed run trained again, failed"] += 1
                table.failures.append(f"run #{run.number} is not bit for bit what its settings give")
    finally:
        service.close()


def same(service: Service, run: Run) -> bool:
    """Train the run again, and compare all parameters."""
    devices.prepare_cpu(run.environment.get("threads", 1))
    trainer = Trainer(run.config)
    for _ in trainer.events():
        pass
    path = service.parameters_file(run.id)
    assert path
    network, _ = load_parameters(path)
    pairs: Any = zip(network.parameters(), trainer.network.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--viewers", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, default=10, help="resumed runs that are trained again")
    options = parser.parse_args(arguments)
    print(machine())
    table = Table()
    with disk() as (folder, small):
        home = folder / "home"
        lab = asyncio.run(endure(options, home, small, table))
        check(home, table, options.sample, options.seed)
        log = (folder / "server.log").read_text(errors="replace")
    table["Traceback in the server's log, failed"] = log.count("Traceback")
    table["Traceback in the server's log"] = log.count("Traceback")
    table.show()
    first, last = max(lab.memory, key=lambda pair: pair[1] - pair[0])
    print(f"memory of the server: {first:.0f} MB at its start, {last:.0f} MB later")
    return 1 if any(count for kind, count in table.items() if kind.endswith(", failed")) else 0


if __name__ == "__main__":
    sys.exit(main())
