"""Cost of a Ray cluster against the lab's own worker processes: ``python -m benchmarks.cluster [--repeats 11]``.

Two services with one warm worker of one thread each, both on this machine: one with its own process, one with the
cluster that ``DESCENT_CLUSTER=auto`` starts. In interleaved rounds each has

- the time from ``submit`` to the first points of the run, in the service;
- the time from ``submit`` to the answer of a worker to a run that it refuses: a message there and one back, so an upper
  bound of an event's way;
- the time from the first step to the end of a run.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio
from core.runs.service import Service
from core.training.config import RunConfig

RUN = RunConfig(epochs=5, device="cpu")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=11)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        labs = {"processes": Watched(Path(folder) / "a", ""), "cluster": Watched(Path(folder) / "b", "auto")}
        first_points = {name: _first_points(lab) for name, lab in labs.items()}
        _print("submit to first points, ms", interleaved(first_points, options.repeats))
        refused = {name: _answer(lab) for name, lab in labs.items()}
        _print("submit to a worker's refusal, ms", interleaved(refused, 5 * options.repeats))
        training = {name: _training(lab) for name, lab in labs.items()}
        _print("training of 5 epochs, ms", interleaved(training, options.repeats))
        for lab in labs.values():
            lab.service.close()


def _first_points(lab: Watched) -> Callable[[], float]:
    return lambda: lab.train(RUN)["StepsDone"] * 1e3


def _answer(lab: Watched) -> Callable[[], float]:
    return lambda: lab.train(REFUSED)["over"] * 1e3


def _training(lab: Watched) -> Callable[[], float]:
    def seconds() -> float:
        times = lab.train(RUN)
        return (times["over"] - times["RunStarted"]) * 1e3

    return seconds


def _print(what: str, figures: dict[str, list[float]]) -> None:
    ratio = paired_ratio(figures["cluster"], figures["processes"])
    print(f"{what}, n = {len(figures['cluster'])}; the cluster's are {ratio} of the processes'")
    for name, values in figures.items():
        print(f"  {name:10} {median_and_range(values, 1)}, 95 % within {np.percentile(values, 95):.1f}")


if __name__ == "__main__":
    main()
