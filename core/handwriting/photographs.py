"""Reading of picture files within bounds, and of the digits in a picture: in any light, on ruled paper, on a desk.

The picture is looked at in several ways: for dark ink and for light, by several thresholds. What is most like digits is
taken.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core.files import shortened
from core.handwriting.paper import inks, thresholds
from core.handwriting.preprocessing import Bytes, Floats, Steps, from_ink
from core.handwriting.regions import Labels, Region, around, digits_among, is_sheet, regions
from core.handwriting.ruled import without_rules

LARGEST_PIXELS = 40_000_000
#: The longer side of what is worked on; smaller pictures are enlarged, so that their strokes have edges.
WORKING_SIDE, LEAST_SIDE = 480, 200
#: In a picture's information: how many times its file's width is its own.
REDUCED = "reduced"
#: EXIF's number of how a picture was held, and what puts one of each value upright; 1 and all others are upright.
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: No reader of Pillow that starts other programs or that nobody takes pictures with.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
#: The ends of the names of such files.
ENDINGS = ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "ppm", "pgm", "pbm")

#: Of 90 to 179 million pixels Pillow would only warn, on stderr, in whatever thread; of more, it raises by itself.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
#: The soft edge of strokes in pixels, and how much paper around a digit is looked at to tell them from it.
EDGE, MARGIN = 2, 12
#: What is around digits is looked at up to this share of their size.
FRAME = 0.1
#: Faint ink belongs to a digit too, unless it is clearly better without: that is less likely by so much.
FAINT_TOO = 0.85
#: A picture seldom cuts a digit at its border.
CUT = 0.4
#: Less like digits than this is nothing.
LEAST_LIKENESS = 0.05
NOTHING = (
    "image must show one to eight digits, got one in which nothing stands out from its paper like the strokes of a "
    "pen, or too much does."
)


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
    except ValueError:
        raise
    except Exception as error:
        # Damaged bytes make Pillow's decoders raise whatever they happen to lead to.
        raise ValueError(f"image must be a readable picture file, got an error: {error}.") from None


def read_image(source: Path | bytes) -> Image.Image:
    """Return the picture in a file or of its content, upright, in grey values ("L") or colours ("RGB").

    Transparent paper becomes white, and black under light ink.

    Raises:
        ValueError: if it is not a picture, or one of over 40 million pixels.
    """
    name = source if isinstance(source, Path) else "a file that is none"
    try:
        with open_picture(source, FORMATS) as image:
            width = image.width
            image.draft("RGB", (2 * WORKING_SIDE, 2 * WORKING_SIDE))
            image.info[REDUCED] = width / image.width
            upright = _upright(image)
    except TooLargeError:
        raise
    except ValueError:
        raise ValueError(f"image must be a readable picture file, got {shortened(str(name))}.") from None
    if upright.mode in ("L", "RGB") and "transparency" not in upright.info:
        return upright
    if upright.mode == "1":
        return upright.convert("L")
    if upright.mode.startswith(("I", "F")):
        values = np.asarray(upright, dtype=np.float64)
        span = float(values.max() - values.min()) or 1.0
        return Image.fromarray(((values - values.min()) * (255 / span)).astype(np.uint8))
    if upright.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in upright.info:
        return upright.convert("RGB")
    opaque = upright.convert("RGBA")
    alpha = np.asarray(opaque.getchannel("A"), dtype=np.float32)
    grey = np.asarray(opaque.convert("RGB").convert("L"), dtype=np.float32)
    light = alpha.min() < 255 and float((grey * alpha).sum()) > 127 * float(alpha.sum())
    paper = Image.new("RGBA", opaque.size, "black" if light else "white")
    return Image.alpha_composite(paper, opaque).convert("RGB")


def _upright(image: Image.Image) -> Image.Image:
    """Return a copy of the picture as it was held; ``ImageOps.exif_transpose`` would write its EXIF anew, and fail."""
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:
        # The pixels are whole, whatever else the file says of them.
        turn = None
    return image.copy() if turn is None else image.transpose(turn)


@dataclass(frozen=True)
class _Reading:
    """One way to see the picture: how much ink is where, the regions of each digit, and how like digits they are."""

    ink: Floats
    labels: Labels
    digits: list[list[Region]]
    likeness: float

    @property
    def parts(self) -> list[Region]:
        return [region for digit in self.digits for region in digit]


def find_digits(picture: Image.Image) -> list[Steps]:
    """Return the digits in a picture of any size, dark on light or light on dark, in the order of reading.

    The steps' picture, and so their boxes, has a longer side of 200 to 480 pixels.

    Raises:
        ValueError: if nothing stands out from the paper like the strokes of a pen, or more than eight digits do.
    """
    picture = _at_working_size(picture)
    grey = np.asarray(picture.convert("L"))
    colors = np.atleast_3d(np.asarray(picture, dtype=np.float32))
    readings = [reading for ink in inks(picture) for reading in _readings(ink, colors)]
    readings = [reading for reading in readings if reading.likeness >= LEAST_LIKENESS]
    # A sheet on a dark desk is like a light digit, too.
    written = [digit for reading in readings for digit in reading.digits]
    readings = [
        r for r in readings if not any(is_sheet(part, r.labels, digit) for part in r.parts for digit in written)
    ]
    if not readings:
        raise ValueError(NOTHING)
    best = max(readings, key=lambda reading: reading.likeness)
    return [_steps(grey, best, digit) for digit in best.digits]


def box_in(picture: Image.Image, way: Steps) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of a digit in the pixels of the file that the picture was read from."""
    scale = picture.info.get(REDUCED, 1.0) * picture.width / way.picture.shape[1]
    left, top, right, bottom = (round(scale * place) for place in way.box)
    return left, top, right, bottom


