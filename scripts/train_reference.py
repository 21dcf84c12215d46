"""Train models/reference.safetensors, the network that the Draw page starts with.

Run from the project's root: ``python -m scripts.train_reference``. With ``--validate`` it trains on the first 50,000
images only and prints the accuracy on the other 10,000, by which the settings below were chosen. Without, it trains on
all 60,000, once per seed, prints the test accuracies, and writes seed 0's network.

A fifth of MNIST's images in a step were drawn again along their centre lines, with pens of many widths, and
preprocessed like drawings on the page. Besides them it has digits of the forms that people write and MNIST lacks, and
letters, shapes and scribbles, which are to have ten equal probabilities. All are distorted, each time anew. The saved
network is the running mean of the weights.
Sources: Simard, Steinkraus and Platt 2003 (elastic distortions), Loshchilov and Hutter 2019 (AdamW), Polyak and
Juditsky 1992 (averaging).
"""

import argparse
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from core import data, devices
from core.analysis.evaluation import class_scores, confusion_matrix, evaluate
from core.data import Digits
from core.handwriting.forms import LOOKALIKES, OTHER_THINGS, TRAINED, Form
from core.handwriting.preprocessing import normalise
from core.handwriting.strokes import CentreLine, centre_lines, draw
from core.handwriting.writing import invented, scribble, written
from core.models.checkpoints import save_parameters
from core.paths import ROOT
from core.training.augmentation import Distortion, distort
from core.training.network import HandGradient, Network, flatten, target_table

BY = Distortion(rotation=0.12, scale=0.08, shear=0.1, shift=0.5, elastic=0.8, thickness=0.3)
EPOCHS, BATCH, RATE, RISE = 240, 256, 6e-3, 0.1
WEIGHT_DECAY, SMOOTHING, KEPT_OF_MEAN = 0.05, 0.02, 0.999
#: So many of MNIST's images are drawn again; and how often a step has such a drawing in place of its image.
DRAWINGS, DRAWN = 30_000, 0.4
#: Further images: digits of other forms, what is no digit, what is near one; and the share that an epoch has, anew.
OTHERS, SEEN = 26_000, 0.5
#: The first label of what is near a digit, and that of what is none.
NEARLY, NOTHING = data.CLASSES, 2 * data.CLASSES
#: Their longer side in pixels; the pen's width as a share of it, for MNIST's digits and for the others, which stay
#: open under thicker ones; the tilt in radians, for both: a 1 and a 7 of the other forms differ by angles.
SIZES, PENS, THICK_PENS, TILT, FORM_TILT = (40.0, 160.0), (0.021, 0.2), (0.021, 0.26), 0.5, 0.22
VALIDATION, DRAWINGS_SEED, VALIDATION_SEED, OTHERS_SEED = 10_000, 0, 101, 202
#: Images that are distorted at a time, and epochs until they are distorted anew, which takes twice as long as a step.
CHUNK, KEPT = 2_048, 4


def drawn(line: CentreLine, rng: np.random.Generator, pens: tuple[float, float], most: float) -> Tensor:
    """Return the (784,) uint8 input for a centre line that is drawn with a random pen, size and tilt up to ``most``."""
    size = math.exp(rng.uniform(*map(math.log, SIZES)))
    width = max(1.5, size * math.exp(rng.uniform(*map(math.log, pens))))
    tilt = rng.uniform(-most, most)
    x, y = rng.random(2)
    return torch.from_numpy(normalise(draw(line, size, width, tilt, (x, y), canvas=160))).view(-1)


def drawn_again(images: Tensor, seed: int) -> Tensor:
    """Return (n, 784) uint8: (n, 784) digits, each drawn along its centre line, by the seed and its number."""
    lines = centre_lines(images)
    return torch.stack([drawn(line, np.random.default_rng((seed, i)), PENS, TILT) for i, line in enumerate(lines)])


def other_images(seed: int) -> Digits:
    """Return drawings of the forms that MNIST lacks, of what is no digit and of what is near one, mixed."""
    images, labels = [], []
    for number in range(OTHERS):
        rng = np.random.default_rng((seed, number))
        line, label = _other(rng, number)
        images.append(drawn(line, rng, THICK_PENS, FORM_TILT))
        labels.append(label)
    return Digits(torch.stack(images), torch.tensor(labels))


