"""Connected regions of ink, and which of them are digits: those that are like strokes, side by side.

What is no stroke is left out by its shape, never by its area alone: sheets and shadows are as wide as long, frames
enclose the rest, specks are small beside the digits.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]
Labels = NDArray[np.int64]

#: Strokes are at most so wide as a share of what they draw, and fill so much of its box unless it is so much longer
#: than wide.
WIDEST_STROKE, FULL, LONG = 0.4, 0.82, 2
#: A sheet fills so much of the smallest rectangle around it, at any angle. The pen that wrote on it is at most so wide
#: as a share of the strokes that this leaves of the sheet.
SHEET_FULL, SHEET_PEN = 0.8, 0.35
#: A digit's height and, of the tallest digit's, another digit's; of the digit's size, a part's that belongs to it.
SMALLEST, LEAST_HEIGHT, SMALLEST_PART = 0.04, 0.5, 0.08
#: Large parts belong together if so much of the narrower one's width is above or below the other and they are so near,
#: small parts if they are near.
OVERLAP, NEAR, PART_NEAR = 0.45, 0.12, 0.2
#: A line below a digit, so many times as long as high, underlines it if it is so far off or so long as a share of the
#: digit's height; else it may be the base of a 1. A dash is as far off.
FLAT, LINE_GAP, LINE_LENGTH = 4, 0.06, 0.8
#: A digit is in the row of one to its left if so much of the lower one's height is beside the other.
SAME_ROW = 0.3
#: Pieces, of which so much of the height is beside a digit, may be another one, if one of them is so large.
IN_LINE, LARGEST_PIECE = 0.8, 0.25
#: Digits of one number may be written by pens of which one is so many times as wide as another.
OTHER_PEN = 6
MOST_DIGITS = 8
#: What lies along so much of a side of the picture is a bar or a shadow, but for a digit that fills the picture.
BAR = 0.8
#: Fewer pixels are noise.
LEAST_AREA = 4


@dataclass(frozen=True)
class Region:
    """A connected region: its label, (left, top, right, bottom) with the ends not included, area, mean stroke width.

    Args:
        along: of a side of the picture, the largest share along which the region lies.
    """

    label: int
    box: tuple[int, int, int, int]
    area: int
    width: float
    along: float

    @property
    def size(self) -> int:
        """Longer side of the box."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def like_strokes(self) -> bool:
        left, top, right, bottom = self.box
        long = self.size >= LONG * min(right - left, bottom - top)
        return self.width <= WIDEST_STROKE * self.size and (long or self.area <= FULL * (right - left) * (bottom - top))


def regions(ink: Bits) -> tuple[Labels, list[Region]]:
    """Return (height, width) labels of the ink's regions, 0 for paper, and those of some pixels; corners connect."""
    labels, count = _labelled(ink)
    if not count:
        return labels, []
    rows, columns = pixels(labels > 0)
    own = labels[rows, columns]
    box = np.full((count + 1, 4), 10**9)
    np.minimum.at(box, own, np.stack((columns, rows, -columns, -rows), 1))
    area = np.bincount(own, minlength=count + 1)
    # Of a stroke, the shorter of the runs across and along is its width or, aslant, 1.4 of it; of a sheet, its side.
    across = np.minimum(runs(ink), runs(ink.T).T)[rows, columns]
    width = np.bincount(own, across, minlength=count + 1) / np.maximum(area, 1)
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    along = np.max([np.bincount(side, minlength=count + 1) / len(side) for side in sides], axis=0)
    return labels, [
        Region(
            i,
            (int(box[i, 0]), int(box[i, 1]), 1 - int(box[i, 2]), 1 - int(box[i, 3])),
            int(area[i]),
            float(width[i]),
            float(along[i]),
        )
        for i in map(int, np.flatnonzero(area >= LEAST_AREA))
    ]


def pixels(ink: Bits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of the ink, as ``np.nonzero`` does, in a tenth of its time for a picture."""
    rows, columns = np.divmod(np.flatnonzero(ink), ink.shape[1])
    return rows, columns


def runs(ink: Bits) -> NDArray[np.int64]:
    """Return for each pixel the length of the run of ink in its row through it; 0 for paper."""
    starts, ends = _runs(ink)
    return _along(starts, ends, ends - starts, ink.shape)


def _runs(ink: Bits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where runs of ink start, and where they end, as places on the rows, each one place longer, in a line."""
    steps = np.diff(np.pad(ink, ((0, 0), (1, 1))).view(np.int8), axis=1).ravel()
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)


