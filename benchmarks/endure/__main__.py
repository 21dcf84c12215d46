"""Endurance of the lab: ``python -m benchmarks.endure [--minutes 30] [--seed 0] [--sessions 20] [--viewers 300]``.

A real lab on a disk and with a clock of its own is used and attacked at the same time, by a plan that the seed draws:

- sessions: visitors in a real browser go from page to page, also by hostile addresses, start runs, and let interrupted
  ones go on;
- viewers: WebSocket connections follow the latest runs, each checked for events that are lost, doubled or out of order;
- attacks: workers and the server are killed, workers stopped and continued, the disk filled, the clock turned, hostile
  messages, requests and half requests sent.

What a visitor meets while the server is down is no failure. At the end, all runs that were interrupted go on to their
end without attacks. Then every run that was ever listed must be there, every finished run be whole (all steps once and
in order, its parameters saved), and a sample of those that were resumed be bit for bit what their settings give.
Prints attempts and failures by kind, the server's memory, and the longest standstills, with what the server's threads
did in its own; the status is 1 if there was a failure.

The disk is a tmpfs, which takes root on Linux, and the clock is turned by libfaketime (``apt-get install faketime``):
what there is not is said, and left out.
"""

import argparse
import asyncio
import random
import signal
import sys
import time
import traceback
from functools import partial
from typing import Any

from playwright.async_api import async_playwright

from benchmarks.endure.attacks import attacks
from benchmarks.endure.lab import Lab, Table, open_lab
from benchmarks.endure.runs import check
from benchmarks.endure.visitors import arrive, follow_latest, leave_one_training, new_page, session, tour, viewer
from benchmarks.measure import machine
from tests.browser import ARGUMENTS, CHROMIUM

#: Megabytes that the server may grow by in one life.
MOST_GROWTH = 100.0


async def endure(options: argparse.Namespace, lab: Lab, table: Table) -> set[str]:
    """Use and attack the lab; returns the ids of all runs that were listed."""
    chance, latest, seen = random.Random(options.seed), list[str](), set[str]()
    await lab.start()
    async with async_playwright() as playwright:
        # A page that was opened while the server was down would open again by itself, in the middle of the next visit.
        arguments = [*ARGUMENTS.split(), "--disable-auto-reload"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        pages = await asyncio.gather(*(arrive(lab, browser, chance, table) for _ in range(options.sessions)))
        guest = await new_page(browser)
        begun = partial(tour, lab, guest, chance, table)
        await begun()
        until = time.monotonic() + 60 * options.minutes
        works: list[Any] = [session(lab, page, random.Random(chance.random()), table, until) for page in pages]
        works += [viewer(lab, random.Random(chance.random()), table, latest, until) for _ in range(options.viewers)]
        works += [attacks(lab, random.Random(chance.random()), table, until, begun)]
        works += [follow_latest(lab, table, latest, seen, until), lab.watch(until)]
        await asyncio.gather(*works)
        # However short the time and whenever the attacks came, there is a run that the end interrupts.
        await leave_one_training(lab, guest, chance, table)
        await browser.close()
    lab.clock.turn(0)
    await lab.end(signal.SIGTERM)
    return seen


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--viewers", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, default=10, help="resumed runs that are trained again")
    options = parser.parse_args(arguments)
    print(machine(), flush=True)
    table = Table()
    with open_lab(options.workers) as lab:
        if not lab.disk.small:
            print("The disk is not filled: a tmpfs could not be mounted here.")
        if not lab.clock.environment:
            print("The clock is not turned: libfaketime is not installed here.")
        try:
            check(lab.home, table, asyncio.run(endure(options, lab, table)), options)
        except Exception as error:
            # The table still says what was tried before.
            traceback.print_exc()
            table["end of the test"] += 1
            table.fail("end of the test", f"{type(error).__name__}: {error}")
        log = lab.log.read_text(errors="replace")
    table["traceback in the server's log"] = 0
    for part in log.split("Traceback (most recent call last):")[1:]:
        table["traceback in the server's log"] += 1
        table.fail("traceback in the server's log", part[-600:])
    for first, last in lab.memory:
        table["life of the server"] += 1
        if last - first > MOST_GROWTH:
            table.fail("life of the server", f"its memory grew from {first:.0f} to {last:.0f} MB")
    table.show()
    if lab.memory:
        first, last = max(lab.memory, key=lambda pair: pair[1] - pair[0])
        print(f"memory of the server: {first:.0f} MB with all pages opened, {last:.0f} MB at the end, most growth")
    print(f"longest standstill: server {lab.standstill:.1f} s, this program {lab.own_standstill:.1f} s")
    print(lab.standing, end="")
    print(f"{table.failed.total()} failures")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
