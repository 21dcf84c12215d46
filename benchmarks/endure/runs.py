"""The runs that the attacks left: whole, and bit for bit as their settings give them."""

import argparse
import random
import time
from pathlib import Path

import torch

from benchmarks.endure.lab import Table
from core import devices
from core.models.checkpoints import load_parameters
from core.runs import states
from core.runs.service import Service
from core.runs.store import Run
from core.training.trainer import Trainer

#: Seconds for runs to go on to their end.
LONGEST_REST = 600.0


def check(home: Path, table: Table, seen: set[str], options: argparse.Namespace) -> None:
    """Let runs that were interrupted go on to their end, and check all runs.

    Args:
        seen: ids of runs that must be there.
        options: has ``workers``, ``sample`` and ``seed``.
    """
    service = Service(home, options.workers)
    try:
        _rest(service, options.sample)
        runs = service.runs(-1)
        for run_id in seen:
            table["run that was listed"] += 1
            if not any(run.id == run_id for run in runs):
                table.fail("run that was listed", f"run {run_id} is gone")
        for run in runs:
            if run.state == states.FAILED:
                table.fail("run that was listed", f"run #{run.number} failed: {run.message}")
        finished = [run for run in runs if run.state == states.FINISHED]
        for run in finished:
            table["finished run"] += 1
            steps = service.history(run.id).steps.tolist()
            if steps != list(range(run.config.span.steps)) or not service.parameters_file(run.id):
                table.fail("finished run", f"run #{run.number} lacks steps or its parameters")
        resumed = [run for run in finished if service.history(run.id).of("Resumed")]
        print(f"{len(runs)} runs, {len(finished)} finished, {len(resumed)} of them resumed", flush=True)
        for run in random.Random(options.seed).sample(resumed, min(options.sample, len(resumed))):
            table["resumed run trained again"] += 1
            if not run.exact:
                table.fail("resumed run trained again", f"run #{run.number} says that it is not exact: {run.message}")
            elif not _same(service, run):
                table.fail("resumed run trained again", f"run #{run.number} is not what its settings give")
    finally:
        service.close()


def _rest(service: Service, most: int) -> None:
    """Empty the queue, and let at most so many runs, those with most steps first, go on to their end."""
    service.command_all([run.id for run in service.runs(-1) if run.state == states.QUEUED], "pause")
    resumable = sorted((run for run in service.runs(-1) if run.resumable), key=lambda run: -run.step)
    service.command_all([run.id for run in resumable[:most]], "resume")
    deadline = time.monotonic() + LONGEST_REST
    while any(run.state in (states.QUEUED, states.RUNNING) for run in service.runs(-1)):
        if time.monotonic() > deadline:
            raise RuntimeError("the runs did not come to their end")
        time.sleep(0.2)


def _same(service: Service, run: Run) -> bool:
    """Train the run again, and compare all parameters."""
    devices.prepare_cpu(run.environment.get("threads", 1))
    trainer = Trainer(run.config)
    for _ in trainer.events():
        pass
    path = service.parameters_file(run.id)
    assert path
    network, _ = load_parameters(path)
    pairs = zip(network.parameters(), trainer.network.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)
