"""Visitors of the lab under attack: sessions in a browser, and viewers of runs."""

import asyncio
import contextlib
import json
import random
import time
import urllib.parse
import urllib.request
from functools import lru_cache, partial
from typing import Any

from playwright.async_api import Browser, Page, expect
from playwright.async_api import Error as PlaywrightError
from websockets.asyncio.client import connect

from benchmarks.endure.lab import LONGEST_ANSWER, PAGES, Lab, Table

#: How often a session does what, relative to each other.
VISITS = {"visit of a page": 50, "visit of a hostile address": 20, "start of a run": 20, "resume of runs": 10}
HOSTILE_NAMES = (
    *("run", "runs", "compare", "model", "models", "epoch", "epochs", "lesson", "seed", "hide", "digit", "items"),
    *("plane", "images", "size", "part", "sweep", "tab", "s-surface", "s-formula", "s-domain", "s-starts"),
    *("s-settings", "s-steps", "p-tab", "p-show", "p-numbers"),
)
HOSTILE_VALUES = (
    "",
    "../../etc/passwd",
    "\x00",
    "\ud800",
    "<script>alert(1)</script>",
    "![i](http://example.com/i.png)",
    "9" * 400,
    "1e999",
    "🙂",
    "nan",
    "-1",
    "x" * 5000,
    "Own formula",
    "0x" + "f" * 300,
    "2-order",
    "model:untrained",
    "((((((((((",
)
#: What a page shows where something of the lab's own broke.
BROKEN = "[data-testid=stException], [data-testid=stAppErrorDialog]"
#: Seconds for which a viewer stays with one run.
FOLLOWED = 60.0
#: Epochs of the runs: from half a second to some ten seconds of training.
EPOCHS = (5, 20, 80)


async def arrive(lab: Lab, browser: Browser, chance: random.Random, table: Table) -> Page:
    """Open a browser of its own for a visitor, and start a run."""
    page = await new_page(browser)
    await lab.attempt(table, "start of a run", partial(_visit, lab, page, "start of a run", "", 0, chance))
    return page


async def new_page(browser: Browser) -> Page:
    """Open a browser of its own."""
    # No GPU draws here: what moves by itself would take the server's processors.
    page = await (await browser.new_context(reduced_motion="reduce")).new_page()
    page.set_default_timeout(1000 * LONGEST_ANSWER)
    return page


async def tour(lab: Lab, page: Page, chance: random.Random, table: Table) -> None:
    """Visit every page once: from then on the server's memory is measured."""
    for path in PAGES:
        work = partial(_visit, lab, page, "visit of a page", path, 0, chance)
        await lab.attempt(table, "visit of a page", work)


async def session(lab: Lab, page: Page, chance: random.Random, table: Table, until: float) -> None:
    """Visit pages, start runs and let interrupted ones go on, until the end."""
    while time.monotonic() < until:
        kind = chance.choices(list(VISITS), list(VISITS.values()))[0]
        path, pause = _path(kind, chance), chance.uniform(1, 4)
        await lab.attempt(table, kind, partial(_visit, lab, page, kind, path, pause, chance))
    await page.context.close()


def _path(kind: str, chance: random.Random) -> str:
    match kind:
        case "start of a run":
            return ""
        case "resume of runs":
            return "runs"
    page = chance.choice(PAGES)
    if kind == "visit of a page":
        return page
    values = {chance.choice(HOSTILE_NAMES): chance.choice(HOSTILE_VALUES) for _ in range(3)}
    return f"{page}?{urllib.parse.urlencode(values, errors='surrogatepass')}"


async def leave_one_training(lab: Lab, page: Page, chance: random.Random, table: Table) -> None:
    """Start one of the longest runs, and wait until it trains."""

    async def start() -> None:
        await _visit(lab, page, "start of a run", "", 0, chance, EPOCHS[-1:])
        await page.locator("[data-testid=state][data-state=running]").wait_for()

    await lab.attempt(table, "start of a run", start)


