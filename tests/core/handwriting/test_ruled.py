import math

import numpy as np
import pytest

from core.handwriting.ruled import without_rules


def ruled(angle=0.0, step=30, squared=False):
    rows, columns = np.mgrid[:300, :400]
    tilted = rows - np.rint((columns - 200) * math.tan(math.radians(angle))).astype(int)
    lines = tilted % step < 2
    return lines | (columns % step < 2) if squared else lines


def stroke():
    """A digit's upright stroke, ten pixels wide."""
    ink = np.zeros((300, 400), dtype=bool)
    ink[80:220, 195:205] = True
    return ink


@pytest.mark.parametrize("angle", [-6, -1, 0, 3, 8])
def test_ruled_lines_go_and_what_crosses_them_stays(angle):
    left = without_rules(ruled(angle) | stroke())
    assert left[stroke()].mean() > 0.98
    assert left[~stroke()].sum() < 0.05 * ruled(angle).sum()


def test_squared_paper_goes_too():
    left = without_rules(ruled(squared=True) | stroke())
    assert left[stroke()].mean() > 0.95
    assert left[~stroke()].sum() < 0.1 * ruled(squared=True).sum()


def test_digits_of_straight_lines_are_no_rules():
    ink = stroke()
    ink[80:84, 120:280] = True
    assert (without_rules(ink) == ink).all()
    assert (without_rules(np.zeros_like(ink)) == 0).all()


def test_nothing_but_lines_stays():
    lines = ruled()
    assert (without_rules(lines) == lines).all()
