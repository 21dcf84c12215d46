"""Speed of the training loop: ``python -m benchmarks.training [--repeats 5] [--quick]``.

Baselines, measured in the same run: a textbook PyTorch loop (DataLoader, autograd, Adam) and the lower bound,
only the two large matrix products of a step and the fused Adam step. All see the 60,000 training images
(no validation split), batch by batch; figures are microseconds per image.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio
from core import data, devices
from core.optimizers import OPTIMIZERS
from core.training import trainer as training
from core.training.commands import Stop
from core.training.config import RunConfig
from core.training.events import StepsDone
from core.training.trainer import Trainer

#: Enough steps at each batch size to be timed, few enough to finish.
IMAGES = {1: 3_000, 16: 30_000, 64: 60_000, 256: 60_000, 1024: 60_000, 60_000: 60_000}


def textbook(batch_size: int) -> Callable[[], float]:
    """Loop of most tutorials, on floats in memory."""
    digits = data.load().train
    dataset = TensorDataset(digits.images.float() / 255, digits.labels)

    def run() -> float:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
        images, started = 0, time.perf_counter()
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            images += len(y)
            if images >= IMAGES[batch_size]:
                break
        return (time.perf_counter() - started) / images * 1e6

    return run


def ours(batch_size: int, optimizer: str = "adam", write: Callable[[str], Any] | None = None) -> Callable[[], float]:
    """Loop of the lab; ``write`` gets every event as a worker's line."""
    config = RunConfig.recommended(optimizer, batch_size=batch_size, epochs=1, validation_split=0.0)

    def run() -> float:
        events = Trainer(config).events()
        event = next(events)
        images, started = 0, time.perf_counter()
        while images < min(IMAGES[batch_size], config.train_images):
            event = events.send(None)
            if write:
                write(event.to_json())
            if isinstance(event, StepsDone):
                images = min((event.first_step + len(event.losses)) * batch_size, config.train_images)
        seconds = time.perf_counter() - started
        events.send(Stop())
        return seconds / images * 1e6

    return run


def ours_in_one_block(batch_size: int) -> Callable[[], float]:
    """Loop of the lab without viewers: an epoch is one block, one event, and nothing is written."""
    run = ours(batch_size)

    def unwatched() -> float:
        seconds, images = training.BLOCK_SECONDS, training.BLOCK_IMAGES
        training.BLOCK_SECONDS, training.BLOCK_IMAGES = float("inf"), data.TRAIN_IMAGES
        try:
            return run()
        finally:
            training.BLOCK_SECONDS, training.BLOCK_IMAGES = seconds, images

    return unwatched


def floor(batch_size: int) -> Callable[[], float]:
    """X W' and D' X at the real sizes, then the fused Adam step on all four parameters."""

    def run() -> float:
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter) * 0.01
        weight = model[0].weight
        images, hidden, error = torch.rand(batch_size, 784), torch.empty(batch_size, 128), torch.rand(batch_size, 128)
        steps = max(1, IMAGES[batch_size] // batch_size)
        started = time.perf_counter()
        with torch.no_grad():
            for _ in range(steps):
                torch.mm(images, weight.t(), out=hidden)
                torch.mm(error.t(), images, out=weight.grad)
                optimizer.step()
        return (time.perf_counter() - started) / (steps * batch_size) * 1e6

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="batch 64 only")
    options = parser.parse_args()
    devices.prepare_cpu(options.threads)
    print(machine())
    print(
        f"Microseconds an image: median (range) of {options.repeats} interleaved repeats; ratios are paired medians.\n"
    )

    pipe = open(os.devnull, "w")  # noqa: SIM115
    figures = interleaved(
        {
            "textbook": textbook(64),
            "lab, events written": ours(64, write=pipe.write),
            "lab, one block an epoch": ours_in_one_block(64),
            "floor": floor(64),
        },
        options.repeats,
    )
    lab = figures["lab, events written"]
    print("| batch 64, Adam | us per image | times the lab |\n|---|---|---|")
    for name, values in figures.items():
        print(f"| {name} | {median_and_range(values)} | {paired_ratio(values, lab)} |")
    print(f"\nlab / floor: {paired_ratio(lab, figures['floor'])}, ", end="")
    print(f"cost of streaming: {paired_ratio(lab, figures['lab, one block an epoch'])}\n")
    if options.quick:
        return

    print("| batch size | textbook | lab | floor | textbook / lab | lab / floor |\n|---|---|---|---|---|---|")
    for size in IMAGES:
        f = interleaved({"textbook": textbook(size), "lab": ours(size), "floor": floor(size)}, options.repeats)
        cells = " | ".join(median_and_range(f[name]) for name in f)
        ratios = f"{paired_ratio(f['textbook'], f['lab'])} | {paired_ratio(f['lab'], f['floor'])}"
        print(f"| {'full' if size == data.TRAIN_IMAGES else size} | {cells} | {ratios} |", flush=True)

    print("\n| optimizer, batch 64 | us per image | images per second |\n|---|---|---|")
    names = [name for name, spec in OPTIMIZERS.items() if not spec.full_batch_only]
    by_optimizer = interleaved({name: ours(64, name) for name in names}, options.repeats)
    for name, values in by_optimizer.items():
        print(
            f"| {OPTIMIZERS[name].label} | {median_and_range(values)} | {1e6 / sorted(values)[len(values) // 2]:,.0f} |"
        )


if __name__ == "__main__":
    main()