def _along(
    starts: NDArray[np.int64], ends: NDArray[np.int64], values: NDArray[np.int64], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return each run's value at each of its pixels, and 0 for paper."""
    height, width = shape
    marks = np.zeros(height * (width + 1), dtype=np.int64)
    marks[starts] = values
    marks[ends] = -values
    return np.cumsum(marks).reshape(height, width + 1)[:, :width]


def _labelled(ink: Bits) -> tuple[Labels, int]:
    """Return labels from 1 to the count: runs of ink in rows, joined where those of neighbouring rows touch."""
    line = ink.shape[1] + 1
    starts, ends = _runs(ink)
    count = len(starts)
    # Runs touch if they lie one above the other, or corner to corner.
    first = np.searchsorted(ends, starts + line, "left")
    last = np.searchsorted(starts, ends + line, "right")
    touching = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(count), touching)
    lower = np.arange(touching.sum()) - np.repeat(np.cumsum(touching) - touching, touching) + np.repeat(first, touching)
    root = np.arange(count)
    while True:
        least = np.minimum(root[upper], root[lower])
        joined = root.copy()
        for side in (upper, lower):
            # The root of a run takes the least root of all that touches any run of its own.
            np.minimum.at(joined, root[side], least)
        while (joined != joined[joined]).any():
            joined = joined[joined]
        joined = joined[root]
        if (joined == root).all():
            break
        root = joined
    names, numbers = np.unique(root, return_inverse=True)
    return _along(starts, ends, numbers + 1, ink.shape), len(names)


def digits_among(found: list[Region], shape: tuple[int, int], whole: bool = True) -> list[list[Region]]:
    """Return the regions of each digit in the order of reading; empty if none is like strokes, or over eight.

    That is row by row from the top, each from left to right.

    Args:
        found: regions in a picture.
        shape: (height, width) of the picture.
        whole: whether what touches the border is left out where there is anything else.
    """
    height, width = shape
    least = max(SMALLEST * max(shape), 3)
    strokes = [r for r in found if r.like_strokes and r.size >= least]
    if whole:
        strokes = [r for r in strokes if r.along < BAR or r.box == (0, 0, width, height)]
    inside = [r for r in strokes if r.box[0] > 0 and r.box[1] > 0 and r.box[2] < width and r.box[3] < height]
    strokes = inside if whole and inside else strokes
    strokes = [r for r in strokes if not _frame(r, strokes)]
    if not strokes:
        return []
    tallest = max(strokes, key=lambda r: r.height if r.height >= r.size / 3 else 0)
    tall = tallest.height
    main = [r for r in strokes if r.height >= LEAST_HEIGHT * tall and r.width <= OTHER_PEN * tallest.width]
    groups = _grouped(main, lambda a, b: _belong(a.box, b.box, tall))
    if len(groups) > MOST_DIGITS:
        return []
    chosen = {r.label for group in groups for r in group}
    # Kept along: a picture of dots has thousands of parts.
    boxes = [around(group) for group in groups]
    rest = []
    for part in found:
        if (
            part.label in chosen
            or part.size < SMALLEST_PART * tall
            or part.size > 1.2 * tall
            or part.width > 2 * tallest.width
        ):
            continue
        nearest = min(range(len(groups)), key=lambda place: _gap(part.box, boxes[place]))
        digit = boxes[nearest]
        if _gap(part.box, digit) <= PART_NEAR * tall and not (
            _underlines(part, digit, tall) or _is_dash(part, digit, tall)
        ):
            groups[nearest].append(part)
            boxes[nearest] = _around_both(digit, part.box)
        elif _beside(part.box, digit) >= IN_LINE:
            rest.append(part)
    # Of a digit beside whole ones, a dry pen may have left only pieces, each too low for a digit.
    for pieces in _grouped(rest, lambda a, b: _gap(a.box, b.box) <= PART_NEAR * tall):
        left, top, right, bottom = around(pieces)
        fits = LEAST_HEIGHT * tall <= bottom - top <= 1.2 * tall and right - left <= 1.2 * tall
        if fits and max(piece.size for piece in pieces) >= LARGEST_PIECE * tall:
            groups.append(pieces)
    return _as_read(groups) if len(groups) <= MOST_DIGITS else []


def is_sheet(region: Region, labels: Labels, written: list[Region]) -> bool:
    """Return True if a region of these labels is a sheet of paper, since the digit is written on it.

    Strokes on a sheet are thinner than what they leave of it; the hole of a thick 0 is hardly thinner than the 0's.
    """
    left, top, right, bottom = region.box
    within = around(written)
    inside = left < within[0] and top < within[1] and within[2] < right and within[3] < bottom
    thin = max(part.width for part in written) <= SHEET_PEN * region.width
    return inside and thin and _share_of_rectangle(labels[top:bottom, left:right] == region.label) >= SHEET_FULL


