"""A picture of one digit made into what the network was trained on.

MNIST's own recipe: the ink scaled to fit 20 x 20 pixels with its aspect kept, antialiased, in a
28 x 28 field with the centre of mass in the middle. Source: LeCun et al., Gradient-Based Learning
Applied to Document Recognition, 1998, and the figures measured over the 60,000 training digits.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

SIDE, BOX, CENTRE = 28, 20, 14.0
#: Ink fainter than this share of the darkest ink is taken for paper.
FAINTEST = 0.2
LARGEST_PIXELS = 40_000_000


def read_image(path: Path) -> Image.Image:
    """The picture in a file, as grey values on white paper.

    Raises:
        ValueError: if it is not a picture, or one of over 40 million pixels.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > LARGEST_PIXELS:
                raise ValueError(f"image must have at most {LARGEST_PIXELS} pixels, got {path} with {width * height}.")
            opaque = image.convert("RGBA")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError):
        raise ValueError(f"image must be a readable picture file, got {path}.") from None
    paper = Image.new("RGBA", opaque.size, "white")
    return Image.alpha_composite(paper, opaque).convert("L")


def normalise(picture: NDArray[np.uint8] | Image.Image) -> NDArray[np.uint8]:
    """The digit as the network knows it.

    Args:
        picture: (height, width) grey values of any size, dark ink on light paper or the reverse: the
            paper is what the border shows.

    Returns:
        (28, 28) uint8, paper 0 and ink up to 255.

    Raises:
        ValueError: if nothing stands out from the paper.
    """
    grey = np.asarray(picture, dtype=np.float32)
    border = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    paper = float(np.median(border))
    ink = grey - paper if grey.mean() > paper else paper - grey
    if ink.max() < 10:
        raise ValueError("image must show a digit, got one in which nothing stands out from its border.")
    ink = np.clip(ink / ink.max(), 0, 1)
    ink[ink < FAINTEST] = 0
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _centred(_fitted(ink))


def _fitted(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink with its longer side 20 pixels."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = Image.fromarray(ink).resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    return np.clip(np.asarray(small, dtype=np.float32), 0, 1)


def _centred(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The ink in the 28 x 28 field, moved by whole pixels so that its centre of mass is nearest to (14, 14)."""
    height, width = ink.shape
    total = ink.sum()
    centre_row = float((ink.sum(1) * np.arange(height)).sum() / total)
    centre_column = float((ink.sum(0) * np.arange(width)).sum() / total)
    top = min(max(round(CENTRE - centre_row), 0), SIDE - height)
    left = min(max(round(CENTRE - centre_column), 0), SIDE - width)
    field = np.zeros((SIDE, SIDE), dtype=np.uint8)
    field[top : top + height, left : left + width] = np.round(ink / ink.max() * 255)
    return field
