"""Parts of ``benchmarks.cluster`` with nodes that join, die and are cut off, all processes of this machine."""

import argparse
import contextlib
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks.measure import median_and_range
from core import devices
from core.models.checkpoints import load_parameters
from core.runs import scheduler, states
from core.runs.service import Service
from core.training.config import RunConfig
from core.training.network import to_flat
from core.training.trainer import Trainer
from tests.core.runs.cluster.nodes import Nodes, family, is_actor
from tests.waiting import wait_for

LONG = RunConfig(epochs=1000, device="cpu")
#: Shortest and longest time in which all workers train before one of them is killed.
PAUSES = (0.2, 2.0)
#: Losses of one run, which would wait for a person to resume it after ``scheduler.RETRIES``.
UNLIMITED = 1_000
#: Of each run among the kills: some seconds.
EPOCHS = 30
#: Share of kills that are of a node.
NODES = 0.3


class Lab:
    """A service on a cluster with so many nodes of one CPU.

    Args:
        count: of nodes.
        cores: holds each node to a core of its own.
    """

    def __init__(self, home: Path, count: int, cores: bool = False) -> None:
        self.nodes = Nodes()
        self.raylets = [self.nodes.add() for _ in range(count)]
        if cores:
            for core, raylet in enumerate(self.raylets):
                for process in family(raylet):
                    os.sched_setaffinity(process, {core})
        given = {**self.nodes.environment, "DESCENT_CLUSTER": self.nodes.address}
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        self.service = Service(home, threads=1)
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        self.wait_ready(count)

    def ready(self) -> int:
        """Return the number of workers that take runs."""
        return sum(worker.ready for worker in list(self.service._scheduler._pool._workers))

    def wait_ready(self, count: int) -> None:
        wait_for(lambda: self.ready() == count)

    def close(self) -> None:
        self.service.close()
        self.nodes.close()


@contextlib.contextmanager
def a_lab(count: int, cores: bool = False) -> Iterator[Lab]:
    """Open a lab, and close it."""
    with tempfile.TemporaryDirectory() as home:
        lab = Lab(Path(home), count, cores)
        try:
            yield lab
        finally:
            lab.close()


def join(options: argparse.Namespace) -> None:
    """Time a node's way from its start, and from its place in the cluster's list, to a worker that takes runs."""
    whole, listed = [], []
    with a_lab(1) as lab:
        for _ in range(options.repeats):
            begun = time.monotonic()
            raylet = lab.nodes.add()
            joined = time.monotonic()
            lab.wait_ready(2)
            whole.append(time.monotonic() - begun)
            listed.append(time.monotonic() - joined)
            os.kill(raylet, signal.SIGKILL)
            wait_for(lambda: lab.service.workers == 1)
    print(f"a node that joins has a ready worker after {median_and_range(whole, 1)} s, n = {len(whole)}")
    print(f"  of it {median_and_range(listed, 1)} s since the cluster lists the node")


def losses(options: argparse.Namespace) -> None:
    """Time what a run that loses its worker waits until it is in the queue."""
    scheduler.RETRIES = UNLIMITED
    with a_lab(1) as lab:
        run_id = lab.service.submit(LONG)
        queued: list[float] = []
        lab.service.listen(lambda _, event: queued.append(time.monotonic()) if event.get("state") == "queued" else None)

        def training() -> None:
            before = len(lab.service.events(run_id, ("Checkpointed",)))
            wait_for(lambda: len(lab.service.events(run_id, ("Checkpointed",))) > before)

        def node_is_killed() -> None:
            os.kill(lab.raylets[-1], signal.SIGKILL)

        def new_node() -> None:
            lab.raylets.append(lab.nodes.add())

        def new_head() -> None:
            lab.nodes.start_head()
            new_node()

        def nothing() -> None:
            pass

        kinds: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "worker is killed": (lambda: os.kill(lab.nodes.actors()[0], signal.SIGKILL), nothing),
            "node is killed": (node_is_killed, new_node),
            "node is cut off": (
                lambda: lab.nodes.freeze(lab.raylets[-1]),
                lambda: lab.nodes.thaw(lab.raylets[-1]),
            ),
            "driver is killed": (lambda: lab.service._scheduler._pool._driver.kill(), nothing),  # type: ignore[attr-defined]
            "head is killed": (lab.nodes.kill_head, new_head),
        }
        for kind, (lose, mend) in kinds.items():
            seconds = []
            for _ in range(options.repeats):
                training()
                queued.clear()
                begun = time.monotonic()
                lose()
                wait_for(lambda: queued)
                seconds.append(queued[0] - begun)
                mend()
            print(f"{kind}: in the queue after {median_and_range(seconds, 2)} s, n = {len(seconds)}", flush=True)
        steps = lab.service.history(run_id).steps.tolist()
        print(f"  each of its {len(steps)} steps recorded once: {steps == list(range(len(steps)))}")


