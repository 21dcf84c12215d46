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
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from playwright.async_api import async_playwright

from benchmarks.endure.attacks import attacks
from benchmarks.endure.lab import Lab, Table, disk
from benchmarks.endure.visitors import follow_latest, session, viewer
from benchmarks.measure import machine
from core import devices
from core.models.checkpoints import load_parameters
from core.runs.history import History
from core.runs.service import Service
from core.runs.store import Run
from core.training.trainer import Trainer


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
