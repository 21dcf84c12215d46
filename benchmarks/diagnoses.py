"""Duration of a diagnosis of a run: ``python -m benchmarks.diagnoses [--repeats 5]``.

Every round replays the default run and diagnoses it at its start and after each of its five epochs, on one thread.
Seconds per point, without those of the replay; baseline: the replay alone, in the same round.
"""

import argparse
import time

from benchmarks.measure import interleaved, machine, median_and_range
from core import devices
from core.analysis.diagnostics import diagnose_run, diagnosed_steps
from core.training.config import RunConfig
from core.training.replay import replay

CONFIG = RunConfig(device="cpu")


def replayed(steps: list[int]) -> float:
    started = time.perf_counter()
    for _ in replay(CONFIG, steps):
        pass
    return time.perf_counter() - started


def diagnosed(steps: list[int]) -> float:
    started = time.perf_counter()
    assert len(list(diagnose_run(CONFIG, steps))) == len(steps)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    devices.prepare_cpu(1)
    steps = diagnosed_steps(CONFIG, CONFIG.span.steps)
    print(machine(), flush=True)
    seconds = interleaved({"replay": lambda: replayed(steps), "diagnoses": lambda: diagnosed(steps)}, repeats)
    points = [(d - r) / len(steps) for d, r in zip(seconds["diagnoses"], seconds["replay"], strict=True)]
    print(f"baseline, the run replayed: {median_and_range(seconds['replay'])} s, n = {repeats}")
    whole, each = median_and_range(seconds["diagnoses"]), median_and_range(points)
    print(f"diagnosed at {len(steps)} points: {whole} s, {each} s a point")


if __name__ == "__main__":
    main()
