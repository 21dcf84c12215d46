"""Reading of picture files, scans and photographs, within bounds, and of the digit in them in any light.

Uneven light is taken out by dividing by the paper's own brightness, which a morphological closing estimates: what
remains where strokes are wiped away. Source: Gonzalez and Woods, Digital Image Processing, 4th edition, 2018, sections
9.8 and 10.3 (Otsu's threshold).
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from core.files import shortened
from core.handwriting.preprocessing import Bytes, Floats, Steps, border, from_ink, steps

LARGEST_PIXELS = 40_000_000
#: Pictures with longer sides are made smaller before anything is looked for, so that none takes much memory.
LARGEST_SIDE = 2_000
#: No reader of Pillow that starts other programs or that nobody takes pictures with.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
#: The longer side of what is worked on, and of the thumbnails on which light and blobs are looked at.
WORKING_SIDE, THUMBNAIL_SIDE = 480, 120
#: The border of even paper: half of its grey values lie within so many of each other.
EVEN = 2.0
#: The closing wipes away strokes up to this share of the thumbnail's longer side.
WIDEST_STROKE = 0.2
#: Ink must be darker than its paper by this share, or there is none.
LEAST_CONTRAST = 0.12
#: Blobs smaller than this share of the digit's, or farther from it than this share of its longer side, are dirt.
SMALLEST_PART, FARTHEST_PART = 0.03, 0.25


#: Of 90 to 179 million pixels Pillow would only warn, on stderr, in whatever thread; of more, it raises by itself.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class TooLargeError(ValueError):
    """Refusal of a picture for the number of its pixels, before it is decoded."""


@contextmanager
def open_picture(source: Path | bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """Open a picture from outside, which is decoded when its pixels are first used, in the ``with`` block too.

    Raises:
        TooLargeError: if it has over 40 million pixels.
        ValueError: if it is no readable picture of these formats.
    """
    try:
        with Image.open(source if isinstance(source, Path) else io.BytesIO(source), formats=formats) as image:
            if (pixels := image.width * image.height) > LARGEST_PIXELS:
                raise TooLargeError(f"image must have at most {LARGEST_PIXELS} pixels, got one with {pixels}.")
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooLargeError(f"image must have at most {LARGEST_PIXELS} pixels, got one with far more.") from None
    except (OSError, SyntaxError) as error:
        raise ValueError(f"image must be a readable picture file, got an error: {error}.") from None


def read_image(source: Path | bytes) -> Image.Image:
    """Return the picture in a file or of its content, upright, as grey values on white paper.

    A JPEG larger than needed is decoded smaller.

    Raises:
        ValueError: if it is not a picture, or one of over 40 million pixels.
    """
    name = source if isinstance(source, Path) else "a file that is none"
    try:
        with open_picture(source, FORMATS) as image:
            image.draft("RGB", (2 * WORKING_SIDE, 2 * WORKING_SIDE))
            upright = ImageOps.exif_transpose(image)
    except TooLargeError:
        raise
    except ValueError:
        raise ValueError(f"image must be a readable picture file, got {shortened(str(name))}.") from None
    if upright.mode in ("1", "L", "RGB") and "transparency" not in upright.info:
        return upright.convert("L")
    if upright.mode.startswith(("I", "F")):
        values = np.asarray(upright, dtype=np.float64)
        span = float(values.max() - values.min()) or 1.0
        return Image.fromarray(((values - values.min()) * (255 / span)).astype(np.uint8))
    opaque = upright.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque).convert("L")


def read_canvas(png: bytes, side: int) -> Bytes | None:
    """Return the (side, side) grey values of a drawing canvas; None for data that such a canvas cannot have sent."""
    try:
        with open_picture(png, ("PNG",)) as image:
            return np.asarray(image.convert("L")) if image.size == (side, side) else None
    except ValueError:
        return None


def find_digit(picture: Image.Image) -> Steps:
    """Return the digit in grey values of any size, dark on light or light on dark, in even or uneven light.

    Raises:
        ValueError: if nothing stands out from the paper.
    """
    if max(picture.size) > LARGEST_SIDE:
        picture = picture.copy()
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
    low, high = np.percentile(border(np.asarray(picture, dtype=np.float32)), (25, 75))
    if high - low <= EVEN:
        return steps(picture)
    picture = picture.copy()
    picture.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
    grey = np.asarray(picture)
    ink = _even_light(picture)
    threshold = _otsu(ink)
    high = float(np.median(ink[ink > threshold])) if (ink > threshold).any() else 0.0
    if high < LEAST_CONTRAST:
        raise ValueError("image must show a digit, got one in which nothing stands out from its paper.")
    mask = _digit_only(ink > threshold)
    # A soft edge: half of the ink's darkness is half a pixel's ink.
    soft = np.clip((ink - 0.3 * high) / (0.5 * high), 0, 1) * mask
    return from_ink(grey, (soft / soft.max()).astype(np.float32))


def _even_light(picture: Image.Image) -> Floats:
    """Return each pixel's darkness against its paper, 0 to 1; pictures with light ink are inverted first."""
    blurred = picture.filter(ImageFilter.BoxBlur(max(picture.size) * WIDEST_STROKE))
    difference = np.asarray(picture, dtype=np.float32) - np.asarray(blurred, dtype=np.float32)
    if (difference**3).mean() > 0:
        picture = ImageOps.invert(picture)
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    window = 2 * round(THUMBNAIL_SIDE * WIDEST_STROKE / 2) + 1
    # Noise would lift a maximum; a median of a few pixels takes it out first.
    values = np.asarray(small.filter(ImageFilter.MedianFilter(3)), dtype=np.float32)
    for reduce in (np.max, np.min):
        for axis in (0, 1):
            reach = [(window // 2,) * 2 if a == axis else (0, 0) for a in (0, 1)]
            padded = np.pad(values, reach, mode="edge")
            values = reduce(np.lib.stride_tricks.sliding_window_view(padded, window, axis), axis=-1)
    paper = Image.fromarray(values.astype(np.uint8)).filter(ImageFilter.BoxBlur(window // 4))
    brightness = np.maximum(np.asarray(paper.resize(picture.size, Image.Resampling.BICUBIC)), 32)
    darker: Floats = np.clip(1 - np.asarray(picture, dtype=np.float32) / brightness, 0, 1)
    return darker


def _otsu(ink: Floats) -> float:
    """Return the threshold that separates the values into the two groups that differ most (Otsu, 1979)."""
    counts, edges = np.histogram(ink, bins=128, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(edges[1 + int(np.nanargmax(between))])


def _digit_only(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the digit's mask: the largest blob and those near it, without dirt and shadows at the border."""
    image = Image.fromarray(ink)
    small = (
        image.convert("L").reduce(max(1, max(image.size) // (2 * THUMBNAIL_SIDE))).point(lambda v: 255 if v > 60 else 0)
    )
    labels = small.filter(ImageFilter.MaxFilter(3)).convert("I")
    values = np.array(labels)
    count = 0
    while count < 200 and (values == 255).any():
        count += 1
        row, column = np.argwhere(values == 255)[0]
        ImageDraw.floodfill(labels, (int(column), int(row)), 1000 + count)
        values = np.array(labels)
    blobs = [values == 1000 + i for i in range(1, count + 1)]
    inside = [blob for blob in blobs if not border(blob.astype(np.float32)).any()]
    main = max(inside or blobs, key=lambda blob: int(blob.sum()))
    rows, columns = np.flatnonzero(main.any(1)), np.flatnonzero(main.any(0))
    reach = FARTHEST_PART * max(np.ptp(rows), np.ptp(columns))
    mask = np.zeros_like(main)
    for blob in inside or blobs:
        y, x = np.nonzero(blob)
        near = (
            y.max() >= rows[0] - reach
            and y.min() <= rows[-1] + reach
            and x.max() >= columns[0] - reach
            and x.min() <= columns[-1] + reach
        )
        if near and blob.sum() >= SMALLEST_PART * main.sum():
            mask |= blob
    return np.asarray(Image.fromarray(mask).resize(image.size, Image.Resampling.NEAREST))
