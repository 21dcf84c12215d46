"""Attacks on the lab, at moments that a seed draws."""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
import urllib.error
import urllib.parse
import urllib.request

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from benchmarks.endure.lab import LONGEST_ANSWER, PAGES, Lab, Table

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
