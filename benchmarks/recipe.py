"""Best recipe without augmentation, chosen by hand, and its search: ``python -m benchmarks.recipe [--search]``.

``--search`` trains candidates around it on 48,000 images and compares them by validation accuracy alone. Without it,
the chosen recipe is trained on all 60,000 images, once per seed, and its test accuracy printed: mean, standard
deviation and each seed's.
"""

import argparse
import statistics
import time
from typing import Any

from benchmarks.measure import machine
from core import devices
from core.training.config import RunConfig
from core.training.events import EpochDone, RunFinished
from core.training.trainer import train

COMMON: dict[str, Any] = {
    "optimizer": "adamw",
    "schedule": "one_cycle",
    "batch_size": 128,
    "label_smoothing": 0.05,
    "device": "cpu",
}
CHOSEN: dict[str, Any] = {**COMMON, "lr": 0.008, "weight_decay": 0.2, "epochs": 40}
CANDIDATES: list[dict[str, Any]] = [
    *(
        {**COMMON, "lr": lr, "weight_decay": decay, "epochs": epochs}
        for epochs in (20, 40)
        for lr in (0.004, 0.008, 0.016)
        for decay in (0.05, 0.1, 0.2, 0.3)
    ),
    *({**CHOSEN, "label_smoothing": share} for share in (0.0, 0.02, 0.1)),
    *({**CHOSEN, "batch_size": size, "epochs": 20} for size in (64, 256)),
    {**CHOSEN, "epochs": 80},
    {**CHOSEN, "optimizer": "muon", "schedule": "linear", "lr": 0.05, "batch_size": 512, "epochs": 20},
    {**CHOSEN, "optimizer": "momentum", "lr": 0.1, "batch_size": 64, "weight_decay": 5e-4, "epochs": 20},
    {**CHOSEN, "optimizer": "nesterov", "lr": 0.2, "weight_decay": 3e-4, "epochs": 20},
]


def search() -> None:
    print("| validation accuracy | what differs from the chosen one |\n|---|---|")
    for candidate in CANDIDATES:
        ends = [event for event in train(RunConfig(**candidate)) if isinstance(event, EpochDone)]
        differs = ", ".join(f"{name} {value}" for name, value in candidate.items() if value != CHOSEN[name])
        print(f"| {100 * (ends[-1].validation_accuracy or 0.0):.2f} | {differs or 'the chosen one'} |", flush=True)


def final(seeds: int) -> None:
    accuracies = []
    for seed in range(seeds):
        started = time.perf_counter()
        *_, last = train(RunConfig(**CHOSEN, validation_split=0.0, seed=seed))
        assert isinstance(last, RunFinished)
        accuracies.append(100 * last.test_accuracy)
        print(f"seed {seed}: {accuracies[-1]:.2f}% test, {time.perf_counter() - started:.0f} s", flush=True)
    spread = statistics.stdev(accuracies) if seeds > 1 else 0.0
    print(f"mean {statistics.mean(accuracies):.2f}%, sd {spread:.2f}, n = {seeds}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--search", action="store_true", help="judge every candidate by validation instead")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to N - 1; default 5")
    options = parser.parse_args()
    devices.prepare_cpu(1)
    print(machine())
    if options.search:
        search()
    else:
        final(options.seeds)


if __name__ == "__main__":
    main()