def _at_working_size(picture: Image.Image) -> Image.Image:
    if picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    longer = max(picture.size)
    if longer > 2 * WORKING_SIDE:
        picture = picture.reduce(longer // WORKING_SIDE)
        longer = max(picture.size)
    if longer > WORKING_SIDE or longer < LEAST_SIDE:
        scale = (WORKING_SIDE if longer > WORKING_SIDE else LEAST_SIDE) / longer
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC)
    return picture


def _readings(ink: Floats, colors: Floats) -> list[_Reading]:
    """Return what is like digits in the ink, by each threshold."""
    readings = []
    for number, threshold in enumerate(thresholds(ink)):
        labels, found = regions(without_rules(ink > threshold))
        if digits := digits_among(found, ink.shape):
            cut = any(_touches(region, ink.shape) for digit in digits for region in digit)
            likeness = _likeness(colors, labels, found, digits) * FAINT_TOO**number * CUT**cut
            readings.append(_Reading(ink, labels, digits, likeness))
    return readings


def _likeness(colors: Floats, labels: Labels, found: list[Region], digits: list[list[Region]]) -> float:
    """Return how much the regions are like digits: unlike what is around them, large, hardly anything else there."""
    chosen = [region for digit in digits for region in digit]
    size = max(region.size for region in chosen)
    left, top, right, bottom = around(chosen)
    near = [r for r in found if r.box[0] > left - size / 2 and r.box[2] < right + size / 2]
    near = [r for r in near if r.box[1] > top - size / 2 and r.box[3] < bottom + size / 2]
    share = sum(r.area for r in chosen) / sum(r.area for r in near)
    reach = round(FRAME * size) + 2
    frame = np.s_[max(0, top - reach) : bottom + reach, max(0, left - reach) : right + reach]
    outside = np.ones(labels.shape, dtype=bool)
    outside[top:bottom, left:right] = False
    # What seems to be light ink within the strokes of dark ink has the paper's colour, which is around it too.
    paper = np.median(colors[frame][outside[frame]], axis=0) if outside[frame].any() else colors.mean((0, 1))
    within = np.s_[top:bottom, left:right]
    ink = np.median(colors[within][_mask(labels[within], chosen)], axis=0)
    contrast = float((np.abs(paper - ink) / np.maximum(np.maximum(paper, ink), 32)).max())
    # Between the strokes is the paper that is around them; within the edge of a sheet is the sheet, around it the desk.
    between = colors[within][labels[within] == 0]
    same = (_apart(between, paper) < _apart(between, ink)).mean() if len(between) else 1.0
    return float(contrast * same**2 * (size / max(labels.shape)) ** 0.5 * share)


def _apart(colors: Floats, color: Floats) -> Floats:
    """Return how far each of (n, channels) colours is from one, all channels together."""
    # A product is three times as fast as a sum of rows of three, and as exact: colours are halves of whole numbers.
    apart: Floats = np.abs(colors - color) @ np.ones(len(color), dtype=np.float32)
    return apart


def _touches(region: Region, shape: tuple[int, ...]) -> bool:
    left, top, right, bottom = region.box
    return left == 0 or top == 0 or bottom == shape[0] or right == shape[1]


def _mask(labels: Labels, chosen: list[Region]) -> NDArray[np.bool_]:
    table = np.zeros(max(int(labels.max()), *(region.label for region in chosen)) + 1, dtype=bool)
    table[[region.label for region in chosen]] = True
    return table[labels]


def _steps(grey: Bytes, reading: _Reading, digit: list[Region]) -> Steps:
    left, top, right, bottom = around(digit)
    part = np.s_[max(0, top - MARGIN) : bottom + MARGIN, max(0, left - MARGIN) : right + MARGIN]
    labels, ink = reading.labels[part], reading.ink[part]
    mask = _mask(labels, digit)
    high = float(np.median(ink[mask]))
    # The edge of a stroke, which the threshold cut, belongs to it; what is far from it does not.
    near = np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(2 * EDGE + 1)), dtype=bool)
    near &= (labels == 0) | mask
    low = min(0.3, 3 * float(np.median(ink[~near])) / high) if not near.all() else 0.0
    soft = np.clip((ink / high - low) / (0.9 - low), 0, 1) * near
    whole = np.zeros(grey.shape, dtype=np.float32)
    whole[part] = soft / soft.max()
    return from_ink(grey, whole)
