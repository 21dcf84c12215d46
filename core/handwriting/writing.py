"""Writing of forms, never twice alike: points, proportions, slant, and the beginning of a closed line are random."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.handwriting.forms import Form
from core.handwriting.strokes import CentreLine

Points = NDArray[np.float64]

#: Spread of a point, of the logarithm of the width to the height, and the bounds of the slant.
WANDER, PROPORTION, SLANT = 2.2, 0.16, (-0.2, 0.3)
#: A closed line ends so much of its length before or after its beginning at most.
GAP = 0.06
CURVE_POINTS = 7


def written(form: Form, rng: np.random.Generator) -> CentreLine:
    """Return the form written once, (k, 2) points from 0 to about 100 and the pairs that a line joins."""
    strokes = [(curved, points) for curved, points in _parsed(form.strokes)]
    if form.to:
        part = rng.random()
        ends = _parsed(form.to)
        if len(ends) == len(strokes) and all(len(a) == len(b) for (_, a), (_, b) in zip(strokes, ends, strict=True)):
            strokes = [(c, a + part * (b - a)) for (c, a), (_, b) in zip(strokes, ends, strict=True)]
        elif part > 0.5:
            strokes = ends
    across = np.exp(rng.normal(0, PROPORTION))
    slant = rng.uniform(*SLANT)
    lines = []
    for curved, points in strokes:
        closed = len(points) > 2 and bool((points[0] == points[-1]).all())
        points = points + rng.normal(0, WANDER, points.shape)
        if closed:
            points[-1] = points[0]
        line = _curve(points, closed) if curved else points
        if closed and curved:
            line = _begun_anywhere(line, rng)
        x, y = line.T
        lines.append(np.stack((across * (x - 50) + slant * (50 - y) + 50, y), 1))
    return joined(lines)


def scribble(rng: np.random.Generator) -> CentreLine:
    """Return a line that wanders anywhere: no digit."""
    points = rng.uniform(0, 100, (int(rng.integers(5, 14)), 2))
    return joined([_curve(points, False) if rng.random() < 0.7 else points])


def invented(rng: np.random.Generator) -> CentreLine:
    """Return a figure that nobody means by a digit: an uneven ring with corners or bays, or a few crossing lines."""
    if rng.random() < 0.5:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        far = rng.uniform(15, 50, len(angles))
        ring = np.stack((50 + far * np.cos(angles), 50 + far * np.sin(angles)), 1)
        ring = np.vstack((ring, ring[:1]))
        return joined([_curve(ring, True) if rng.random() < 0.4 else ring])
    strokes = [rng.uniform(0, 100, (int(rng.integers(2, 5)), 2)) for _ in range(int(rng.integers(2, 5)))]
    return joined([_curve(stroke, False) if rng.random() < 0.4 else stroke for stroke in strokes])


def joined(strokes: Sequence[Points]) -> CentreLine:
    """Return strokes, (k, 2) points each, as one centre line."""
    starts = np.cumsum([0, *(len(stroke) for stroke in strokes)])
    pairs = [
        np.stack((np.arange(start, end - 1), np.arange(start + 1, end)), 1) for start, end in itertools.pairwise(starts)
    ]
    return CentreLine(np.concatenate(strokes), np.concatenate(pairs))


def _parsed(text: str) -> list[tuple[bool, Points]]:
    strokes = []
    for stroke in text.split("|"):
        points = [tuple(map(float, point.split(","))) for point in stroke.replace("~", " ").split()]
        strokes.append((stroke.strip().startswith("~"), np.array(points)))
    return strokes


def _curve(points: Points, closed: bool) -> Points:
    """Return a smooth line through the points (Catmull and Rom, A Class of Local Interpolating Splines, 1974)."""
    first, last = (points[-2], points[1]) if closed else (2 * points[0] - points[1], 2 * points[-1] - points[-2])
    ring = np.vstack((first, points, last))
    t = np.linspace(0, 1, CURVE_POINTS, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(ring, ring[1:], ring[2:], ring[3:], strict=False)
    ]
    return np.vstack((*pieces, points[-1:]))


def _begun_anywhere(line: Points, rng: np.random.Generator) -> Points:
    """Return a closed line with another beginning, its end a little before or after it."""
    around = np.roll(line[:-1], -int(rng.integers(len(line))), axis=0)
    over = round(len(around) * rng.uniform(-GAP, GAP))
    return around[: len(around) + over] if over < 0 else np.vstack((around, around[: over + 1]))
