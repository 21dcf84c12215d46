"""Accuracy and speed of a network on drawings: ``python -m benchmarks.drawings [MODEL] [--digits 250]``.

Test digits are drawn again along their centre lines on the Draw page's canvas, 560 of its pixels per side, with every
pen of its slider at every size, and so are the held-out forms, which the network was not trained on. They take the
page's own path: strokes as the browser sends them, ink, scaling, centring, network. A size is how far the hand moved;
the pen's ink goes beyond it. Then the same as pictures, where the pen has covered what it has covered. Baselines: the
same digits from MNIST's own pixels, and drawings that are only shrunk.
"""

import argparse
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.measure import machine, median_and_range
from core import data, devices
from core.analysis.evaluation import evaluate
from core.data import Digits
from core.handwriting.answers import SURE, answer
from core.handwriting.canvas import PEN, SIDE, THINNEST_PEN, WIDEST_PEN, digits_drawn, read_strokes
from core.handwriting.forms import HELD_OUT
from core.handwriting.photographs import find_digits
from core.handwriting.preprocessing import Bytes
from core.handwriting.strokes import CentreLine, centre_lines, draw
from core.handwriting.writing import written
from core.models.checkpoints import load_parameters
from core.paths import ROOT
from core.training.network import Network

SIZE = 320
SIZES, PENS, TILTS = (80, 120, 180, 260, 360, 460), (THINNEST_PEN, 24, PEN, 48, 60, WIDEST_PEN), (-25, -15, 0, 15, 25)
PLACES = {"top left": (0.0, 0.0), "top right": (1.0, 0.0), "bottom left": (0.0, 1.0), "bottom right": (1.0, 1.0)}
#: Widths of a pen as shares of a picture's digit.
SHARES = (0.04, 0.08, 0.12, 0.16, 0.2, 0.25)
MIDDLE = (0.5, 0.5)
REPEATS = 200


def sent(line: CentreLine, size: float, pen: float, tilt: float, place: tuple[float, float]) -> list[dict[str, Any]]:
    """Paths that the canvas sends when somebody draws along the line; the tilt is in degrees, clockwise."""
    cos, sin = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    points = line.points @ np.array(((cos, sin), (-sin, cos)))
    points = (points - points.min(0)) * (size / max(float(np.ptp(points, axis=0).max()), 1e-9))
    points = points + pen / 2 + np.maximum(SIDE - pen - points.max(0), 0) * np.array(place)
    ends = points[line.joined] if len(line.joined) else np.stack((points, points), 1)
    return [{"path": [["M", *map(float, start)], ["L", *map(float, end)]], "strokeWidth": pen} for start, end in ends]


def read(objects: list[dict[str, Any]]) -> Bytes:
    """Input of the network, made from what the browser sends by the page's own path; black if that finds several."""
    found = digits_drawn(read_strokes(objects))
    return found[0].digit if len(found) == 1 else np.zeros((28, 28), dtype=np.uint8)


def read_picture(picture: Image.Image) -> Bytes:
    """Input of the network from a picture of a digit; black if none is found in it, or several."""
    try:
        found = find_digits(picture)
    except ValueError:
        found = []
    return found[0].digit if len(found) == 1 else np.zeros((28, 28), dtype=np.uint8)


def as_digits(inputs: Iterable[Bytes], labels: torch.Tensor) -> Digits:
    return Digits(torch.from_numpy(np.stack(list(inputs))).view(-1, data.PIXELS), labels)


