"""Lines of ruled and squared paper, found in ink by their number, length and thinness, and taken out."""

import math

import numpy as np

from core.handwriting.regions import Bits, pixels, runs

#: Angles of lines from the horizontal or vertical, in degrees, that are looked for.
ANGLES = np.deg2rad(np.arange(-9.0, 9.1, 0.5))
#: A line has ink along so much of the picture's side; so many of them are ruled; each has at most so many pixels.
LENGTH, COUNT, THICKNESS = 0.45, 3, 5
#: Pixels that are enough to see where lines run.
SAMPLE = 6_000


def without_rules(ink: Bits) -> Bits:
    """Return the (height, width) ink without ruled lines; as it is if it has none, or consists of nothing else."""
    left = ~_lines(ink.T).T & ~_lines(ink) & ink
    return left if left.sum() >= 0.01 * max(ink.shape) ** 2 / 10 else ink


def _lines(ink: Bits) -> Bits:
    """Return the mask of nearly horizontal ruled lines, without what crosses them."""
    none = np.zeros_like(ink)
    height, width = ink.shape
    thin = ink & (runs(ink.T).T <= THICKNESS)
    rows, columns = pixels(thin)
    if len(rows) < COUNT * LENGTH * width:
        return none
    some = slice(None, None, max(1, len(rows) // SAMPLE))
    y, x = rows[some], columns[some] - width // 2
    offset = math.ceil(width / 2 * math.tan(float(ANGLES[-1]))) + 1
    places = np.rint(y - x * np.tan(ANGLES)[:, None]).astype(np.int64) + offset
    counts = np.stack([np.bincount(place, minlength=height + 2 * offset) for place in places])
    best = int((counts.astype(np.float64) ** 2).sum(1).argmax())
    at = np.rint(rows - (columns - width // 2) * math.tan(float(ANGLES[best]))).astype(np.int64) + offset
    # Columns in which a line has ink, in a band of three rows: a thicker line counts once.
    bands = np.zeros((height + 2 * offset + 2, width), dtype=bool)
    for shift in (0, 1, 2):
        bands[at + shift, columns] = True
    covered = bands.sum(1)[1:-1]
    strong = covered >= LENGTH * width
    if _count(strong) < COUNT:
        return none
    wide = strong.copy()
    wide[1:] |= strong[:-1]
    wide[:-1] |= strong[1:]
    on = wide[at]
    none[rows[on], columns[on]] = True
    return none


def _count(strong: Bits) -> int:
    return int((np.diff(strong.astype(np.int8), prepend=0) == 1).sum())
