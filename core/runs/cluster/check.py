"""The lab's view of a cluster, in plain words."""

import hashlib
import statistics
import time
from collections.abc import Iterator
from typing import Any

import ray

from core import devices
from core.hyperparameters import counted
from core.runs.cluster import connection, settings
from core.training.config import RunConfig
from core.training.network import to_flat
from core.training.trainer import Trainer

#: A run of 24 steps on 6,000 images.
TRIAL = RunConfig(epochs=1, batch_size=250, validation_split=0.9, device="cpu")
#: Questions whose median is a node's latency.
_QUESTIONS = 20


class Visitor:
    """A process on a node that tries it."""

    def answer(self) -> None:
        """Return at once."""

    def trial(self) -> dict[str, Any]:
        """Train the trial run; see ``trial``."""
        return trial()


def trial() -> dict[str, Any]:
    """Train the trial run on one thread of this machine.

    Returns:
        ``environment`` of the run, ``seconds``, ``digest`` of its last parameters, and ``version`` of the code.
    """
    devices.prepare_cpu(1)
    trainer = Trainer(TRIAL)
    begun = time.monotonic()
    for _ in trainer.events():
        pass
    seconds = time.monotonic() - begun
    digest = hashlib.sha256(to_flat(trainer.network).numpy().tobytes()).hexdigest()
    environment = devices.environment(trainer.device)
    return {"environment": environment, "seconds": seconds, "digest": digest, "version": settings.version()}


def report() -> Iterator[tuple[bool, str]]:
    """Try each node of the cluster that this process has joined.

    Yields:
        Whether all is well, and a sentence.
    """
    here, nodes = trial(), connection.nodes()
    workers = sum(connection.count(node, "GPU") or connection.count(node, "CPU") for node in nodes.values())
    yield workers > 0, f"{counted(len(nodes), 'node')}: the lab trains {counted(workers, 'run')} at a time."
    visitors = {
        # No CPU of its own, so that it finds a place beside the workers of a lab.
        node_id: ray.remote(num_cpus=0)(Visitor).options(scheduling_strategy=connection.on(node_id)).remote()
        for node_id in nodes
    }
    for node_id, visitor in visitors.items():
        node = nodes[node_id]
        parts = [counted(count, kind) for kind in ("CPU", "GPU") if (count := connection.count(node, kind))]
        heading = f"{connection.name(node)}, {' and '.join(parts) or 'no CPU for the lab'}"
        try:
            there = ray.get(visitor.trial.remote())
            latency = statistics.median(_latency(visitor) for _ in range(_QUESTIONS))
        except ray.exceptions.RayError as error:
            yield False, f"{heading}: a trial run failed: {connection.reason(error)}."
            continue
        if there["version"] != here["version"]:
            yield False, f"{heading}: has another version of the lab's code, so no run is given to it."
            continue
        figures = f"answers in {latency * 1e3:.1f} ms; a trial run took {there['seconds']:.2f} s"
        yield True, f"{heading}: {figures}{compare(there, here)}."


def compare(there: dict[str, Any], here: dict[str, Any]) -> str:
    """Return, as the end of a sentence, how a trial run on a node compares with the same on this machine."""
    if there["digest"] == here["digest"]:
        return " and ended bit for bit as on this machine"
    other = [
        f"{name} is {value} there and {here['environment'][name]} here"
        for name, value in there["environment"].items()
        if value != here["environment"][name]
    ]
    reasons = f": {', '.join(other)}" if other else ""
    return f" and ended with other bits than on this machine, so runs that move go on, but not bit for bit{reasons}"


def _latency(visitor: Any) -> float:
    begun = time.monotonic()
    ray.get(visitor.answer.remote())
    return time.monotonic() - begun