def conditions(lines: list[CentreLine], labels: torch.Tensor, count: int) -> Iterable[tuple[str, Digits]]:
    """Each row's name and its digits as the network sees them."""
    for size in SIZES:
        for pen in PENS:
            yield (
                f"size {size}, pen {pen}",
                as_digits((read(sent(line, size, pen, 0, MIDDLE)) for line in lines), labels),
            )
    for tilt in TILTS:
        yield f"tilt {tilt}", as_digits((read(sent(line, SIZE, PEN, tilt, MIDDLE)) for line in lines), labels)
    for name, place in PLACES.items():
        yield name, as_digits((read(sent(line, SIZE, PEN, 0, place)) for line in lines), labels)
    rng = np.random.default_rng(0)
    for form in HELD_OUT:
        for kind, pens in (("thin", (12, 30)), ("thick", (40, 72))):
            inputs = [
                read(sent(written(form, rng), rng.uniform(160, 440), rng.uniform(*pens), rng.uniform(-15, 15), MIDDLE))
                for _ in range(count)
            ]
            yield f"{form.name}, {kind}", as_digits(inputs, torch.full((count,), form.digit or 0))


def pictures(lines: list[CentreLine], labels: torch.Tensor) -> Iterable[tuple[str, Digits]]:
    """Rows of pictures of drawings: dark ink on light paper."""
    for share in SHARES:
        drawn = (Image.fromarray(255 - draw(line, 200, 200 * share, 0, MIDDLE)) for line in lines)
        yield f"picture, pen {share} of the digit", as_digits(map(read_picture, drawn), labels)


def report(network: Network, count: int) -> None:
    digits = data.load().test[:count]
    lines = centre_lines(digits.images)
    print(f"MNIST's own pixels: {100 * evaluate(network, digits).accuracy:.2f}%, n = {count}")
    print(f"\n| condition, n = {count} each | accuracy |\n|---|---|")
    rows = {}
    hits, highest = [], []
    for name, seen in conditions(lines, digits.labels, count):
        result = evaluate(network, seen)
        rows[name] = result.accuracy
        hits.append((result.predictions == seen.labels).numpy())
        highest.append(result.confidences.numpy())
        print(f"| {name} | {100 * rows[name]:.1f}% |", flush=True)
    worst = min(rows, key=lambda name: rows[name])
    print(f"| **mean of {len(rows)} conditions** | **{100 * np.mean(list(rows.values())):.2f}%** |")
    print(f"| **worst: {worst}** | **{100 * rows[worst]:.1f}%** |")
    for name, seen in pictures(lines, digits.labels):
        print(f"| {name} | {100 * evaluate(network, seen).accuracy:.1f}% |", flush=True)
    shrunk = [Image.fromarray(draw(line, SIZE / 2, PEN / 2, 0, (0, 0))).resize((28, 28)) for line in lines]
    unprepared = as_digits(map(np.asarray, shrunk), digits.labels)
    print(f"| baseline: the canvas only shrunk | {100 * evaluate(network, unprepared).accuracy:.1f}% |")
    _sureness(np.concatenate(hits), np.concatenate(highest))
    milliseconds = []
    rng = np.random.default_rng(1)
    for line in lines[:REPEATS]:
        objects = sent(line, rng.uniform(SIZES[0], SIZES[-1]), rng.uniform(PENS[0], PENS[-1]), 0, tuple(rng.random(2)))
        started = time.process_time()
        answer(network, read(objects))
        milliseconds.append(1000 * (time.process_time() - started))
    shown = f"{median_and_range(milliseconds, 1)} ms of processor time, n = {len(milliseconds)}"
    print(f"\nFrom the strokes to the answer: {shown}")


def _sureness(hits: np.ndarray[Any, Any], highest: np.ndarray[Any, Any]) -> None:
    print("\n| sure from | says not sure | accuracy when sure | accuracy when not sure |\n|---|---|---|---|")
    for threshold in sorted({0.5, SURE, 0.7, 0.8, 0.9}):
        sure = highest >= threshold
        shares = [100 * part.mean() if len(part) else math.nan for part in (~sure, hits[sure], hits[~sure])]
        print(f"| {threshold} | {shares[0]:.1f}% | {shares[1]:.2f}% | {shares[2]:.1f}% |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=ROOT / "models" / "reference.safetensors")
    parser.add_argument("--digits", type=int, default=250)
    options = parser.parse_args()
    devices.prepare_cpu(1)
    print(machine())
    report(load_parameters(options.model)[0], options.digits)


if __name__ == "__main__":
    main()
