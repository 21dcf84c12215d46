"""Accuracy and speed of a network on drawings: ``python -m benchmarks.drawings [MODEL] [--digits 1000]``.

Test digits are drawn again along their centre lines on the Draw page's canvas, 280 pixels per side, with a round pen,
and sent through the page's own path: PNG of the canvas, ink, scaling, centring, network. One thing varies at a time; a
last table has all at once. Sizes count the pen; only pens up to a fifth of the digit's size are drawn, since thicker
ones close its holes. Baselines: the same digits from MNIST's own pixels, and the drawings without the normalisation.
"""

import argparse
import io
import math
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.measure import machine, median_and_range
from core import data, devices
from core.analysis.evaluation import evaluate
from core.data import Digits
from core.handwriting.answers import SURE, answer
from core.handwriting.photographs import read_canvas
from core.handwriting.preprocessing import Bytes, steps
from core.handwriting.strokes import CentreLine, centre_lines, draw
from core.models.checkpoints import load_parameters
from core.paths import ROOT
from core.training.network import Network

CANVAS, SIZE, PEN = 280, 180, 18
SIZES, PENS, TILTS = (40, 60, 90, 130, 180, 230, 280), (6, 12, 18, 24, 30, 36), (-20, -10, 0, 10, 20)
PLACES = {"top left": (0.0, 0.0), "top right": (1.0, 0.0), "bottom left": (0.0, 1.0), "bottom right": (1.0, 1.0)}
THICKEST = 0.2
REPEATS = 200


def canvas_png(drawing: Bytes) -> bytes:
    """Upload of the browser: an opaque RGBA picture of the canvas."""
    stream = io.BytesIO()
    Image.fromarray(drawing).convert("RGBA").save(stream, "PNG")
    return stream.getvalue()


def read(png: bytes) -> Bytes:
    """Input of the network, made from the browser's upload by the page's own path."""
    picture = read_canvas(png, CANVAS)
    assert picture is not None
    return steps(picture, paper=0).digit


def as_seen(drawings: list[Bytes], labels: torch.Tensor) -> Digits:
    seen = np.stack([read(canvas_png(drawing)) for drawing in drawings])
    return Digits(torch.from_numpy(seen).view(-1, data.PIXELS), labels)


def drawn(lines: list[CentreLine], size: float, pen: float, tilt: float, place: tuple[float, float]) -> list[Bytes]:
    return [draw(line, size, pen, math.radians(tilt), place) for line in lines]


def anyhow(lines: list[CentreLine], rng: np.random.Generator) -> list[Bytes]:
    """Everything at once: size, pen, tilt and place at random within their bounds."""
    drawings = []
    for line in lines:
        size = rng.uniform(SIZES[0], SIZES[-1])
        pen = rng.uniform(PENS[0], min(PENS[-1], THICKEST * size))
        drawings.append(draw(line, size, pen, math.radians(rng.uniform(TILTS[0], TILTS[-1])), tuple(rng.random(2))))
    return drawings


def conditions(lines: list[CentreLine]) -> dict[str, list[Bytes]]:
    middle = (0.5, 0.5)
    table = {
        f"size {size}, pen {pen}": drawn(lines, size, pen, 0, middle)
        for size in SIZES
        for pen in PENS
        if pen <= max(THICKEST * size, PENS[0])
    }
    table |= {f"tilt {tilt}": drawn(lines, SIZE, PEN, tilt, middle) for tilt in TILTS}
    return table | {place: drawn(lines, SIZE, PEN, 0, at) for place, at in PLACES.items()}


def report(network: Network, count: int) -> None:
    digits = data.load().test[:count]
    lines = centre_lines(digits.images)
    print(f"MNIST's own pixels: {100 * evaluate(network, digits).accuracy:.2f} %, n = {count}")
    print("\n| condition | accuracy |\n|---|---|")
    accuracies = []
    for name, drawings in conditions(lines).items():
        accuracies.append(evaluate(network, as_seen(drawings, digits.labels)).accuracy)
        print(f"| {name} | {100 * accuracies[-1]:.1f} % |", flush=True)
    print(f"| **mean of {len(accuracies)} conditions** | **{100 * np.mean(accuracies):.2f} %** |")
    mixed = anyhow(lines, np.random.default_rng(0))
    raw = np.stack([np.asarray(Image.fromarray(d).resize((28, 28), Image.Resampling.BOX)) for d in mixed])
    unprepared = Digits(torch.from_numpy(raw).view(-1, data.PIXELS), digits.labels)
    result = evaluate(network, as_seen(mixed, digits.labels))
    print(f"| all at random | {100 * result.accuracy:.2f} % |")
    print(f"| baseline: all at random, the canvas only shrunk | {100 * evaluate(network, unprepared).accuracy:.2f} % |")
    hits = (result.predictions == digits.labels).numpy()
    highest = result.probabilities.max(1).values.numpy()
    print("\n| sure from | says not sure | accuracy when sure | accuracy when not sure |\n|---|---|---|---|")
    for threshold in sorted({0.5, SURE, 0.7, 0.8, 0.9}):
        sure = highest >= threshold
        shares = [100 * part.mean() if len(part) else math.nan for part in (~sure, hits[sure], hits[~sure])]
        print(f"| {threshold} | {shares[0]:.1f} % | {shares[1]:.2f} % | {shares[2]:.1f} % |")
    milliseconds = []
    for png in [canvas_png(drawing) for drawing in mixed[:REPEATS]]:
        started = time.perf_counter()
        answer(network, read(png))
        milliseconds.append(1000 * (time.perf_counter() - started))
    print(f"\nFrom the canvas's PNG to the answer: {median_and_range(milliseconds, 1)} ms, n = {len(milliseconds)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=ROOT / "models" / "reference.safetensors")
    parser.add_argument("--digits", type=int, default=1000)
    options = parser.parse_args()
    devices.prepare_cpu(1)
    print(machine())
    report(load_parameters(options.model)[0], options.digits)


if __name__ == "__main__":
    main()
