"""Cost of threads that spin while they wait: ``python -m benchmarks.threads [--threads 2] [--repeats 5]``.

The default run in processes of their own that take turns, with OpenMP's threads as torch has them (the baseline: they
spin) and as the lab sets them (they sleep), on an idle machine and beside as many busy processes as it has cores.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio

# torch first: it reads the policy when it is loaded, which is before the lab sets its own.
TRAIN = """
import sys, time, torch
from core import RunConfig, Trainer
torch.set_num_threads(int(sys.argv[1]))
list(Trainer(RunConfig(epochs=1)).events())
wall, processor = time.perf_counter(), time.process_time()
list(Trainer(RunConfig()).events())
print(time.perf_counter() - wall if sys.argv[2] == "wall" else time.process_time() - processor)
"""


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many processes busy."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def run(threads: int, policy: str | None, clock: str) -> float:
    environment = {**os.environ, **({"OMP_WAIT_POLICY": policy} if policy else {})}
    command = [sys.executable, "-c", TRAIN, str(threads), clock]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(machine())
    print(f"Seconds of the default run, {options.threads} threads, n = {options.repeats}:")
    for place, others in (("idle", 0), ("busy", os.cpu_count() or 1)):
        for clock in ("wall", "processor"):
            variants = {
                "spinning": lambda clock=clock: run(options.threads, None, clock),
                "sleeping": lambda clock=clock: run(options.threads, "PASSIVE", clock),
            }
            with busy(others):
                figures = interleaved(variants, options.repeats)
            for name, values in figures.items():
                print(f"  {place}, {clock} time, {name}: {median_and_range(values)}")
            print(f"  {place}, {clock} time, spinning / sleeping: {paired_ratio(*figures.values())}")


if __name__ == "__main__":
    main()
