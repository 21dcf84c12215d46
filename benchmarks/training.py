"""Speed of the training loop: ``python -m benchmarks.training [--repeats 5] [--threads N] [--quick] [--processor]``.

Baselines, measured in the same run: a textbook PyTorch loop (DataLoader, autograd, Adam) and, where JAX can be
imported, a whole epoch as one compiled scan. All see the 60,000 training images (no validation split), batch by batch;
figures are microseconds per image. The process keeps to as many cores as it has threads: each loop has the same.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
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

LR = 1e-3
#: Seconds; those of the processor with ``--processor``, for a machine that others use too.
clock = time.perf_counter
#: Enough steps at each batch size to be timed, few enough to finish.
IMAGES = {1: 3_000, 16: 30_000, 64: 60_000, 256: 60_000, 1024: 60_000, 60_000: 60_000}


def textbook(batch_size: int, device: str = "cpu") -> Callable[[], float]:
    """Loop of most tutorials, on floats in memory."""
    digits = data.load().train
    dataset = TensorDataset(digits.images.float() / 255, digits.labels)

    def run() -> float:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)).to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=LR)
        loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)
        images, started = 0, clock()
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x.to(device)), y.to(device))
            loss.backward()
            optimizer.step()
            images += len(y)
            if images >= IMAGES[batch_size]:
                break
        # Waits for a device that is still at work.
        loss.item()
        return (clock() - started) / images * 1e6

    return run


def jax_scan(batch_size: int) -> Callable[[], float] | None:
    """One compiled scan over the batches of an epoch, gradient and Adam in it; None where JAX cannot be imported."""
    try:
        import jax
        from jax import numpy as jnp
    except ImportError:
        return None
    digits = data.load().train
    images, labels = jnp.asarray(digits.images.numpy()), jnp.asarray(digits.labels.numpy())
    steps = max(1, IMAGES[batch_size] // batch_size)

    def loss(p: Any, x: Any, y: Any) -> Any:
        z = jax.nn.relu(x @ p[0] + p[1]) @ p[2] + p[3]
        return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean()

    def step(state: Any, rows: Any) -> Any:
        p, m, v, t = state
        x = images[rows].astype(jnp.float32) / 255
        value, g = jax.value_and_grad(loss)(p, x, labels[rows])
        t = t + 1
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g, strict=True)]
        p = [
            w - LR * (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8) for w, a, b in zip(p, m, v, strict=True)
        ]
        return (p, m, v, t), value

    epoch = jax.jit(lambda state, order: jax.lax.scan(step, state, order), donate_argnums=0)

    def run() -> float:
        rng = np.random.default_rng(0)
        shapes = ((784, 128), (128,), (128, 10), (10,))
        p = [jnp.asarray(rng.uniform(-0.05, 0.05, shape), jnp.float32) for shape in shapes]
        state = p, [jnp.zeros_like(w) for w in p], [jnp.zeros_like(w) for w in p], jnp.float32(0)
        order = jnp.asarray(rng.permutation(len(labels))[: steps * batch_size].reshape(steps, batch_size))
        jax.block_until_ready((state, order))
        started = clock()
        jax.block_until_ready(epoch(state, order))
        return (clock() - started) / (steps * batch_size) * 1e6

    return run


def ours(
    batch_size: int, optimizer: str = "adam", write: Callable[[str], Any] | None = None, device: str = "cpu"
) -> Callable[[], float]:
    """Loop of the lab; ``write`` gets every event as a worker's line."""
    config = RunConfig.recommended(optimizer, batch_size=batch_size, epochs=1, validation_split=0.0, device=device)

    def run() -> float:
        events = Trainer(config).events()
        event = next(events)
        images, started = 0, clock()
        while images < min(IMAGES[batch_size], config.images_per_epoch):
            event = events.send(None)
            if write:
                write(event.to_json())
            if isinstance(event, StepsDone):
                images = min((event.first_step + len(event.losses)) * batch_size, config.images_per_epoch)
        seconds = clock() - started
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


def baselines(batch_size: int) -> dict[str, Callable[[], float]]:
    """Loops of others at this batch size."""
    found = {"textbook": textbook(batch_size), "JAX, an epoch as one scan": jax_scan(batch_size)}
    return {name: loop for name, loop in found.items() if loop}


def keep_to_cores(count: int) -> None:
    """Run this process on so many cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def main() -> None:
    global clock
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="batch 64 only")
    parser.add_argument("--processor", action="store_true", help="seconds of the processor, not of the clock")
    options = parser.parse_args()
    clock = time.process_time if options.processor else time.perf_counter
    keep_to_cores(options.threads)
    devices.prepare_cpu(options.threads)
    # Listed once in a process, as in a worker.
    assert data.load().train.ink
    print(machine())
    print(
        f"Microseconds{' of the processor' if options.processor else ''} per image: "
        f"median (range) of {options.repeats} interleaved repeats; ratios are paired medians.\n"
    )

    pipe = open(os.devnull, "w")  # noqa: SIM115
    figures = interleaved(
        {
            **baselines(64),
            "lab, events written": ours(64, write=pipe.write),
            "lab, one block an epoch": ours_in_one_block(64),
        },
        options.repeats,
    )
    lab = figures["lab, events written"]
    print("| batch 64, Adam | us per image | times the lab |\n|---|---|---|")
    for name, values in figures.items():
        print(f"| {name} | {median_and_range(values)} | {paired_ratio(values, lab)} |")
    print(f"\ncost of streaming: {paired_ratio(lab, figures['lab, one block an epoch'])}\n", flush=True)
    if options.quick:
        return

    print("| batch size | lab | loop of others | times the lab |\n|---|---|---|---|")
    for size in IMAGES:
        f = interleaved({"lab": ours(size), **baselines(size)}, options.repeats)
        lab = f.pop("lab")
        for name, values in f.items():
            ratio = paired_ratio(values, lab)
            label = "full" if size == data.TRAIN_IMAGES else size
            print(f"| {label} | {median_and_range(lab)} | {name} {median_and_range(values)} | {ratio} |", flush=True)

    print("\n| optimizer, batch 64 | us per image | images per second |\n|---|---|---|")
    names = [name for name, spec in OPTIMIZERS.items() if not spec.full_batch_only]
    by_optimizer = interleaved({name: ours(64, name) for name in names}, options.repeats)
    for name, values in by_optimizer.items():
        print(
            f"| {OPTIMIZERS[name].label} | {median_and_range(values)} | {1e6 / sorted(values)[len(values) // 2]:,.0f} |"
        )


if __name__ == "__main__":
    main()