def two_nodes(options: argparse.Namespace) -> None:
    """Compare the runs per hour of two nodes with those of one, each held to its own core."""
    configs = [RunConfig(epochs=3, device="cpu", seed=seed) for seed in range(options.runs)]
    hourly = {}
    for count in (1, 2):
        with a_lab(count, cores=True) as lab:
            begun = time.monotonic()
            run_ids = lab.service.submit_group(configs)
            wait_finished(lab.service, run_ids)
            hourly[count] = len(run_ids) / (time.monotonic() - begun) * 3600
    print(f"runs an hour: {hourly[1]:.0f} on one node, {hourly[2]:.0f} on two, {hourly[2] / hourly[1]:.2f} times")


def wait_finished(service: Service, run_ids: list[str]) -> None:
    """Wait until all runs are finished.

    Raises:
        AssertionError: if one ends otherwise.
    """
    while True:
        runs = [service.existing(run_id) for run_id in run_ids]
        others = {run.state for run in runs} - {states.QUEUED, states.RUNNING, states.FINISHED}
        assert not others, others
        if all(run.state == states.FINISHED for run in runs):
            return
        time.sleep(0.1)


def kills(options: argparse.Namespace) -> None:
    """Kill workers and nodes while runs train, and compare each run with the same settings trained here."""
    devices.prepare_cpu(1)
    scheduler.RETRIES = UNLIMITED
    configs = [RunConfig(epochs=EPOCHS, device="cpu", seed=seed) for seed in range(options.runs)]
    with a_lab(2) as lab:
        begun = time.monotonic()
        run_ids = lab.service.submit_group(configs)
        over = threading.Event()
        killed = {"worker": 0, "node": 0}
        killer = threading.Thread(target=_kill, args=(lab, options, over, killed))
        killer.start()
        wait_finished(lab.service, run_ids)
        seconds = time.monotonic() - begun
        over.set()
        killer.join()
        resumed = [len(lab.service.events(run_id, ("Resumed",))) for run_id in run_ids]
        wrong = [run_id for run_id, config in zip(run_ids, configs, strict=True) if not _is_whole(lab, run_id, config)]
    print(f"{len(run_ids)} runs finished in {seconds:.0f} s, in spite of kills: {killed}, seed {options.seed}")
    print(f"  {sum(map(bool, resumed))} of them went on from a checkpoint, one up to {max(resumed)} times")
    print(f"  not bit for bit as trained here, each step once: {wrong or 'none'}", flush=True)
    if wrong or sum(killed.values()) < options.kills:
        raise SystemExit("A run was not as trained here, or all were over before the last kill.")


def _kill(lab: Lab, options: argparse.Namespace, over: threading.Event, killed: dict[str, int]) -> None:
    """Kill what is drawn, at drawn moments, until so many are killed or all runs are over."""
    draw = random.Random(options.seed)
    while sum(killed.values()) < options.kills and not over.is_set():
        place, node, pause = draw.randrange(len(lab.raylets)), draw.random() < NODES, draw.uniform(*PAUSES)
        # A worker that still starts has no run to lose.
        wait_for(lambda: over.is_set() or lab.ready() == len(lab.raylets))
        if over.wait(pause):
            return
        if node:
            os.kill(lab.raylets[place], signal.SIGKILL)
            lab.raylets[place] = lab.nodes.add()
        else:
            os.kill(next(process for process in family(lab.raylets[place]) if is_actor(process)), signal.SIGKILL)
        killed["node" if node else "worker"] += 1
        # Until its loss is noticed, it still counts as ready.
        wait_for(lambda: over.is_set() or lab.ready() < len(lab.raylets))


def _is_whole(lab: Lab, run_id: str, config: RunConfig) -> bool:
    """Return True if the run has the losses and the parameters of the same settings trained here, each step once."""
    trainer = Trainer(config)
    there = [loss for event in trainer.events() for loss in getattr(event, "losses", ())]
    history = lab.service.history(run_id)
    file = lab.service.parameters_file(run_id)
    assert file is not None
    same = torch.equal(to_flat(load_parameters(file)[0]), to_flat(trainer.network))
    return same and history.steps.tolist() == list(range(len(there))) and history.losses.tolist() == there
