"""Forms of digits as people write them, and of what is no digit, each as the strokes of a pen.

MNIST has no 1 with a long up-stroke and hardly one with a base, no slashed 0 and few barred 7s: a network that is to
read them must be shown them. A form is written in a field of 100 x 100, and never twice alike: its points, proportions,
slant, and where a closed line begins, are random. ``TRAINED``, ``LOOKALIKES`` and ``OTHER_THINGS`` are what the
reference network learns from; the held-out forms, drawn by other points, are only for measurements.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.handwriting.strokes import CentreLine

Points = NDArray[np.float64]

#: Spread of a point, of the logarithm of the width to the height, and the bounds of the slant.
WANDER, PROPORTION, SLANT = 2.2, 0.16, (-0.2, 0.3)
#: A closed line ends so much of its length before or after its beginning at most.
GAP = 0.06
CURVE_POINTS = 7


@dataclass(frozen=True)
class Form:
    """Strokes of one way to write something.

    Args:
        name: of the form.
        digit: 0 to 9; None for what is no digit.
        strokes: "x,y x,y ..." a stroke, with ``|`` between strokes and a leading ``~`` for a curve through the points.
        to: the same with other points: a form between the two is then written.
    """

    name: str
    digit: int | None
    strokes: str
    to: str = ""


#: 1s that are nearest to a 7: no other forms differ so little.
FLAGGED = (
    Form("1 with a wide up-stroke", 1, "24,38 56,6 54,95", "8,50 54,5 56,96"),
    Form("1 with a short wide up-stroke", 1, "36,24 54,5 54,96", "26,33 56,4 52,96"),
)
TRAINED = (
    # Four times as often as each of the others.
    *(4 * FLAGGED),
    Form("plain 1", 1, "50,4 50,96", "50,4 46,96"),
    Form("1 with a serif", 1, "38,20 50,4 50,96", "28,32 50,4 50,96"),
    Form("1 with a long up-stroke", 1, "28,32 50,4 50,96", "4,60 50,4 50,96"),
    Form("1 with an up-stroke to the baseline", 1, "8,60 52,4 52,96", "8,96 56,4 56,96"),
    Form("1 with a curved up-stroke", 1, "~ 20,34 38,24 50,4 | 50,4 50,96", "~ 2,62 32,40 50,4 | 50,4 50,96"),
    Form("1 with a base", 1, "50,4 50,96 | 38,96 62,96", "50,4 50,96 | 14,96 86,96"),
    Form("1 with a serif and a base", 1, "38,20 50,4 50,96 | 36,96 64,96", "26,34 50,4 50,96 | 14,96 86,96"),
    Form("1 with an up-stroke and a base", 1, "26,36 52,4 52,96 | 34,96 70,96", "6,58 52,4 52,96 | 14,96 92,96"),
    Form("plain 7", 7, "16,6 82,6 44,96", "10,12 80,4 56,96"),
    Form(
        "7 with a curved foot", 7, "~ 14,10 46,10 82,6 | ~ 82,6 58,44 48,96", "~ 10,6 44,12 86,4 | ~ 86,4 48,50 40,96"
    ),
    Form("7 with a bar", 7, "16,6 82,6 44,96 | 36,52 80,50", "10,10 84,4 50,96 | 30,44 88,44"),
    Form("7 with a serif", 7, "16,16 18,5 82,6 44,96", "12,32 14,6 84,6 52,96"),
    Form("7 with a serif and a bar", 7, "16,16 18,5 82,6 44,96 | 38,52 82,50", "12,32 14,6 84,6 52,96 | 34,46 86,46"),
    Form("open 4", 4, "28,6 18,58 88,58 | 66,28 64,98", "38,4 12,64 84,62 | 70,4 62,96"),
    Form("closed 4", 4, "62,96 62,4 14,66 88,66", "70,96 66,4 10,58 92,58"),
    Form("round open 4", 4, "~ 24,6 18,46 40,58 76,52 | 78,6 74,96"),
    Form(
        "9 with a straight foot",
        9,
        "~ 74,26 56,6 30,10 20,32 36,50 62,46 74,26 | 75,10 73,96",
        "~ 70,28 50,5 24,16 22,40 42,52 62,42 70,28 | 72,20 60,96",
    ),
    Form(
        "9 with a curved foot",
        9,
        "~ 76,28 56,5 28,12 22,36 44,50 68,42 76,28 | ~ 76,26 77,62 62,90 26,92",
        "~ 72,26 52,6 26,14 24,38 46,48 66,38 72,26 | ~ 72,22 74,56 64,84 44,96",
    ),
    Form(
        "9 with a curled foot",
        9,
        "~ 74,40 54,54 32,50 22,32 26,12 46,4 66,8 78,30 78,56 68,84 50,96 30,92",
        "~ 76,38 56,54 32,52 20,34 24,14 44,4 64,7 80,26 80,54 72,86 50,96 30,92 20,72",
    ),
    Form(
        "2 without a loop", 2, "~ 16,26 34,5 66,8 76,30 52,62 16,94 | 16,94 86,94", "18,20 40,4 74,10 74,34 14,95 84,92"
    ),
    Form("2 with a loop", 2, "~ 18,24 40,4 70,10 74,34 46,70 20,92 12,80 28,74 54,90 86,90"),
    Form("plain 0", 0, "~ 50,4 26,18 18,50 26,82 50,96 74,82 82,50 74,18 50,4"),
    Form("slashed 0", 0, "~ 50,4 26,18 18,50 26,82 50,96 74,82 82,50 74,18 50,4 | 74,16 26,84"),
    Form("slashed 0, over the edge", 0, "~ 50,8 28,20 20,50 28,80 50,92 72,80 80,50 72,20 50,8 | 88,4 12,96"),
    Form(
        "6",
        6,
        "~ 68,5 40,26 22,60 30,88 54,95 74,78 66,58 44,56 26,70",
        "~ 56,4 34,30 24,66 36,92 60,94 76,76 62,60 40,64 28,78",
    ),
    Form(
        "6 with a curled head",
        6,
        "~ 70,8 50,4 32,16 22,44 22,70 34,92 54,96 74,88 78,68 68,50 46,46 26,60",
        "~ 80,28 70,8 50,4 28,14 20,46 22,74 36,93 56,96 76,86 80,66 68,48 44,46 24,62",
    ),
    Form("6 begun at its ring", 6, "~ 24,70 44,54 70,60 74,82 50,96 28,84 24,64 40,26 66,6"),
    Form("8", 8, "~ 50,48 26,30 32,9 52,4 72,12 74,30 50,48 24,66 24,88 50,96 76,88 76,66 50,48"),
    Form(
        "8 of two rings", 8, "~ 50,48 28,38 30,12 50,4 70,12 72,38 50,48 | ~ 50,48 22,62 24,88 50,96 76,88 78,62 50,48"
    ),
    Form(
        "3",
        3,
        "~ 22,20 44,4 72,14 66,40 42,48 70,56 80,78 54,96 20,86",
        "~ 24,10 54,4 74,24 58,44 40,46 66,52 76,76 50,95 22,90",
    ),
    Form("3 with a flat top", 3, "18,6 78,6 46,42 | ~ 46,42 74,52 78,78 52,96 18,88"),
    Form(
        "5",
        5,
        "78,6 30,6 26,46 | ~ 26,46 56,38 80,58 72,88 44,96 18,88",
        "76,8 34,6 30,44 | ~ 30,44 60,44 76,66 64,90 40,95 20,84",
    ),
    Form("5 with a bar of its own", 5, "~ 32,10 28,44 58,42 78,64 66,92 20,90 | 34,8 80,4"),
)

HELD_OUT = (
    Form("plain 1", 1, "62,4 62,96"),
    Form("1 with a short serif", 1, "44,22 62,4 62,96"),
    Form("1 with a long up-stroke", 1, "26,40 62,4 62,96"),
    Form("1 with an up-stroke to half its height", 1, "20,52 62,4 62,96"),
    Form("1 with an up-stroke to its baseline", 1, "16,94 60,6 60,94"),
    Form("1 with a base", 1, "62,4 62,96 | 38,96 86,96"),
    Form("1 with a short serif and a base", 1, "44,22 62,4 62,96 | 38,96 86,96"),
    Form("1 with a long up-stroke and a base", 1, "26,40 62,4 62,96 | 34,96 90,96"),
    Form("7", 7, "18,8 78,8 42,94"),
    Form("7 with a bar", 7, "20,8 80,6 46,94 | 34,48 78,48"),
    Form("7 with a serif", 7, "20,24 20,8 80,8 50,94"),
    Form("7 with a serif and a bar", 7, "18,22 20,6 80,8 46,94 | 32,50 76,46"),
    Form("open 4", 4, "32,8 20,62 82,60 | 64,34 62,94"),
    Form("closed 4", 4, "66,94 64,6 16,62 86,62"),
    Form("9 with a straight foot", 9, "~ 70,30 60,8 36,8 24,28 38,46 60,44 70,30 | 72,12 68,94"),
    Form("9 with a curved foot", 9, "~ 70,30 60,8 36,8 24,28 38,46 60,44 70,30 | ~ 72,28 72,60 56,90 32,88"),
    Form(
        "9 with a curled foot",
        9,
        "~ 72,38 56,50 36,48 26,34 30,16 50,7 68,16 76,44 70,78 54,92 36,92 26,80",
    ),
    Form("2", 2, "~ 20,28 38,8 64,8 74,26 58,56 22,90 | 22,90 80,92"),
    Form("2 with a loop", 2, "~ 22,26 44,6 70,16 68,40 40,74 22,90 16,78 32,78 56,92 84,84"),
    Form("0", 0, "~ 50,6 30,22 22,52 32,84 52,94 72,78 76,46 68,18 50,6"),
    Form("slashed 0", 0, "~ 50,6 30,22 22,52 32,84 52,94 72,78 76,46 68,18 50,6 | 70,20 30,80"),
    Form("6", 6, "~ 64,8 38,32 26,66 38,92 62,90 70,70 54,58 34,68"),
    Form(
        "6 with a curled head",
        6,
        "~ 74,20 62,7 44,8 30,22 24,54 30,82 48,93 68,86 74,68 64,54 44,52 28,64",
    ),
    Form("8", 8, "~ 68,18 48,6 32,18 40,40 64,58 72,80 52,95 30,82 36,58 60,42 68,18"),
    Form("3", 3, "~ 24,16 48,5 70,20 56,42 44,46 68,58 74,80 50,94 24,84"),
    Form("5", 5, "74,8 36,8 30,48 | ~ 30,48 54,42 74,60 68,86 44,94 24,86"),
)

#: What is no digit, but near one: the network is to find it likelier than any other, and not to be sure.
LOOKALIKES = (
    Form("ring", 0, "~ 50,4 17,17 4,50 17,83 50,96 83,83 96,50 83,17 50,4"),
    Form("D", 0, "24,4 24,96 | ~ 24,4 62,10 80,34 80,66 62,90 24,96"),
    Form("Z", 2, "14,6 84,6 14,94 86,94"),
    Form("B", 8, "22,4 22,96 | ~ 22,4 66,8 74,26 60,44 22,48 | ~ 22,48 70,54 80,74 66,92 22,96"),
)

OTHER_THINGS = (
    *(
        Form(name, None, strokes)
        for name, strokes in (
            ("A", "12,96 50,4 88,96 | 28,62 72,62"),
            ("C", "~ 84,20 54,4 22,22 16,56 34,88 62,95 86,80"),
            ("E", "80,6 22,6 22,94 82,94 | 22,50 70,50"),
            ("F", "80,6 22,6 22,96 | 22,50 68,50"),
            ("H", "20,4 20,96 | 80,4 80,96 | 20,50 80,50"),
            ("K", "22,4 22,96 | 80,6 22,54 82,96"),
            ("M", "10,96 18,4 50,62 82,4 90,96"),
            ("N", "20,96 20,4 80,96 80,4"),
            ("P", "24,96 24,4 | ~ 24,6 66,8 76,28 62,48 24,52"),
            ("R", "24,96 24,4 | ~ 24,6 66,8 74,28 60,46 24,50 | 44,50 82,96"),
            ("U", "~ 18,4 18,60 30,90 60,94 80,70 82,4"),
            ("V", "12,4 50,96 88,4"),
            ("W", "6,4 28,96 50,30 72,96 94,4"),
            ("X", "16,4 84,96 | 84,4 16,96"),
            ("Y", "10,4 52,52 88,4 | 52,52 48,96"),
            ("y", "20,24 50,62 | 82,24 34,96"),
            ("L", "22,4 22,96 78,96"),
            ("J", "~ 66,4 68,56 62,86 38,94 18,76"),
            ("G", "~ 80,22 54,4 24,20 16,56 32,88 62,94 82,76 82,56 | 54,56 84,56"),
            ("Q", "~ 48,4 20,20 12,50 22,80 48,92 76,78 84,46 74,16 48,4 | 56,64 90,96"),
            ("d", "~ 68,48 42,40 22,64 36,92 60,90 70,68 | 70,4 70,96"),
            ("f", "~ 78,14 60,4 48,18 46,96 | 22,42 72,42"),
            ("t", "~ 44,6 44,80 54,96 74,90 | 22,30 70,30"),
            ("u", "~ 20,30 20,74 40,92 64,82 72,60 | 74,30 76,94"),
            ("w", "~ 8,30 22,84 34,84 50,44 64,84 78,84 92,30"),
            ("T", "10,6 90,6 | 50,6 50,96"),
            ("a", "~ 74,40 46,28 24,50 34,82 62,80 74,52 | 76,34 78,92"),
            ("e", "~ 22,56 78,54 66,24 36,22 18,54 34,88 78,84"),
            ("h", "26,4 26,96 | ~ 26,60 44,42 68,46 72,64 72,96"),
            ("k", "26,4 26,96 | 70,36 26,68 74,96"),
            ("m", "14,30 14,92 | ~ 14,48 32,30 48,44 48,92 | ~ 48,48 66,30 84,44 86,92"),
            ("n", "22,30 22,92 | ~ 22,52 44,30 68,36 74,58 74,92"),
            ("r", "34,28 34,94 | ~ 34,52 48,34 72,32"),
            ("x", "~ 18,20 40,36 60,66 84,86 | 80,18 22,90"),
            ("triangle", "50,8 92,90 8,90 50,8"),
            ("square", "12,12 88,12 88,88 12,88 12,12"),
            ("oblong", "4,30 96,30 96,72 4,72 4,30"),
            ("plus", "50,8 50,92 | 8,50 92,50"),
            ("arrow", "6,50 94,50 | 66,22 94,50 66,78"),
            ("diamond", "50,4 88,50 50,96 12,50 50,4"),
            ("wave", "~ 4,50 20,26 36,50 52,76 68,50 84,26 98,50"),
            ("zigzag", "4,70 22,30 40,70 58,30 76,70 96,30"),
            ("equals", "8,32 92,32 | 8,68 92,68"),
            ("spiral", "~ 50,50 58,42 64,56 46,68 32,48 48,26 76,36 80,66 54,90 20,78 10,40 30,8 74,6"),
            ("heart", "~ 50,94 14,50 12,20 32,10 50,30 68,10 88,20 86,50 50,94"),
            ("star", "50,4 80,94 4,36 96,36 20,94 50,4"),
            ("house", "14,96 14,40 50,6 86,40 86,96 14,96"),
            ("house with a roof", "20,44 20,96 80,96 80,44 | 8,48 50,6 92,48"),
            ("cloud", "~ 20,76 6,60 18,42 30,24 54,18 74,30 94,46 88,72 54,78 20,76"),
            ("moon", "~ 70,6 40,20 30,50 40,80 70,94 30,90 8,50 30,10 70,6"),
            ("drop", "~ 50,4 26,50 24,78 50,96 76,78 74,50 50,4"),
            ("tick", "10,58 36,90 92,10"),
            (
                "face",
                "~ 50,4 18,18 4,50 18,82 50,96 82,82 96,50 82,18 50,4 | 34,34 34,40 | 66,34 66,40 | 30,66 70,66",
            ),
            ("hash", "34,6 28,94 | 72,6 66,94 | 8,36 92,36 | 8,68 92,68"),
        )
    ),
)

#: Drawn by other points; and what is not among those above at all, from the cube on.
HELD_OUT_THINGS = (
    *(
        Form(name, None, strokes)
        for name, strokes in (
            ("A", "18,94 52,8 84,94 | 32,58 70,60"),
            ("C", "~ 78,18 50,6 26,26 22,60 40,90 80,84"),
            ("E", "78,8 26,8 24,92 78,90 | 26,52 66,50"),
            ("H", "24,6 22,94 | 76,6 78,94 | 22,46 78,48"),
            ("J", "~ 70,4 70,66 58,92 30,90 22,70"),
            ("K", "26,6 26,94 | 74,8 28,50 78,94"),
            ("L", "26,4 26,94 80,94"),
            ("M", "14,94 20,8 50,56 80,8 86,94"),
            ("N", "22,94 24,8 76,92 78,8"),
            ("Q", "~ 50,6 22,22 14,52 28,84 54,92 80,72 84,38 50,6 | 60,68 92,98"),
            ("R", "26,94 26,8 | ~ 26,8 62,10 70,28 58,44 28,48 | 42,50 76,92"),
            ("T", "16,8 86,8 | 50,8 48,94"),
            ("W", "10,8 30,92 50,40 68,92 90,8"),
            ("X", "20,8 80,92 | 78,8 22,92"),
            ("Y", "14,4 50,50 86,4 | 50,50 50,96"),
            ("d", "~ 70,50 44,42 26,64 38,90 62,88 70,66 | 72,4 74,94"),
            ("f", "~ 74,10 56,4 46,22 46,96 | 24,40 70,40"),
            ("h", "28,6 28,94 | ~ 28,62 46,44 66,50 70,68 70,94"),
            ("k", "28,6 28,94 | 68,38 30,66 72,92"),
            ("m", "16,32 16,90 | ~ 16,46 34,34 48,48 48,90 | ~ 48,46 66,34 82,48 84,90"),
            ("w", "10,30 28,90 50,44 70,90 90,30"),
            ("v", "16,26 50,92 84,26"),
            ("circle", "~ 50,8 20,20 8,50 20,80 50,92 80,80 92,50 80,20 50,8"),
            ("square", "14,16 84,14 86,84 16,86 14,16"),
            ("triangle", "48,10 88,86 12,88 48,10"),
            ("heart", "~ 50,92 16,54 10,26 30,8 50,28 70,8 90,26 84,54 50,92"),
            ("star", "50,4 76,90 8,36 92,36 24,90 50,4"),
            ("house", "16,94 16,44 50,8 84,44 84,94 16,94"),
            ("cloud", "~ 18,74 8,54 24,40 34,20 60,20 72,38 92,46 88,70 18,74"),
            ("arrow", "10,54 90,48 | 70,26 90,48 70,72"),
            ("cube", "10,34 62,34 62,90 10,90 10,34 | 10,34 36,10 90,10 62,34 | 90,10 90,66 62,90"),
            ("envelope", "6,20 94,20 94,80 6,80 6,20 50,56 94,20"),
            ("bolt", "62,4 26,54 54,54 34,96"),
            ("stick figure", "~ 50,4 38,14 50,26 62,14 50,4 | 50,26 50,64 | 20,42 80,42 | 50,64 24,96 | 50,64 76,96"),
            ("tree", "50,96 50,60 | ~ 50,4 18,24 16,52 50,62 84,52 82,24 50,4"),
            ("umbrella", "~ 6,48 20,18 50,6 80,18 94,48 6,48 | ~ 50,48 50,84 60,94 70,84"),
            ("flag", "24,4 24,96 | 24,6 86,14 80,40 24,46"),
            ("fish", "~ 6,50 34,26 66,40 92,70 | ~ 6,50 34,74 66,60 92,30 92,70"),
        )
    ),
)


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
