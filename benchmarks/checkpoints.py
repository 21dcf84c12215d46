"""Cost of the checkpoints of a run: ``python -m benchmarks.checkpoints [--epochs 5] [--repeats 7]``.

The default run with the checkpoints that a worker writes (at the ends of its epochs, at least every five seconds),
and without (the baseline), taking turns in one process of one thread. CPU time of the training and wall time are both
printed, since another thread does the writing.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio
from core import devices
from core.models.checkpoints import Checkpoint
from core.runs import run_files, worker
from core.training.config import RunConfig
from core.training.events import EpochDone
from core.training.trainer import Trainer


def train(config: RunConfig, folder: Path | None) -> float:
    """Wall seconds of a run; with checkpoints in ``folder``, at the times that core.runs.worker chooses."""
    trainer = Trainer(config)
    writer = run_files.Writer(folder, lambda step: None, print) if folder else None
    started = saved_at = time.perf_counter()
    for event in trainer.events():
        rest = worker.CHECKPOINT_REST_SECONDS if isinstance(event, EpochDone) else worker.CHECKPOINT_SECONDS
        if writer and not writer.busy and time.perf_counter() - saved_at >= rest:
            saved_at = time.perf_counter()
            writer.put(Checkpoint(config, trainer.state()))
    seconds = time.perf_counter() - started
    if writer:
        writer.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    devices.prepare_cpu(1)
    config = RunConfig(epochs=options.epochs)
    with tempfile.TemporaryDirectory() as folder:
        figures = interleaved(
            {"without": lambda: train(config, None), "with": lambda: train(config, Path(folder))}, options.repeats
        )
    print(machine())
    print(f"Seconds of {options.epochs} epochs, n = {options.repeats}:")
    for name, values in figures.items():
        print(f"  {name} checkpoints: {median_and_range(values)}")
    print(f"  with / without: {paired_ratio(figures['with'], figures['without'])}")


if __name__ == "__main__":
    main()
