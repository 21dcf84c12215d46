import numpy as np
import pytest

from core.handwriting.canvas import MOST_POINTS, SIDE, WIDEST_PEN, digits_drawn, read_strokes
from core.handwriting.preprocessing import stroke_width


def path(*points, width=36):
    (x, y), *rest = points
    return {"path": [["M", x, y], *(["L", *point] for point in rest)], "strokeWidth": width}


def test_a_path_is_read_point_by_point():
    (stroke,) = read_strokes([{"path": [["M", 0, 0], ["Q", 10, 0, 10, 10], ["L", 10, 30]], "strokeWidth": 20}])
    # A quadratic curve is halfway at a quarter of its ends and half of its control point.
    assert stroke.points.tolist() == [[0, 0], [7.5, 2.5], [10, 10], [10, 30]]
    assert stroke.width == 20


@pytest.mark.parametrize(
    "objects",
    [
        None,
        {},
        "M",
        [None],
        [[]],
        [{"path": [], "strokeWidth": 9}],
        [{"path": [["M", 1]], "strokeWidth": 9}],
        [{"path": [["M", "x", "y"]], "strokeWidth": 9}],
        [{"path": [["Q", 1, 2, 3, 4]], "strokeWidth": 9}],
        [{"path": [["M", 1, 2], ["L", float("nan"), 2]], "strokeWidth": 9}],
        [{"path": [["M", 1, 2]], "strokeWidth": float("inf")}],
        [{"path": [["M", 1, 2]]}],
        [{"path": [["M", 10**400, 2]], "strokeWidth": 9}],
        [{"path": [["M", 1, 2]], "strokeWidth": 10**400}],
    ],
)
def test_what_no_canvas_sends_is_no_stroke(objects):
    assert read_strokes(objects) == []


def test_strokes_are_bounded():
    long = path(*[(n % 500, 10**9) for n in range(2 * MOST_POINTS)], width=10**9)
    (stroke,) = read_strokes([long, path((1, 2), (3, 4))])
    assert len(stroke.points) == MOST_POINTS
    assert stroke.points.max() == 2 * SIDE and stroke.width == WIDEST_PEN
    assert digits_drawn([stroke]) == []


def test_an_empty_canvas_has_no_digit():
    assert digits_drawn([]) == []


@pytest.mark.parametrize(
    "points",
    [[(-4, 280)], [(561, 561)], [(280, -5), (281, -5)], [(-20, 100), (-20, 400)], [(559, 565), (561, 563)]],
    ids=str,
)
@pytest.mark.parametrize("width", [12, 36, 72])
def test_strokes_just_off_the_canvas_are_no_digit(points, width):
    """The pen's edge is on the canvas, the line that it went along is not."""
    assert digits_drawn(read_strokes([path(*points, width=width)])) == []


@pytest.mark.parametrize("width", [12, 36, 72])
def test_a_pen_of_any_width_gives_the_network_the_same_strokes(width):
    """The holes of an 8 as small as the thickest pen stay open, since it is known where the pen went."""
    rings = [[(280 + 40 * np.sin(a), y - 40 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 30)] for y in (240, 320)]
    (way,) = digits_drawn(read_strokes([path(*ring, width=width) for ring in rings]))
    assert 1.6 < stroke_width(way.digit / np.float32(255)) < 2.9
    middle = way.digit[:, 13:15].max(1)
    assert (np.diff((middle > 127).astype(int)) == 1).sum() == 3


def test_digits_are_told_apart_and_given_left_to_right():
    one, seven = path((120, 100), (120, 420)), path((280, 110), (440, 110), (340, 420))
    ways = digits_drawn(read_strokes([seven, one]))
    assert [way.box[0] < 200 for way in ways] == [True, False]
    assert all(way.picture.shape == (SIDE, SIDE) for way in ways)


def test_a_digit_of_several_strokes_is_one():
    bar, body = path((200, 100), (360, 104)), path((210, 112), (200, 250), (330, 260), (340, 380), (190, 420))
    dash = path((230, 240), (420, 236))
    assert len(digits_drawn(read_strokes([body, bar]))) == 1
    assert len(digits_drawn(read_strokes([path((180, 100), (420, 100), (300, 440)), dash]))) == 1


def test_the_european_one_of_two_strokes_is_one():
    assert len(digits_drawn(read_strokes([path((160, 240), (300, 80)), path((300, 80), (300, 480))]))) == 1
