"""Ink against its own paper, in any light and of any colour.

The paper is what remains where strokes are wiped away: a morphological closing where ink is dark, an opening where it
is light. Source: Gonzalez and Woods, Digital Image Processing, 4th edition, 2018, sections 9.8 and 10.3 (Otsu's
threshold).
"""

import numpy as np
from PIL import Image, ImageFilter

from core.handwriting.preprocessing import Floats

#: The longer side of the thumbnails on which the paper is looked at.
THUMBNAIL_SIDE = 80
#: The closing wipes away strokes up to this share of the thumbnail's longer side.
WIDEST_STROKE = 0.2
#: Ink must be darker than its paper by this share, or there is none.
LEAST_CONTRAST = 0.12


def inks(picture: Image.Image) -> list[Floats]:
    """Return how much each pixel differs from dark ink's paper, and from light ink's: (height, width), 0 to 1 each."""
    channels = np.moveaxis(np.atleast_3d(np.asarray(picture, dtype=np.float32)), 2, 0)
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    # Noise would lift a maximum; a median of a few pixels takes it out first.
    thumbs = np.moveaxis(np.atleast_3d(np.asarray(small.filter(ImageFilter.MedianFilter(3)), dtype=np.float32)), 2, 0)
    window = 2 * round(max(small.size) * WIDEST_STROKE / 2) + 1
    inks = []
    for inverted in (False, True):
        here, there = (255 - channels, 255 - thumbs) if inverted else (channels, thumbs)
        papers = [_enlarged(paper, picture.size, window) for paper in _closed(there, window)]
        # The colour that differs most tells, so that yellow counts on white.
        differs = [(paper - channel) / np.maximum(paper, 32) for channel, paper in zip(here, papers, strict=True)]
        inks.append(np.clip(np.max(differs, axis=0), 0, 1))
    return inks


def _closed(values: Floats, window: int) -> Floats:
    """Return (k, height, width) values in which dark strokes narrower than the window are filled with their paper."""
    for reduce in (np.max, np.min):
        for axis in (1, 2):
            reach = [(window // 2,) * 2 if a == axis else (0, 0) for a in (0, 1, 2)]
            padded = np.pad(values, reach, mode="edge")
            values = reduce(np.lib.stride_tricks.sliding_window_view(padded, window, axis), axis=-1)
    return values


def _enlarged(paper: Floats, size: tuple[int, int], window: int) -> Floats:
    smooth = Image.fromarray(paper.astype(np.uint8)).filter(ImageFilter.BoxBlur(window // 4))
    return np.asarray(smooth.resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def thresholds(ink: Floats) -> list[float]:
    """Return Otsu's threshold and that of the darker part alone, which leaves out fainter lines than the ink."""
    first = max(_otsu(ink), LEAST_CONTRAST / 2)
    darker = ink[ink > first]
    if not len(darker) or float(np.median(darker)) < LEAST_CONTRAST:
        return []
    return [first, _otsu(darker)]


def _otsu(ink: Floats) -> float:
    """Return the threshold that separates the values into the two groups that differ most (Otsu, 1979)."""
    low, high = float(ink.min()), float(ink.max())
    if high - low < 1e-3:
        return low
    counts, edges = np.histogram(ink, bins=128, range=(low, high))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(edges[1 + int(np.nanargmax(between))]) if np.isfinite(between).any() else low
