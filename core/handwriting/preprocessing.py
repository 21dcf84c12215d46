"""Normalisation of a picture of one digit to the form of the training digits.

MNIST's own recipe: the ink scaled to fit 20 x 20 pixels with its aspect kept, antialiased, in a
28 x 28 field with the centre of mass in the middle. Source: LeCun et al., Gradient-Based Learning
Applied to Document Recognition, 1998, and the figures measured over the 60,000 training digits.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

SIDE, BOX, CENTRE = 28, 20, 14.0
#: Ink fainter than this share of the darkest ink is taken for paper.
FAINTEST = 0.2
#: Strokes thinner than this, in the network's pixels, are made thicker: 19 of 20 training digits have wider ones.
#: A thin pen's line would fade, scaled down, to a grey that no network was trained on.
THINNEST = 1.65
#: Strokes wider than the first, which 1 of 20 training digits have, are made about as wide as the second.
THICKEST, USUAL = 3.6, 2.8
#: They are made thicker or thinner at so many times the network's resolution.
FINE = 4
#: Ink that would lose more than the rest of its length by that is a blot, and stays as it is.
LEAST_LEFT = 0.5
#: This part of the slant is taken away, if it moves the ends of the ink by so many of the network's pixels at least.
#: People draw digits that lean further than MNIST's. Half is the best part for training digits drawn again.
STRAIGHTENED, LEAST_MOVED = 0.5, 0.25
#: Ink over more than this share of the picture is no drawing; of its box, and as wide as tall, it is a blot.
FULL, BLOT = 0.6, 0.72

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Steps:
    """Intermediate pictures between a drawing and the network's input.

    Args:
        picture: (height, width) uint8, in which the ink was looked for.
        ink: (height, width) float32, how much ink is where, 0 to 1.
        box: (left, top, right, bottom) of the ink in pixels, the ends not included.
        thickened: by how many of the network's pixels the strokes were made wider, below 0 thinner; 0 unless they were
            too thin or too thick.
        straightened: pixels to the left, per pixel of height, by which the ink's top was moved against its foot, below
            0 to the right; 0 where it hardly leans.
        fitted: (rows, columns) float32, the ink in the box with its longer side 20 pixels.
        digit: (28, 28) uint8, paper 0 and ink up to 255.
    """

    picture: Bytes
    ink: Floats
    box: tuple[int, int, int, int]
    thickened: float
    straightened: float
    fitted: Floats
    digit: Bytes

    @property
    def doubt(self) -> str:
        """One sentence if this can hardly be a digit, else ""."""
        left, top, right, bottom = self.box
        width, height = right - left, bottom - top
        covered = float((self.ink > 0.5).sum())
        if covered > FULL * self.ink.size:
            return "There is more ink than paper. Clear it, and draw one digit with paper around it."
        if covered > BLOT * width * height and max(width, height) < 1.5 * min(width, height):
            return "That is a dot. Draw one digit, as large as you like."
        return ""


def normalise(picture: Bytes | Image.Image) -> Bytes:
    """Return the digit in MNIST's form: (28, 28) uint8, paper 0 and ink up to 255; see ``steps``."""
    return steps(picture).digit


def steps(picture: Bytes | Image.Image, paper: float | None = None) -> Steps:
    """Return the digit on even paper in MNIST's form, and the steps to it.

    Args:
        picture: (height, width) grey values of any size, dark ink on light paper or the reverse.
        paper: the paper's grey value; without it, the paper is what the border shows.

    Raises:
        ValueError: if nothing stands out from the paper.
    """
    grey = np.asarray(picture, dtype=np.float32)
    if paper is None:
        paper = float(np.median(border(grey)))
    ink = grey - paper if grey.mean() > paper else paper - grey
    if ink.max() < 10:
        raise ValueError("image must show a digit, got one in which nothing stands out from its border.")
    return from_ink(np.asarray(picture, dtype=np.uint8), ink / ink.max())


def border(grey: Floats) -> Floats:
    """Return the values along the four sides."""
    return np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))


def from_ink(picture: Bytes, ink: Floats) -> Steps:
    """Return the steps from the ink found in a picture, (height, width) each; the ink up to 1, some of it being 1."""
    ink = np.clip(ink, 0, 1)
    ink[ink < FAINTEST] = 0
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    upright, straightened = _straightened(ink[box[1] : box[3], box[0] : box[2]])
    strokes, thickened = _of_usual_width(upright)
    fitted = _fitted(strokes, BOX)
    return Steps(picture, ink, box, thickened, straightened, fitted, _centred(fitted))


