"""Images as lists of their inked pixels, which are a fifth of MNIST's: a product with these alone is shorter."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.compiled import compiled, was_compiled

#: The lists go band by band, over four rows of pixels each, whose weights stay in the processor's nearest cache while
#: many images are multiplied by them.
BAND = 112
BANDS = 784 // BAND


class Ink(NamedTuple):
    """Lists of the inked pixels of n images.

    Args:
        ends: (n, BANDS + 1) int32; the list of image i in band b goes from ``ends[i, b]`` to ``ends[i, b + 1]``.
        pixels: uint16, from 0 to 783, ascending within an image.
        values: uint8 from 0 to 255, or float32 from 0 to 1.
    """

    ends: NDArray[np.int32]
    pixels: NDArray[np.uint16]
    values: NDArray[np.uint8] | NDArray[np.float32]

    @property
    def scale(self) -> np.float32:
        """Factor from a value to the network's input."""
        return np.float32(1 / 255) if self.values.dtype == np.uint8 else np.float32(1)

    def part(self, part: slice | NDArray[np.int64]) -> "Ink":
        """Return the lists of some of the images; they share memory."""
        return Ink(np.ascontiguousarray(self.ends[part]), self.pixels, self.values)


def ink_of(images: Tensor) -> Ink:
    """List the inked pixels of (n, 784) images on the CPU, uint8 or float32."""
    pictures = images.contiguous().numpy()
    ends = np.empty((len(pictures), BANDS + 1), np.int32)
    count = _measure(pictures, ends)
    # As torch allocates: on the boundary of a cache line.
    pixels = torch.empty(count, dtype=torch.uint16).numpy()
    values = torch.empty(count, dtype=images.dtype).numpy()
    _list(pictures, ends, pixels, values)
    return Ink(ends, pixels, values)


def compiles() -> bool:
    """Return True if this process is one that compiles, after its first list: the first on a machine, or each where
    code cannot be kept.
    """
    return was_compiled(_measure)


@compiled
def _measure(images: NDArray[np.float32], ends: NDArray[np.int32]) -> int:
    """Write the places where lists end, and return the length of all."""
    total = 0
    for i in range(len(images)):
        ends[i, 0] = total
        for band in range(BANDS):
            for pixel in range(band * BAND, (band + 1) * BAND):
                total += images[i, pixel] != 0
            ends[i, band + 1] = total
    return total


@compiled
def _list(
    images: NDArray[np.float32], ends: NDArray[np.int32], pixels: NDArray[np.uint16], values: NDArray[np.float32]
) -> None:
    for i in range(len(images)):
        for band in range(BANDS):
            place = ends[i, band]
            for pixel in range(band * BAND, (band + 1) * BAND):
                if images[i, pixel] != 0:
                    pixels[place], values[place] = pixel, images[i, pixel]
                    place += 1
