import math

import numpy as np
import pytest
import torch

from core.handwriting.strokes import CentreLine, centre_lines, draw

MIDDLE = (0.5, 0.5)


def bar(height, width):
    """A digit that is an upright bar in the middle."""
    image = torch.zeros(28, 28, dtype=torch.uint8)
    image[14 - height // 2 : 14 + height // 2, 14 - width // 2 : 14 + width // 2] = 255
    return image.view(1, 784)


def extent(picture):
    rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_a_bars_centre_line_is_the_line_through_its_middle():
    (line,) = centre_lines(bar(20, 4))
    assert np.ptp(line.points[:, 0]) < 0.7
    assert line.points[:, 0].mean() == pytest.approx(13.5, abs=0.5)
    # Thinning wears the ends away by about half of the stroke's width.
    assert 15 <= np.ptp(line.points[:, 1]) <= 20
    assert len(line.joined) == len(line.points) - 1


def test_a_ring_stays_closed(mnist):
    (zero,) = centre_lines(mnist.test.images[mnist.test.labels == 0][:1])
    degrees = np.bincount(zero.joined.ravel(), minlength=len(zero.points))
    assert (degrees >= 2).mean() > 0.95
    assert len(zero.joined) >= len(zero.points) - 1


def test_thinning_many_equals_thinning_one(mnist):
    images = mnist.test.images[:20]
    for together, alone in zip(centre_lines(images), (centre_lines(i[None])[0] for i in images), strict=True):
        assert np.array_equal(together.points, alone.points)


def test_a_blank_image_has_a_point():
    (line,) = centre_lines(torch.zeros(1, 784, dtype=torch.uint8))
    assert len(line.points) == 1 and len(line.joined) == 0
    assert draw(line, 40, 12, 0, MIDDLE).any()


@pytest.mark.parametrize(("size", "width"), [(40, 6), (100, 12), (200, 36), (280, 20)])
def test_size_counts_the_pen(mnist, size, width):
    line = centre_lines(mnist.test.images[:1])[0]
    assert max(extent(draw(line, size, width, 0, MIDDLE))) == pytest.approx(size, abs=2)


def test_place_reaches_the_corners():
    (line,) = centre_lines(bar(20, 4))
    top_left, bottom_right = draw(line, 100, 10, 0, (0, 0)), draw(line, 100, 10, 0, (1, 1))
    assert top_left[:100, :12].any() and not top_left[102:].any() and not top_left[:, 14:].any()
    assert bottom_right[-100:, -12:].any() and not bottom_right[:178].any()


def test_the_pen_is_as_wide_as_told():
    line = CentreLine(np.array(((0.0, 0.0), (0.0, 10.0))), np.array(((0, 1),)))
    assert (draw(line, 200, 20, 0, MIDDLE)[140] > 0).sum() == pytest.approx(20, abs=1)


def test_tilt_is_clockwise():
    line = CentreLine(np.array(((0.0, 0.0), (0.0, 10.0))), np.array(((0, 1),)))
    tilted = draw(line, 200, 10, math.radians(20), MIDDLE)
    top, bottom = np.flatnonzero(tilted[60]).mean(), np.flatnonzero(tilted[220]).mean()
    assert math.degrees(math.atan2(top - bottom, 160)) == pytest.approx(20, abs=1)
