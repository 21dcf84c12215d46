"""Best learning rate of each optimizer on this network: ``python -m benchmarks.learning_rates``.

For each optimizer, its recommended config at five rates a factor of about three apart, centred on the rate that
stands in ``core/optimizers/table.py``; compared by mean validation accuracy over the seeds. Full-batch
optimizers get more epochs, since an epoch is one step for them.
"""

import argparse
import statistics
import time

import torch

from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from core.training.events import EpochDone
from core.training.trainer import train

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
EPOCHS = {"rprop": 20, "lbfgs": 4}


def accuracy(optimizer: str, lr: float, epochs: int, seed: int) -> float:
    """Return the validation accuracy after the last epoch, 0 for a run that diverged before its first epoch's end."""
    config = RunConfig.recommended(optimizer, lr=lr, epochs=epochs, seed=seed, device="cpu")
    return [0.0, *(e.validation_accuracy or 0.0 for e in train(config) if isinstance(e, EpochDone))][-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--optimizers", default=",".join(OPTIMIZERS), help="some of them, separated by commas")
    parser.add_argument("--epochs", type=int, default=2, help="of the mini-batch optimizers; default 2")
    parser.add_argument("--seeds", type=int, default=2, help="seeds 0 to N - 1; default 2")
    options = parser.parse_args()
    torch.set_num_threads(1)  # Accuracy is compared, not speed, and one thread is slowed least by other work.
    print("Validation accuracy in %, mean over the seeds (range), by learning rate; * is the best.\n")
    print("| optimizer | epochs | " + " | ".join(f"rate x {factor:g}" for factor in FACTORS) + " | seconds |")
    print("|---|---|" + "---|" * len(FACTORS) + "---|")
    for name in options.optimizers.split(","):
        epochs, started = EPOCHS.get(name, options.epochs), time.perf_counter()
        rates = [float(f"{OPTIMIZERS[name].lr * factor:.2g}") for factor in FACTORS]
        scores = [[100 * accuracy(name, lr, epochs, seed) for seed in range(options.seeds)] for lr in rates]
        best = max(map(statistics.mean, scores))
        cells = [
            f"{lr:g}: {statistics.mean(s):.2f} ({max(s) - min(s):.2f})" + " *" * (statistics.mean(s) == best)
            for lr, s in zip(rates, scores, strict=True)
        ]
        print(f"| {name} | {epochs} | {' | '.join(cells)} | {time.perf_counter() - started:.0f} |", flush=True)


if __name__ == "__main__":
    main()
