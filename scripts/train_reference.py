"""Train models/reference.safetensors, the network that the Draw page starts with.

Run from the project's root: ``python -m scripts.train_reference``. With ``--validate`` it trains on the first 50,000
images only and prints the accuracy on the other 10,000, by which the settings below were chosen. Without, it trains on
all 60,000, once per seed, prints the test accuracies, and writes seed 0's network.

A third of the images of a step were drawn again along their centre lines, with pens of many widths, and preprocessed
like drawings on the page; all are distorted, each time anew. The saved network is the running mean of the weights.
Sources: Simard, Steinkraus and Platt 2003 (elastic distortions), Loshchilov and Hutter 2019 (AdamW), Polyak and
Juditsky 1992 (averaging).
"""

import argparse
import math
import statistics
import time
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from core import data, devices
from core.analysis.evaluation import evaluate
from core.data import Digits
from core.handwriting.preprocessing import normalise
from core.handwriting.strokes import centre_lines, draw
from core.models.checkpoints import save_parameters
from core.paths import ROOT
from core.training.augmentation import Distortion, distort
from core.training.network import HandGradient, Network, flatten, target_table

BY = Distortion(rotation=0.12, scale=0.08, shear=0.1, shift=0.5, elastic=0.8, thickness=0.3)
EPOCHS, BATCH, RATE, RISE = 100, 256, 6e-3, 0.1
WEIGHT_DECAY, SMOOTHING, KEPT_OF_MEAN = 0.05, 0.05, 0.999
#: Drawings per image, and the share of drawings among the images of a step.
DRAWINGS, DRAWN = 2, 0.35
#: Their longer side in pixels, the pen's width as a share of it, the tilt in radians.
SIZES, PENS, TILT = (40.0, 160.0), (0.021, 0.2), 0.35
VALIDATION = 10_000
#: Batches that are distorted at a time.
CHUNK = 8


def drawn_again(images: Tensor, rng: np.random.Generator, times: int) -> Tensor:
    """Return (times, n, 784) uint8: (n, 784) digits, each drawn with random pens, sizes, tilts, and preprocessed."""
    lines = centre_lines(images)
    drawings = []
    for _ in range(times):
        for line in lines:
            size = math.exp(rng.uniform(*map(math.log, SIZES)))
            width = max(1.5, size * math.exp(rng.uniform(*map(math.log, PENS))))
            tilt = rng.uniform(-TILT, TILT)
            x, y = rng.random(2)
            drawings.append(normalise(draw(line, size, width, tilt, (x, y), canvas=160)))
    return torch.from_numpy(np.stack(drawings)).view(times, len(images), -1)


def rate_at(part: float) -> float:
    """Return the learning rate when ``part`` of the run, 0 to 1, is over: up in a line, down in a half cosine."""
    return RATE * (part / RISE if part < RISE else 0.5 * (1 + math.cos(math.pi * (part - RISE) / (1 - RISE))))


def train(digits: Digits, drawings: Tensor, seed: int, epochs: int) -> Network:
    """Train, and return the mean network of the run; a pure function of its arguments on one machine."""
    generator = torch.Generator().manual_seed(seed)
    network = Network(seed)
    weights = flatten(network)
    mean = weights.detach().clone()
    optimizer = torch.optim.AdamW([weights], lr=RATE, weight_decay=WEIGHT_DECAY, fused=True)
    gradient, outputs = HandGradient(network, BATCH, "cross_entropy"), torch.empty(BATCH, data.CLASSES)
    table = target_table(SMOOTHING)
    steps = epochs * (len(digits) // BATCH)
    step = 0
    for _ in range(epochs):
        order = torch.randperm(len(digits), generator=generator)[: len(digits) // BATCH * BATCH]
        for rows in order.split(CHUNK * BATCH):
            which = torch.rand(len(rows), generator=generator).div_(DRAWN).mul_(len(drawings)).long()
            images = digits.images[rows]
            for version, drawn in enumerate(drawings):
                images = torch.where((which == version)[:, None], drawn[rows], images)
            seen = distort(images.float().mul_(1 / 255), generator, BY)
            for batch, labels in zip(seen.split(BATCH), digits.labels[rows].split(BATCH), strict=True):
                optimizer.param_groups[0]["lr"] = rate_at(step / steps)
                gradient(batch, table[labels], outputs)
                optimizer.step()
                mean.lerp_(weights.detach(), 1 - KEPT_OF_MEAN)
                step += 1
    weights.detach().copy_(mean)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--validate", action="store_true", help="train on 50,000 images, judge by the others")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    devices.prepare_cpu(1)
    mnist = data.load()
    digits, validation = mnist.split(VALIDATION if options.validate else 0)
    judges = {"validation": validation} if options.validate else {"test": mnist.test}
    started = time.perf_counter()
    drawings = drawn_again(digits.images, np.random.default_rng(0), DRAWINGS)
    if options.validate:
        again = drawn_again(validation.images, np.random.default_rng(1), 1)[0]
        judges["validation, drawn again"] = Digits(again, validation.labels)
    print(f"drew {drawings.shape[0] * drawings.shape[1]} digits in {time.perf_counter() - started:.0f} s", flush=True)
    accuracies: dict[str, list[float]] = {name: [] for name in judges}
    first: Network | None = None
    for seed in range(options.seeds):
        started = time.perf_counter()
        network = train(digits, drawings, seed, options.epochs)
        first = first or network
        for name, judge in judges.items():
            accuracies[name].append(evaluate(network, judge).accuracy)
            print(
                f"seed {seed}, {name}: {100 * accuracies[name][-1]:.2f} %, {time.perf_counter() - started:.0f} s",
                flush=True,
            )
        if not options.validate and first:
            _save(first, accuracies["test"], options.epochs)
    for name, values in accuracies.items():
        spread = statistics.stdev(values) if len(values) > 1 else math.nan
        print(f"{name}: mean {100 * statistics.mean(values):.2f} %, sd {100 * spread:.2f}, n = {len(values)} seeds")


def _save(network: Network, accuracies: list[float], epochs: int) -> None:
    recipe = {
        "distortion": asdict(BY),
        "epochs": epochs,
        "batch_size": BATCH,
        "lr": RATE,
        "schedule": f"linear rise over {RISE:.0%} of the steps, then cosine to 0",
        "optimizer": "adamw",
        "weight_decay": WEIGHT_DECAY,
        "label_smoothing": SMOOTHING,
        "weights_kept": f"exponential mean, {KEPT_OF_MEAN}",
        "share_of_drawings": DRAWN,
        "train_images": data.TRAIN_IMAGES,
        "seed": 0,
    }
    save_parameters(
        network,
        ROOT / "models" / "reference.safetensors",
        {
            "name": "reference",
            "made_by": "python -m scripts.train_reference",
            "recipe": recipe,
            "test_accuracy": accuracies[0],
            "test_accuracy_of_all_seeds": accuracies,
            "licence": "MIT; trained on MNIST (LeCun, Cortes, Burges), which is CC BY-SA 3.0",
        },
    )


if __name__ == "__main__":
    main()