def _share_of_rectangle(region: Bits) -> float:
    """Return the share that a region with its holes has of the smallest rectangle around it, to a degree."""
    height, width = region.shape
    left, right = region.argmax(1), width - region[:, ::-1].argmax(1)
    top, bottom = region.argmax(0), height - region[::-1].argmax(0)
    filled = min((right - left).sum(), (bottom - top).sum())
    y = np.arange(height)
    corners = np.stack((np.concatenate((left, left, right, right)), np.concatenate((y, y + 1, y, y + 1))))
    angles = np.radians(np.arange(90))
    along = np.stack((np.cos(angles), np.sin(angles)), 1) @ corners
    across = np.stack((-np.sin(angles), np.cos(angles)), 1) @ corners
    return float(filled / (np.ptp(along, 1) * np.ptp(across, 1)).min())


def _frame(region: Region, others: list[Region]) -> bool:
    """Return True if the region goes around another one of some size; a row of boxes is a wide one."""
    left, top, right, bottom = region.box
    return any(
        other is not region
        and other.size >= 0.2 * region.height
        and left < other.box[0]
        and top < other.box[1]
        and right > other.box[2]
        and bottom > other.box[3]
        for other in others
    )


def _underlines(part: Region, digit: tuple[int, int, int, int], tall: int) -> bool:
    left, top, right, bottom = part.box
    line = top >= digit[3] and right - left >= FLAT * (bottom - top)
    return line and (top - digit[3] >= LINE_GAP * tall or right - left >= LINE_LENGTH * tall)


def _is_dash(part: Region, digit: tuple[int, int, int, int], tall: int) -> bool:
    """Return True for a flat line beside the middle of a digit: between two numbers, or a minus before one."""
    left, top, right, bottom = part.box
    flat = right - left >= LONG * (bottom - top)
    apart = max(left - digit[2], digit[0] - right) >= LINE_GAP * tall
    quarter = (digit[3] - digit[1]) / 4
    return flat and apart and digit[1] + quarter <= (top + bottom) / 2 <= digit[3] - quarter


def around(group: list[Region]) -> tuple[int, int, int, int]:
    """Return the box around the regions."""
    boxes = np.array([region.box for region in group])
    left, top = boxes[:, :2].min(0)
    right, bottom = boxes[:, 2:].max(0)
    return int(left), int(top), int(right), int(bottom)


def _grouped(found: list[Region], together: Callable[[Region, Region], bool]) -> list[list[Region]]:
    """Return the regions in groups, in each of which one is linked to the next."""
    groups: list[list[Region]] = []
    for region in sorted(found, key=lambda r: r.box[0]):
        linked = [group for group in groups if any(together(region, other) for other in group)]
        groups = [g for g in groups if g not in linked] + [[*(r for g in linked for r in g), region]]
    return groups


def _as_read(digits: list[list[Region]]) -> list[list[Region]]:
    """Return the digits row by row, each from left to right. Rows may climb, so each digit follows the last one."""
    rows: list[list[list[Region]]] = []
    for digit in sorted(digits, key=lambda digit: around(digit)[0]):
        beside = [_beside(around(row[-1]), around(digit)) for row in rows]
        if max(beside, default=0.0) >= SAME_ROW:
            rows[beside.index(max(beside))].append(digit)
        else:
            rows.append([digit])
    boxes = {id(row): around([region for digit in row for region in digit]) for row in rows}
    across = sorted((left, right) for left, _, right, _ in boxes.values())
    # What has nothing below it is one number, however steeply it climbs.
    climbs = all(right <= left for (_, right), (left, _) in itertools.pairwise(across))
    rows.sort(key=lambda row: boxes[id(row)][0 if climbs else 1])
    return [digit for row in rows for digit in row]


def _beside(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    """Return the share of the lower one's height at which the other is beside it; below 0 if none is."""
    return (min(a[3], b[3]) - max(a[1], b[1])) / min(a[3] - a[1], b[3] - b[1])


def _around_both(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _belong(a: tuple[int, int, int, int], b: tuple[int, int, int, int], tall: int) -> bool:
    """Return True if two large regions are parts of one digit: one above, below or through the other."""
    shared = min(a[2], b[2]) - max(a[0], b[0])
    apart = max(a[1], b[1]) - min(a[3], b[3])
    return shared >= OVERLAP * min(a[2] - a[0], b[2] - b[0]) and apart <= NEAR * tall


def _gap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    across, down = max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3])
    return max(across, down, 0)
