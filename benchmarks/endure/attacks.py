"""Attacks on the lab, at moments that a seed draws."""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from benchmarks.endure.lab import LONGEST_ANSWER, Lab, Table

#: How often each is made in half an hour, and at least once in any time.
ATTACKS = {
    "kill of a worker": 50,
    "kill of the server": 5,
    "end of the server": 5,
    "stop of a worker": 15,
    "full disk": 10,
    "jump of the clock": 15,
    "hostile message": 60,
    "hostile request": 60,
    "hostile socket": 30,
}
LONG_SECONDS = 1800
#: Seconds for which a worker is stopped (from four on it counts as stalled), and the disk full.
STOPPED, FULL = 6.0, 5.0
#: Seconds in which the server ends after a signal, and some for a machine that is busy.
LONGEST_END = 10.0
#: Of the clock: seconds ahead of the machine's, to and fro.
JUMPS = (0, 3600, -3600, 86400, -86400, 400 * 86400, -400 * 86400)

_MANY = json.dumps({"runs": {str(number): -1 for number in range(1000)}})
#: Messages on the stream, each of which closes its connection with a reason.
MESSAGES = (
    '{"runs":{"\\ud800":-1}}',
    '{"runs":{"a":1e999}}',
    '{"runs":{"a":-2}}',
    '{"runs":{"../../lab.sqlite":-1}}',
    '{"runs":[]}',
    "[" * 50_000,
    "\x00",
    "",
    _MANY,
    b"\xff\xfe",
)
#: Paths that lead nowhere.
REQUESTS = (
    "/lab/runs?view=" + "x" * 5000,
    "/lab/runs?view=../../etc/passwd",
    "/lab/runs?compare=" + ",".join(["%ED%A0%80"] * 50),
    "/lab/%00",
    "/lab/..%2f..%2fetc%2fpasswd",
    "/../../etc/passwd",
    "/lab/live",
    "/media/../../etc/passwd",
    "/_stcore/" + "a" * 10_000,
    "/component/x/../../../app.py",
)
#: What a client sends before it waits and neither reads nor writes any more.
SOCKETS = (
    b"",
    b"GET /",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 200_000,
    b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf",
    b"GET /lab/plotly.min.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://[\r\n\r\n",
)


async def attacks(
    lab: Lab, chance: random.Random, table: Table, until: float, begun: Callable[[], Awaitable[None]]
) -> None:
    """Make the attacks, as many of each kind as the time is of half an hour, in an order and at moments by chance.

    Args:
        begun: is awaited after each start of the server.
    """
    length = until - time.monotonic()
    kinds = [kind for kind, count in ATTACKS.items() for _ in range(max(1, round(count * length / LONG_SECONDS)))]
    kinds = [kind for kind in kinds if (kind != "full disk" or lab.disk.small)]
    kinds = [kind for kind in kinds if (kind != "jump of the clock" or lab.clock.environment)]
    chance.shuffle(kinds)
    moments = sorted(chance.uniform(0, 0.95 * length) for _ in kinds)
    begin = time.monotonic()
    for kind, moment in zip(kinds, moments, strict=True):
        # Attacks that take longer than it is to the next one delay that.
        await asyncio.sleep(max(0.0, begin + moment - time.monotonic()))
        await table.attempt(kind, lambda kind=kind: _attack(lab, kind, chance))  # type: ignore[misc]
        if kind.endswith("of the server"):
            await begun()
        lab.note_memory()
        if not lab.up.is_set():
            raise RuntimeError("the server did not start again")


async def _attack(lab: Lab, kind: str, chance: random.Random) -> None:
    match kind:
        case "kill of a worker":
            if workers := lab.workers():
                os.kill(chance.choice(workers), signal.SIGKILL)
        case "stop of a worker":
            if workers := lab.workers():
                worker = chance.choice(workers)
                os.kill(worker, signal.SIGSTOP)
                await asyncio.sleep(STOPPED)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGCONT)
        case "kill of the server":
            await lab.end(signal.SIGKILL)
            await lab.start()
        case "end of the server":
            began = time.monotonic()
            await lab.end(signal.SIGTERM)
            took = time.monotonic() - began
            await lab.start()
            if took > LONGEST_END:
                raise AssertionError(f"it took {took:.1f} s")
        case "full disk":
            lab.disk.fill()
            await asyncio.sleep(FULL)
            lab.disk.free()
        case "jump of the clock":
            lab.clock.turn(chance.choice(JUMPS))
        case "hostile message":
            await _send(lab, chance.choice(MESSAGES))
        case "hostile request":
            await asyncio.to_thread(_request, lab.url + chance.choice(REQUESTS))
        case "hostile socket":
            asyncio.get_running_loop().create_task(_hold(lab, chance.choice(SOCKETS)))


async def _send(lab: Lab, message: str | bytes) -> None:
    async with (
        asyncio.timeout(LONGEST_ANSWER),
        connect(f"ws://127.0.0.1:{lab.port}/lab/live", compression=None, open_timeout=LONGEST_ANSWER) as live,
    ):
        await live.recv()
        await live.send(message)
        try:
            answer = await live.recv()
        except ConnectionClosed:
            if live.close_code != 1003:
                raise
        else:
            raise AssertionError(f"{message[:60]!r} was answered with {answer[:60]!r}")


def _request(url: str) -> None:
    try:
        urllib.request.urlopen(url, timeout=LONGEST_ANSWER).close()
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise


async def _hold(lab: Lab, start: bytes) -> None:
    """Send the beginning of a request, and nothing more for half a minute."""
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", lab.port, limit=1)
        writer.write(start)
        await asyncio.sleep(30)
        writer.close()
