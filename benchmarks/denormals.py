"""Cost of denormal numbers: ``python -m benchmarks.denormals [--epochs 6] [--threads 1] [--repeats 3]``.

Adam at its defaults, with denormals computed (the baseline) and flushed to zero, in processes of their own that take
turns, since the mode belongs to a thread.
"""

import argparse
import subprocess
import sys

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio

TRAIN = """
import sys, torch
from core.training.config import RunConfig
from core.training.events import EpochDone
from core.training import Trainer
flush, epochs, threads = (int(word) for word in sys.argv[1:])
torch.set_num_threads(threads)
torch.set_flush_denormal(bool(flush))
*_, last, _ = Trainer(RunConfig(epochs=epochs)).events()
print(last.seconds)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()

    def last_epoch(flush: int) -> float:
        command = [sys.executable, "-c", TRAIN, str(flush), str(options.epochs), str(options.threads)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    figures = interleaved({"computed": lambda: last_epoch(0), "flushed": lambda: last_epoch(1)}, options.repeats)
    print(machine())
    print(f"Seconds of epoch {options.epochs}, {options.threads} thread(s), n = {options.repeats}: ")
    for name, values in figures.items():
        print(f"  denormals {name}: {median_and_range(values)}")
    print(f"  computed / flushed: {paired_ratio(figures['computed'], figures['flushed'])}")


if __name__ == "__main__":
    main()