async def _visit(
    lab: Lab, page: Page, kind: str, path: str, pause: float, chance: random.Random, epochs: tuple[int, ...] = EPOCHS
) -> None:
    """Open the page, do what the kind of visit is, and look at the page after so many seconds."""
    await page.goto(f"{lab.url}/{path}")
    await page.get_by_test_id("stMain").wait_for()
    if kind == "start of a run":
        # The lab does not train the same settings twice.
        await _type(page, "Learning rate", f"{chance.uniform(1e-4, 1e-2):.8f}")
        await _type(page, "Epochs", str(chance.choice(epochs)))
        await _settled(page)
        await page.get_by_role("button", name="Train", exact=True).click()
    if kind == "resume of runs":
        await _settled(page)
        button = page.get_by_role("button", name="Resume all interrupted")
        # Another session may be quicker.
        with contextlib.suppress(PlaywrightError):
            await button.dispatch_event("click", timeout=1000)
    await asyncio.sleep(pause)
    await _settled(page)
    lab.note_page(path)
    for broken in await page.locator(BROKEN).all_inner_texts():
        raise AssertionError(f"/{path[:200]} shows: {broken[:300]}")


async def _type(page: Page, label: str, text: str) -> None:
    await _settled(page)
    field = page.get_by_label(label, exact=True)
    await field.fill(text)
    await field.press("Enter")


async def _settled(page: Page) -> None:
    app = page.get_by_test_id("stApp")
    await expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=1000 * LONGEST_ANSWER)


async def viewer(lab: Lab, chance: random.Random, table: Table, latest: list[str], until: float) -> None:
    """Follow one of the latest runs, then another, and check that each event comes once and in order."""
    while time.monotonic() < until:
        if latest:
            run_id = chance.choice(latest)
            deadline = min(time.monotonic() + FOLLOWED, until)
            work = partial(_follow, lab, run_id, deadline)
            await lab.attempt(table, "view of a run", work)
        await asyncio.sleep(0.5)


async def _follow(lab: Lab, run_id: str, deadline: float) -> None:
    """Follow the run until then."""
    async with connect(f"ws://127.0.0.1:{lab.port}/lab/live", compression=None, open_timeout=LONGEST_ANSWER) as live:
        async with asyncio.timeout(LONGEST_ANSWER):
            await live.recv()
            await live.send(json.dumps({"runs": {run_id: -1}}))
            seq = _check(await live.recv(decode=False), -1)
        # A run that waits for a worker says nothing yet; one that is over may go on.
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame = await asyncio.wait_for(live.recv(decode=False), left)
            except TimeoutError:
                return
            seq = _check(frame, seq)


def _check(frame: bytes, seq: int) -> int:
    """Check that the frame goes on after the event ``seq``; returns the number of its last event."""
    count, first, in_order = _read(frame)
    if not in_order or (count and first != seq + 1):
        raise AssertionError(f"after event {seq} came {frame[:200]!r}")
    return seq + count


# Many viewers get the same frame.
@lru_cache(maxsize=64)
def _read(frame: bytes) -> tuple[int, int, bool]:
    # A run that the lab does not have has one event without a number.
    numbers = [event.get("seq", -1) for event in json.loads(frame)["events"]]
    first = numbers[0] if numbers else 0
    return len(numbers), first, numbers == list(range(first, first + len(numbers)))


async def follow_latest(lab: Lab, table: Table, latest: list[str], seen: set[str], until: float) -> None:
    """Keep the ids of the newest runs that have begun, and of all that were ever listed."""

    async def look() -> None:
        rows = await asyncio.to_thread(_rows, lab)
        seen.update(row["id"] for row in rows)
        latest[:] = [row["id"] for row in rows if row["facets"]["state"] != ["queued"]][:4]

    while time.monotonic() < until:
        await lab.attempt(table, "list of the runs", look)
        await asyncio.sleep(1)


def _rows(lab: Lab) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{lab.url}/lab/runs?view=all", timeout=LONGEST_ANSWER) as answer:
        rows: list[dict[str, Any]] = json.load(answer)
    return rows