def stroke_width(ink: Floats) -> float:
    """Return the mean width of the strokes in pixels: twice their area by the length of their edges."""
    padded = np.pad(ink, 1)
    edges = np.hypot(np.diff(padded, axis=0)[:, :-1], np.diff(padded, axis=1)[:-1])
    return 2 * float(ink.sum()) / float(edges.sum())


def slant(ink: Floats) -> float:
    """Return pixels to the right per pixel of height: the slope of the line that best fits the ink, row by row."""
    down, across = ink.sum(1), ink.sum(0)
    rows, columns = np.arange(len(down)), np.arange(len(across))
    rows, columns = rows - down @ rows / ink.sum(), columns - across @ columns / ink.sum()
    spread = float(down @ np.square(rows))
    return -float(rows @ ink @ columns) / spread if spread else 0.0


def _of_usual_width(ink: Floats) -> tuple[Floats, float]:
    """Return the ink with strokes about as wide as MNIST's thinnest to thickest, and the width added to them."""
    fine = _fitted(ink, BOX * FINE)
    width = stroke_width(fine) / FINE
    if (missing := round((THINNEST - width) * FINE / 2)) > 0:
        grown = Image.fromarray(np.pad(fine, missing)).filter(ImageFilter.MaxFilter(2 * missing + 1))
        return np.asarray(grown), 2 * missing / FINE
    # What is left is scaled up again to the whole box, its strokes too.
    times = round(BOX * FINE * (width - USUAL) / (BOX - USUAL) / 2)
    if width <= THICKEST or (worn := _worn(fine, times)) is None:
        return ink, 0.0
    return worn, -(width - stroke_width(worn) / FINE)


def _worn(ink: Floats, times: int) -> Floats | None:
    """Return the ink without so many pixels along its edges, in its box; None if hardly any of it would be left."""
    worn = np.pad(ink, 1)
    for turn in range(times):
        # By a cross and a square in turn, which together are an octagon: slanted strokes lose as much as upright ones.
        if turn % 2:
            worn = np.asarray(Image.fromarray(worn).filter(ImageFilter.MinFilter(3)))
        else:
            inner = np.minimum(np.minimum(worn[:-2, 1:-1], worn[2:, 1:-1]), worn[1:-1, 1:-1])
            worn = np.pad(np.minimum(inner, np.minimum(worn[1:-1, :-2], worn[1:-1, 2:])), 1)
    rows, columns = np.flatnonzero((worn > FAINTEST).any(1)), np.flatnonzero((worn > FAINTEST).any(0))
    if not len(rows) or max(np.ptp(rows), np.ptp(columns)) < LEAST_LEFT * max(ink.shape):
        return None
    return worn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _straightened(ink: Floats) -> tuple[Floats, float]:
    """Return the ink with less slant, in its box, and the slant taken away.

    Source: the deslanted digits of LeCun et al. 1998, which lost all of it.
    """
    fine = _fitted(ink, BOX * FINE)
    height, width = fine.shape
    by = STRAIGHTENED * slant(fine)
    if abs(by) * height / 2 < LEAST_MOVED * FINE:
        return ink, 0.0
    room = math.ceil(abs(by) * height / 2)
    size, back = (width + 2 * room, height), (1, -by, by * height / 2 - room, 0, 1, 0)
    moved = np.asarray(Image.fromarray(fine).transform(size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR))
    # A hairline in a large picture is faint everywhere.
    columns = np.flatnonzero((moved > FAINTEST * moved.max()).any(0))
    return moved[:, columns[0] : columns[-1] + 1], by


def _fitted(ink: Floats, longer_side: int) -> Floats:
    """Return the ink scaled to a longer side of so many pixels."""
    height, width = ink.shape
    scale = longer_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(ink).resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    return np.clip(np.asarray(small, dtype=np.float32), 0, 1)


def _centred(ink: Floats) -> Bytes:
    """Return the ink in the 28 x 28 field, moved by whole pixels so that its centre of mass is nearest to (14, 14)."""
    height, width = ink.shape
    total = ink.sum()
    centre_row = float((ink.sum(1) * np.arange(height)).sum() / total)
    centre_column = float((ink.sum(0) * np.arange(width)).sum() / total)
    top = min(max(round(CENTRE - centre_row), 0), SIDE - height)
    left = min(max(round(CENTRE - centre_column), 0), SIDE - width)
    field = np.zeros((SIDE, SIDE), dtype=np.uint8)
    field[top : top + height, left : left + width] = np.round(ink / ink.max() * 255)
    return field
