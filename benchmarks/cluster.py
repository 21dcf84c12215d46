"""Cost and gain of a Ray cluster: ``python -m benchmarks.cluster [--part way pool join losses nodes kills]``.

All on this machine, whose nodes are processes, with one thread for each worker. Each part can be run alone:

- ``pool``: two services with one warm worker each, its own process and the cluster that ``DESCENT_CLUSTER=auto``
  starts, in interleaved rounds (``--repeats``): the time from ``submit`` to the first points of the run; from
  ``submit`` to the answer of a worker to a run that it refuses, a message there and one back; and from the first step
  to the end of a run.
- ``way``: an event's way from the worker, which notes the time on the machine's one clock when it sends it, to the
  service, over all events of ``--repeats`` runs.
- ``join``: from the start of a node until its worker is ready (``--repeats``).
- ``losses``: from the loss until the run is back in the queue: a killed worker, node, driver and head, and a node that
  is cut off (``--repeats``).
- ``nodes``: ``--runs`` short runs on two nodes, against one, each held to a core of its own.
- ``kills``: a group of ``--runs`` short runs on two nodes, of which ``--kills`` workers and nodes are killed, drawn by
  a seed at random moments; nodes are replaced. Every run must finish with the very parameters of the same settings
  trained in this process, and have each step once in its history.
"""

import argparse
import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cluster_losses
from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio
from core.paths import ROOT
from core.runs.service import Service
from core.training.config import RunConfig

RUN = RunConfig(epochs=5, device="cpu")
#: A run whose end, a few messages and files, counts for little.
LONGER = RunConfig(epochs=30, device="cpu")
#: A device that no machine here has.
REFUSED = RunConfig(device="cuda:63")


class Watched:
    """A service whose events are timed as they arrive."""

    def __init__(self, home: Path, cluster: str) -> None:
        os.environ["DESCENT_CLUSTER"] = cluster
        self.service = Service(home, workers=1, threads=1)
        os.environ.pop("DESCENT_CLUSTER")
        self._times: dict[str, float] = {}
        self._over = threading.Event()
        self.service.listen(self._note)
        self.train(RunConfig(epochs=1, device="cpu"))

    def train(self, config: RunConfig) -> dict[str, float]:
        """Train a run; the seconds from its submission to the first event of each kind, and ``over``."""
        self._times.clear()
        self._over.clear()
        begun = time.perf_counter()
        self.service.submit(config)
        self._over.wait()
        return {kind: moment - begun for kind, moment in self._times.items()}

    def _note(self, _: str, event: dict[str, Any]) -> None:
        kind = event["event"]
        self._times.setdefault(kind, time.perf_counter())
        if kind == "State" and event["state"] in ("finished", "failed"):
            self._times["over"] = time.perf_counter()
            self._over.set()


@contextlib.contextmanager
def both() -> Iterator[dict[str, Watched]]:
    """Open a lab with its own process and one with the cluster of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        labs = {"processes": Watched(Path(folder) / "a", ""), "cluster": Watched(Path(folder) / "b", "auto")}
        try:
            yield labs
        finally:
            for lab in labs.values():
                lab.service.close()


def pool(options: argparse.Namespace) -> None:
    with both() as labs:
        first_points = {name: _first_points(lab) for name, lab in labs.items()}
        _print("submit to first points, ms", interleaved(first_points, options.repeats))
        refused = {name: _answer(lab) for name, lab in labs.items()}
        _print("submit to a worker's refusal, ms", interleaved(refused, 5 * options.repeats))
        for config in (RUN, LONGER):
            training = {name: _training(lab, config) for name, lab in labs.items()}
            _print(f"training of {config.epochs} epochs, ms", interleaved(training, options.repeats))


def way(options: argparse.Namespace) -> None:
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{ROOT / 'benchmarks' / 'stamping'}{os.pathsep}{ROOT}"
    found: dict[str, list[float]] = {"processes": [], "cluster": []}
    with both() as labs:
        for name, lab in labs.items():
            lab.service.listen(partial(_add_way, found[name]))
        interleaved({name: _training(lab) for name, lab in labs.items()}, options.repeats)
    os.environ.pop("PYTHONPATH")
    if before is not None:
        os.environ["PYTHONPATH"] = before
    for name, seconds in found.items():
        p50, p95, p99 = np.percentile(seconds, [50, 95, 99]) * 1e3
        print(f"an event's way, {name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, n = {len(seconds)}")


def _add_way(found: list[float], _: str, event: dict[str, Any]) -> None:
    if "sent" in event:
        found.append(time.monotonic() - event["sent"])


def _first_points(lab: Watched) -> Callable[[], float]:
    return lambda: lab.train(RUN)["StepsDone"] * 1e3


def _answer(lab: Watched) -> Callable[[], float]:
    return lambda: lab.train(REFUSED)["over"] * 1e3


def _training(lab: Watched, config: RunConfig = RUN) -> Callable[[], float]:
    def seconds() -> float:
        times = lab.train(config)
        return (times["over"] - times["RunStarted"]) * 1e3

    return seconds


def _print(what: str, figures: dict[str, list[float]]) -> None:
    ratio = paired_ratio(figures["cluster"], figures["processes"])
    print(f"{what}, n = {len(figures['cluster'])}; the cluster's are {ratio} of the processes'")
    for name, values in figures.items():
        print(f"  {name:10} {median_and_range(values, 1)}, 95% within {np.percentile(values, 95):.1f}")


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "pool": pool,
    "way": way,
    "join": cluster_losses.join,
    "losses": cluster_losses.losses,
    "nodes": cluster_losses.two_nodes,
    "kills": cluster_losses.kills,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the draws of what is killed, and when")
    options = parser.parse_args()
    print(machine())
    for name in options.part:
        print(f"{name}, load average {os.getloadavg()[0]:.1f} before:", flush=True)
        PARTS[name](options)


if __name__ == "__main__":
    main()
