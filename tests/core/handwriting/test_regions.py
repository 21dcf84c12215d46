import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.handwriting import regions as module
from core.handwriting.regions import digits_among, pixels, regions, runs


def flooded(ink):
    """Labels by flood fill, one region after the other: an oracle."""
    labels, count = np.zeros(ink.shape, dtype=int), 0
    for start in zip(*np.nonzero(ink), strict=True):
        if labels[start]:
            continue
        count += 1
        stack = [start]
        while stack:
            y, x = stack.pop()
            if 0 <= y < ink.shape[0] and 0 <= x < ink.shape[1] and ink[y, x] and not labels[y, x]:
                labels[y, x] = count
                stack += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return labels, count


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_regions_are_those_of_a_flood_fill(ink):
    labels, found = regions(ink)
    expected, count = flooded(ink)
    assert len(np.unique(labels[ink])) == count and (labels[~ink] == 0).all()
    # Two pixels have one label here if and only if they have one there.
    pairs = set(zip(labels[ink].tolist(), expected[ink].tolist(), strict=True))
    assert len(pairs) == count
    for region in found:
        rows, columns = np.nonzero(labels == region.label)
        assert region.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert region.area == len(rows) >= 4


def test_runs_are_measured_along_rows():
    ink = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=bool)
    assert runs(ink).tolist() == [[2, 2, 0, 1], [0, 0, 0, 0], [4, 4, 4, 4]]


def test_a_strokes_width_is_its_own_and_a_sheets_its_side():
    ink = np.zeros((120, 120), dtype=bool)
    ink[10:110, 20:26] = True
    ink[20:100, 40:110] = True
    line, sheet = regions(ink)[1]
    assert line.width == 6 and line.like_strokes
    assert sheet.width == 70 and not sheet.like_strokes


def page(*boxes):
    ink = np.zeros((200, 400), dtype=bool)
    for left, top, right, bottom in boxes:
        ink[top:bottom, left:right] = True
    return ink


@pytest.mark.parametrize(
    ("boxes", "digits"),
    [
        # Two upright lines are two digits, left to right.
        ([(200, 40, 210, 160), (60, 40, 70, 160)], [[(60, 40, 70, 160)], [(200, 40, 210, 160)]]),
        # Rows are read one after the other, also where they climb; a number without a row below is one.
        (
            [(60, 20, 66, 80), (120, 20, 126, 80), (66, 110, 72, 170), (126, 110, 132, 170)],
            [[(60, 20, 66, 80)], [(120, 20, 126, 80)], [(66, 110, 72, 170)], [(126, 110, 132, 170)]],
        ),
        (
            [(60, 60, 66, 100), (120, 40, 126, 80), (66, 110, 72, 150), (126, 90, 132, 130)],
            [[(60, 60, 66, 100)], [(120, 40, 126, 80)], [(66, 110, 72, 150)], [(126, 90, 132, 130)]],
        ),
        (
            [(60, 130, 66, 180), (120, 70, 126, 120), (180, 10, 186, 60)],
            [[(60, 130, 66, 180)], [(120, 70, 126, 120)], [(180, 10, 186, 60)]],
        ),
        # A base below an upright line belongs to it.
        ([(100, 40, 110, 150), (70, 155, 140, 163)], [[(100, 40, 110, 150), (70, 155, 140, 163)]]),
        # Pieces of a digit are one beside a whole one, and dirt above it.
        (
            [(100, 40, 110, 150), (180, 44, 190, 80), (180, 96, 190, 130)],
            [[(100, 40, 110, 150)], [(180, 44, 190, 80), (180, 96, 190, 130)]],
        ),
        (
            [(100, 80, 110, 190), (180, 4, 190, 40), (180, 56, 190, 70)],
            [[(100, 80, 110, 190)]],
        ),
        # A dash between two digits belongs to neither, the bar of a 5 to its 5.
        (
            [(100, 40, 110, 150), (122, 92, 160, 102), (172, 40, 182, 150)],
            [[(100, 40, 110, 150)], [(172, 40, 182, 150)]],
        ),
        ([(100, 40, 110, 150), (122, 42, 160, 52)], [[(100, 40, 110, 150), (122, 42, 160, 52)]]),
        # A speck far away belongs to none.
        ([(100, 40, 110, 160), (300, 20, 304, 24)], [[(100, 40, 110, 160)]]),
        # What touches the border is left out beside what does not.
        ([(100, 40, 110, 160), (0, 0, 8, 200)], [[(100, 40, 110, 160)]]),
        ([(40, 30, 360, 170)], []),
        # Bars along the sides are none either.
        ([(0, 0, 60, 200), (370, 0, 400, 200)], []),
        # Nine digits are too many to be a number.
        ([(20 + 40 * n, 60, 26 + 40 * n, 120) for n in range(9)], []),
    ],
)
def test_digits_are_told_from_what_is_around_them(boxes, digits):
    ink = page(*boxes)
    found = digits_among(regions(ink)[1], ink.shape)
    assert [[region.box for region in digit] for digit in found] == digits


def test_parts_of_a_digit_are_looked_at_once_each(monkeypatch):
    """A line on paper of dots, each of which may belong to it, takes time in proportion to their number."""
    looked, around = [], module.around
    monkeypatch.setattr(module, "around", lambda group: looked.append(len(group)) or around(group))
    ink = page((200, 90, 204, 114))
    rows, columns = np.indices(ink.shape)
    ink |= (rows % 8 < 4) & (columns % 8 < 4)
    found = regions(ink)[1]
    ((*parts,),) = digits_among(found, ink.shape)
    assert len(found) > 1000 and len(parts) > 100
    assert sum(looked) <= 2 * len(found)


def test_a_frame_is_no_digit_and_a_zero_is():
    ink = page((100, 60, 108, 140))
    ink[20:180, 40:300] |= ~page((44, 24, 296, 176))[20:180, 40:300]
    assert [[r.box for r in d] for d in digits_among(regions(ink)[1], ink.shape)] == [[(100, 60, 108, 140)]]
    # A form's row of six boxes.
    row = page((70, 60, 76, 110))
    row[50:120, 20:380] |= ~page(*[(24 + 59 * n, 54, 79 + 59 * n, 116) for n in range(6)])[50:120, 20:380]
    assert [[r.box for r in d] for d in digits_among(regions(row)[1], row.shape)] == [[(70, 60, 76, 110)]]
    ring = page((100, 40, 180, 160)) & ~page((110, 50, 170, 150))
    assert len(digits_among(regions(ring)[1], ring.shape)) == 1
    # A digit that fills the picture lies along its sides.
    crop = ring[40:160, 100:180]
    assert len(digits_among(regions(crop)[1], crop.shape)) == 1


def test_pixels_are_those_of_nonzero():
    ink = np.random.default_rng(0).random((7, 5)) < 0.5
    assert all(np.array_equal(a, b) for a, b in zip(np.nonzero(ink), pixels(ink), strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (12, 7)])
def test_runs_and_regions_at_the_edges_of_rows(shape):
    """A run that ends with its row does not go on in the next one."""
    whole = np.ones(shape, dtype=bool)
    assert np.array_equal(runs(whole), np.full(shape, shape[1]))
    labels, found = regions(whole)
    assert labels.min() == labels.max() == 1 and len(found) <= 1
    edges = np.zeros((3, 4), dtype=bool)
    edges[0, 3] = edges[2, 0] = True
    assert regions(edges)[0].tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [2, 0, 0, 0]]
    edges[1, 0] = True
    assert regions(edges)[0].max() == 2
