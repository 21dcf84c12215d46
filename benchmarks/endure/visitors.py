"""Visitors of the lab under attack: sessions in a browser, and viewers of runs."""

import asyncio
import contextlib
import json
import random
import time
import urllib.request

from playwright.async_api import Browser
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from benchmarks.endure.lab import LONGEST_ANSWER, PAGES, Lab, Table

#: Words of a page that shows an error of the lab's own.
BROKEN = ("Traceback", "StreamlitAPIException", "This app has encountered an error")


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


async def follow_latest(lab: Lab, latest: list[str], until: float) -> None:
    """Keep the ids of the newest runs, as any browser gets them."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ValueError):
            answer = await asyncio.to_thread(urllib.request.urlopen, f"{lab.url}/lab/runs?view=all", None, 10)
            latest[:] = [row["id"] for row in json.load(answer)][:8][::-1]
        await asyncio.sleep(1)
