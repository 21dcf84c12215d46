"""Signed values as images, weights above all: blue above zero, orange below, the more opaque the larger."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

POSITIVE, NEGATIVE = (47, 127, 214), (217, 119, 6)
#: The share of the values that stays below full colour: the few largest would leave all others pale.
QUANTILE = 0.99
#: Shades of each sign: few, since the eye tells no more apart and a page may have a hundred of these images.
SHADES = 31
_PALETTE = [channel for i in range(-SHADES, SHADES + 1) for channel in (POSITIVE if i > 0 else NEGATIVE)]
_OPACITY = bytes(round(255 * abs(i) / SHADES) for i in range(-SHADES, SHADES + 1))


def full_scale(values: NDArray[np.float32]) -> float:
    """Return the size from which on the values are drawn in full colour."""
    return float(np.quantile(np.abs(values), QUANTILE))


def signed_image(values: NDArray[np.float32], largest: float) -> Image.Image:
    """Return (height, width) values as a palette image, clear at zero and in full colour from ``largest`` on."""
    steps = np.clip(values / (largest or 1.0), -1, 1) * SHADES + SHADES
    image = Image.fromarray(steps.round().astype(np.uint8))
    image.putpalette(_PALETTE)
    image.info["transparency"] = _OPACITY
    return image


def tiled(tiles: NDArray[np.float32], gap: int, scale: int = 1) -> Image.Image:
    """Return (rows, columns, height, width) values as one image, on one scale.

    Args:
        gap: pixels between two tiles, clear.
        scale: pixels per value.
    """
    rows, columns, height, width = tiles.shape
    apart = np.pad(tiles.repeat(scale, 2).repeat(scale, 3), ((0, 0), (0, 0), (0, gap), (0, gap)))
    page = apart.transpose(0, 2, 1, 3).reshape(rows * (height * scale + gap), columns * (width * scale + gap))
    return signed_image(page[: page.shape[0] - gap, : page.shape[1] - gap], full_scale(tiles))
