"""Strokes of a drawing canvas, as the browser sends them, and the digits that they draw.

A stroke is where the pen went, so a pen that is too thick or too thin for the digit is no matter: the network is shown
what a pen of MNIST's width would have drawn along the same lines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.handwriting.preprocessing import Bytes, Steps, from_ink
from core.handwriting.regions import digits_among, regions

#: Sides of the canvas in its own pixels; a browser shows it as large as there is room.
SIDE = 560
#: Widths of its pens.
THINNEST_PEN, PEN, WIDEST_PEN = 12, 36, 72
#: A pen wider than this share of the largest stroke is taken for one of this share.
WIDEST = 0.12
#: A dot stays a dot of some pixels.
LEAST = 6
MOST_POINTS = 20_000


@dataclass(frozen=True)
class Stroke:
    """Points (k, 2) that the pen went through, x and y in pixels of the canvas, and its width."""

    points: NDArray[np.float64]
    width: float


def read_strokes(objects: Any) -> list[Stroke]:
    """Return the strokes among a canvas's objects, without what no canvas of ours can have sent.

    Args:
        objects: paths as Fabric.js writes them: ``{"path": [["M", x, y], ["Q", x, y, x, y], ["L", x, y]], ...}``.
    """
    strokes, left = [], MOST_POINTS
    for drawn in objects if isinstance(objects, list) else ():
        try:
            points = _points(drawn["path"][:left])
            width = float(drawn["strokeWidth"])
        except (TypeError, KeyError, ValueError, IndexError, OverflowError):
            continue
        left -= len(points)
        if len(points) and np.isfinite(points).all() and math.isfinite(width):
            points = np.clip(points, -SIDE, 2 * SIDE)
            strokes.append(Stroke(points, min(max(width, THINNEST_PEN / 4), WIDEST_PEN)))
    return strokes


def digits_drawn(strokes: Sequence[Stroke]) -> list[Steps]:
    """Return the digits that the strokes draw, in the order of reading; none without a line on the canvas."""
    picture = _inked(strokes, WIDEST_PEN)
    if not picture.any():
        return []
    largest = max(float(np.ptp(stroke.points, axis=0).max()) for stroke in strokes)
    ink = (_inked(strokes, max(WIDEST * largest, LEAST)) / 255).astype(np.float32)
    labels, found = regions(ink > 0.5)
    if not found:
        return []
    digits = digits_among(found, ink.shape, whole=False) or [found]
    return [from_ink(picture, ink * np.isin(labels, [region.label for region in digit])) for digit in digits]


def _points(path: Any) -> NDArray[np.float64]:
    """Return the points of a path of straight lines and quadratic curves; of a curve, its middle and its end."""
    points: list[tuple[float, float]] = []
    for kind, *numbers in path:
        *control, x, y = map(float, numbers)
        if kind == "Q":
            (from_x, from_y), (by_x, by_y) = points[-1], control
            points.append((0.25 * from_x + 0.5 * by_x + 0.25 * x, 0.25 * from_y + 0.5 * by_y + 0.25 * y))
        points.append((x, y))
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def _inked(strokes: Sequence[Stroke], widest: float) -> Bytes:
    """Return (SIDE, SIDE) uint8, light ink on dark paper, with pens of at most this width."""
    picture = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(picture)
    for stroke in strokes:
        width = min(stroke.width, widest)
        reach = width / 2
        points = [(float(x), float(y)) for x, y in stroke.points]
        pen.line(points, fill=255, width=max(1, round(width)))
        for x, y in points:
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
    return np.asarray(picture)