def _other(rng: np.random.Generator, number: int) -> tuple[CentreLine, int]:
    """Return a centre line and its label; of 13 numbers six are forms, six no digits, and one is near a digit."""

    def one(of: Sequence[Form]) -> Form:
        return of[int(rng.integers(len(of)))]

    kind = number % 13
    if kind < 6:
        # Half of them are 1s and 7s, which differ by the angle of one stroke.
        digit = (1, 7)[kind // 2 % 2] if kind % 2 else int(rng.integers(data.CLASSES))
        return written(one([form for form in TRAINED if form.digit == digit]), rng), digit
    if kind == 6:
        near = one(LOOKALIKES)
        return written(near, rng), NEARLY + (near.digit or 0)
    if kind < 10:
        return written(one(OTHER_THINGS), rng), NOTHING
    return (scribble(rng) if kind == 10 else invented(rng)), NOTHING


def targets() -> Tensor:
    """Return the (21, 10) targets of the digits, of what is near each, and of what is none."""
    even = torch.full((1, data.CLASSES), 1 / data.CLASSES)
    table = target_table(SMOOTHING)
    return torch.cat((table, (even + table) / 2, even))


def rate_at(part: float) -> float:
    """Return the learning rate when ``part`` of the run, 0 to 1, is over: up in a line, down in a half cosine."""
    return RATE * (part / RISE if part < RISE else 0.5 * (1 + math.cos(math.pi * (part - RISE) / (1 - RISE))))


def train(digits: Digits, drawings: Tensor, others: Digits, seed: int, epochs: int) -> Network:
    """Train, and return the mean network of the run; a pure function of its arguments on one machine."""
    generator = torch.Generator().manual_seed(seed)
    network = Network(seed)
    weights = flatten(network)
    mean = weights.detach().clone()
    optimizer = torch.optim.AdamW([weights], lr=RATE, weight_decay=WEIGHT_DECAY, fused=True)
    gradient, outputs = HandGradient(network, BATCH, "cross_entropy"), torch.empty(BATCH, data.CLASSES)
    table = targets()
    count, more = len(digits), int(SEEN * len(others))
    every, labels = torch.cat((digits.images, others.images, drawings)), torch.cat((digits.labels, others.labels))
    batches = (count + more) // BATCH
    step = 0
    for epoch in range(epochs):
        if epoch % KEPT == 0:
            rows = torch.cat((torch.arange(count), count + torch.randperm(len(others), generator=generator)[:more]))
            again = (torch.rand(len(rows), generator=generator) < DRAWN) & (rows < len(drawings))
            # The drawings come last, in the order of MNIST's images.
            places = torch.where(again, rows + count + len(others), rows)
            chunks = (every[part].float().mul_(1 / 255) for part in places.split(CHUNK))
            seen = torch.cat([distort(chunk, generator, BY).mul_(255).round_().byte() for chunk in chunks])
        order = torch.randperm(len(seen), generator=generator)[: batches * BATCH]
        for some in order.split(BATCH):
            optimizer.param_groups[0]["lr"] = rate_at(step / (epochs * batches))
            gradient(seen[some].float().mul_(1 / 255), table[labels[rows[some]]], outputs)
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
    drawings = drawn_again(digits.images[:DRAWINGS], DRAWINGS_SEED)
    others = other_images(OTHERS_SEED)
    if options.validate:
        again = drawn_again(validation.images, VALIDATION_SEED)
        judges["validation, drawn again"] = Digits(again, validation.labels)
    print(
        f"drew {len(drawings) + len(others)} images in {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    accuracies: dict[str, list[float]] = {name: [] for name in judges}
    first: Network | None = None
    for seed in range(options.seeds):
        started = time.perf_counter()
        network = train(digits, drawings, others, seed, options.epochs)
        first = first or network
        for name, judge in judges.items():
            result = evaluate(network, judge)
            accuracies[name].append(result.accuracy)
            recall = class_scores(confusion_matrix(judge.labels, result.predictions)).recall[7]
            took = time.perf_counter() - started
            shown = f"{100 * result.accuracy:.2f}%, recall of 7 {100 * recall:.2f}%, {took:.0f} s"
            print(f"seed {seed}, {name}: {shown}", flush=True)
        if not options.validate and first:
            _save(first, accuracies["test"], options.epochs)
    for name, values in accuracies.items():
        spread = statistics.stdev(values) if len(values) > 1 else math.nan
        print(f"{name}: mean {100 * statistics.mean(values):.2f}%, sd {100 * spread:.2f}, n = {len(values)} seeds")


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
        "drawings": DRAWINGS,
        "share_of_drawings": DRAWN * DRAWINGS / data.TRAIN_IMAGES,
        "other_images": OTHERS,
        "share_of_these_an_epoch": SEEN,
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
