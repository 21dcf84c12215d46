"""Centre lines of digits, and digits drawn again along them with a pen of any width.

So MNIST's digits become drawings as people make them on the Draw page: any size, any stroke, any tilt.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn.functional import interpolate

#: Digits are enlarged so many times before they are thinned, for smoother lines.
ENLARGED = 3
INK = 0.45
CHUNK = 2_000

Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class CentreLine:
    """Points (k, 2), each (x, y) in pixels of the digit's picture, and (m, 2) pairs of them that a line joins."""

    points: Floats
    joined: NDArray[np.int64]


def centre_lines(images: Tensor) -> list[CentreLine]:
    """Return the centre line of each of (n, 784) uint8 digits.

    Source of the thinning: Zhang and Suen, A Fast Parallel Algorithm for Thinning Digital Patterns, 1984.
    """
    return [
        _joined(thin)
        for chunk in images.split(CHUNK)
        for thin in _thinned(
            interpolate(chunk.view(-1, 1, 28, 28).float(), scale_factor=ENLARGED, mode="bicubic")
            .view(-1, 28 * ENLARGED, 28 * ENLARGED)
            .gt(255 * INK)
            .numpy()
        )
    ]


def draw(
    line: CentreLine, size: float, width: float, tilt: float, place: tuple[float, float], canvas: int = 280
) -> NDArray[np.uint8]:
    """Draw the digit along ``line`` with a round pen.

    Args:
        size: of the drawn digit's longer side in pixels, the pen's width included; at least ``width``.
        width: of the pen in pixels.
        tilt: in radians, clockwise.
        place: (x, y) of the drawing in the free room of the canvas, each 0 to 1.
        canvas: the picture's side in pixels, at least ``size``.

    Returns:
        (canvas, canvas) uint8, light ink on dark paper.
    """
    cos, sin = math.cos(tilt), math.sin(tilt)
    points = line.points @ np.array(((cos, sin), (-sin, cos)))
    points = points - points.min(0)
    extent = points.max(0)
    points = points * ((size - width) / max(float(extent.max()), 1e-9))
    room = canvas - width - points.max(0)
    points = points + width / 2 + room * np.array(place)
    picture = Image.new("L", (canvas, canvas))
    pen = ImageDraw.Draw(picture)
    lengths = np.hypot(*(points[line.joined[:, 0]] - points[line.joined[:, 1]]).T)
    # The round ends of a shorter line cover all of it but a fiftieth of the pen's width.
    for start, end in line.joined[lengths > width / 3]:
        pen.line((*points[start], *points[end]), fill=255, width=max(1, round(width)))
    reach = width / 2
    for x, y in points:
        pen.ellipse((x - reach, y - reach, x + reach - 1, y + reach - 1), fill=255)
    return np.asarray(picture)


def _thinned(ink: Bits) -> Bits:
    """Thin (n, h, w) ink from its edges until lines of one pixel are left."""
    ink = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    alive = np.arange(len(ink))
    while len(alive):
        part, changed = ink[alive], np.zeros(len(alive), dtype=bool)
        for second in (False, True):
            worn = _worn(part, second)
            part[:, 1:-1, 1:-1] &= ~worn
            changed |= worn.any((1, 2))
        ink[alive] = part
        alive = alive[changed]
    return ink[:, 1:-1, 1:-1]


def _worn(ink: Bits, second: bool) -> Bits:
    """Return the mask of pixels that one pass of Zhang and Suen removes; ``ink`` has a border of one empty pixel."""
    rows = slice(1, -1)
    n, e, s, w = ink[:, :-2, rows], ink[:, rows, 2:], ink[:, 2:, rows], ink[:, rows, :-2]
    ring = (n, ink[:, :-2, 2:], e, ink[:, 2:, 2:], s, ink[:, 2:, :-2], w, ink[:, :-2, :-2])
    count = np.sum(ring, axis=0, dtype=np.uint8)
    turns = np.sum([~a & b for a, b in zip(ring, (*ring[1:], ring[0]), strict=True)], axis=0, dtype=np.uint8)
    open_sides = ~(n & e & w) & ~(n & s & w) if second else ~(n & e & s) & ~(e & s & w)
    worn: Bits = ink[:, rows, rows] & (count >= 2) & (count <= 6) & (turns == 1) & open_sides
    return worn


def _joined(thin: Bits) -> CentreLine:
    """Return the pixels as points, with neighbours joined and the corners of the pixel grid smoothed."""
    rows, columns = np.nonzero(thin)
    if not len(rows):
        rows, columns = np.array([thin.shape[0] // 2]), np.array([thin.shape[1] // 2])
    index = np.full((thin.shape[0] + 2, thin.shape[1] + 2), -1)
    own = np.arange(len(rows))
    index[rows + 1, columns + 1] = own
    pairs = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        other = index[rows + 1 + down, columns + 1 + right]
        there = other >= 0
        if down and right:
            # A diagonal beside a corner would be a second way between the same points.
            there &= (index[rows + 1 + down, columns + 1] < 0) & (index[rows + 1, columns + 1 + right] < 0)
        pairs.append(np.stack((own[there], other[there]), 1))
    joined = np.concatenate(pairs)
    points = np.stack((columns, rows), 1) / ENLARGED
    degree = np.bincount(joined.ravel(), minlength=len(points))
    inner = degree >= 2
    for _ in range(3):
        near = np.zeros_like(points)
        np.add.at(near, joined[:, 0], points[joined[:, 1]])
        np.add.at(near, joined[:, 1], points[joined[:, 0]])
        points[inner] = 0.5 * points[inner] + 0.5 * near[inner] / degree[inner, None]
    return CentreLine(points, joined)
