import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from core.analysis.evaluation import evaluate
from core.data import Digits
from core.handwriting import preprocessing
from core.handwriting.preprocessing import normalise, slant, steps, stroke_width
from core.handwriting.strokes import centre_lines, draw


def centre_of_mass(digit):
    total = digit.sum(dtype=np.float64)
    rows, columns = np.indices(digit.shape)
    return float((rows * digit).sum() / total), float((columns * digit).sum() / total)


def stroke(size, top, left, height, width, paper=0, ink=255):
    picture = np.full((size, size), paper, dtype=np.uint8)
    picture[top : top + height, left : left + width] = ink
    return picture


def test_a_tall_bar_becomes_twenty_pixels_tall_in_the_middle():
    digit = normalise(stroke(280, 20, 200, 200, 40))
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    # A 200 x 40 bar scaled to 20 x 4; its centre of mass, 9.5 rows into it, is put nearest to 14.
    assert (rows[0], rows[-1]) == (4, 23)
    assert (columns[0], columns[-1]) == (12, 15)
    assert digit.max() == 255


@pytest.mark.parametrize("size", [40, 100, 280, 1000])
def test_size_and_place_make_no_difference_to_a_whole_multiple(size):
    unit = size // 20
    reference = normalise(stroke(280, 0, 0, 140, 42))
    moved = normalise(stroke(size, 5 * unit, 9 * unit, 10 * unit, 3 * unit))
    assert np.array_equal(moved, reference)


def test_dark_on_light_is_turned_over():
    light_on_dark = normalise(stroke(100, 10, 30, 60, 20))
    dark_on_light = normalise(stroke(100, 10, 30, 60, 20, paper=250, ink=5))
    assert np.array_equal(light_on_dark, dark_on_light)


def test_enlarged_mnist_digits_are_recognised_as_well_as_the_originals(mnist, trained):
    originals = mnist.test[:1000]
    pictures = [Image.fromarray(image).resize((280, 280)) for image in originals.images.numpy().reshape(-1, 28, 28)]
    again = torch.from_numpy(np.stack([normalise(picture) for picture in pictures])).view(-1, 784)
    accuracy = evaluate(trained, Digits(again, originals.labels)).accuracy
    assert accuracy == pytest.approx(evaluate(trained, originals).accuracy, abs=0.01)
    centres = np.array([centre_of_mass(image) for image in again.view(-1, 28, 28).numpy()])
    assert abs(centres - 14).max() <= 1.0
    assert abs(centres - 14).mean() < 0.3


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_empty_picture_is_refused(grey):
    with pytest.raises(ValueError, match="image must show a digit"):
        normalise(np.full((50, 50), grey, dtype=np.uint8))


def test_a_dot_and_a_line_of_one_pixel_work():
    dot = np.zeros((100, 100), dtype=np.uint8)
    dot[50, 50] = 255
    assert normalise(dot).shape == (28, 28)
    assert normalise(stroke(100, 0, 50, 100, 1)).max() == 255


def test_the_steps_are_ink_box_fit_and_field():
    way = steps(stroke(280, 20, 200, 200, 40), paper=0)
    assert way.box == (200, 20, 240, 220)
    assert way.ink.sum() == 200 * 40 and way.ink.max() == 1
    assert way.fitted.shape == (20, 4) and way.thickened == 0
    assert np.array_equal(way.digit, normalise(stroke(280, 20, 200, 200, 40)))
    assert way.picture.shape == (280, 280) and way.doubt == ""


def test_ink_at_the_border_needs_the_paper_told():
    """A thick frame of ink along the border would else be taken for the paper."""
    picture = stroke(280, 30, 30, 220, 220, paper=255, ink=0)
    assert steps(picture, paper=0).box == (0, 0, 280, 280)
    assert steps(picture).box == (30, 30, 250, 250)


@pytest.mark.parametrize("width", [1, 6, 12, 20])
def test_a_stroke_has_its_width(width):
    ink = (stroke(100, 10, 40, 80, width) / 255).astype(np.float32)
    # Twice the area by the perimeter of a bar: w h / (w + h); the corners' edges run aslant.
    assert stroke_width(ink) == pytest.approx(width * 80 / (width + 80), rel=0.05)


def test_thin_strokes_are_thickened_to_what_the_network_knows(mnist):
    lines = centre_lines(mnist.test.images[:30])
    thin = [steps(draw(line, 280, 6, 0, (0.5, 0.5)), paper=0) for line in lines]
    assert min(way.thickened for way in thin) >= 0.5
    widths = [stroke_width(way.digit / np.float32(255)) for way in thin]
    assert 1.4 < np.mean(widths) < 2
    assert all(steps(draw(line, 200, 24, 0, (0.5, 0.5)), paper=0).thickened == 0 for line in lines)


@pytest.mark.parametrize("share", [0.16, 0.2, 0.24])
def test_thick_strokes_are_thinned_to_what_the_network_knows(mnist, share):
    lines = centre_lines(mnist.test.images[:30])
    thick = [steps(draw(line, 200, 200 * share, 0, (0.5, 0.5)), paper=0) for line in lines]
    widths = [stroke_width(way.digit / np.float32(255)) for way in thick]
    assert max(widths) < 3.9 and np.median(widths) < 3.6 and min(widths) > 1.4
    for way in thick:
        rows, columns = np.flatnonzero(way.digit.any(1)), np.flatnonzero(way.digit.any(0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20


def test_a_blot_is_not_thinned_away():
    assert steps(stroke(280, 60, 60, 160, 160), paper=0).digit.sum() > 20 * 20 * 200


def test_mnists_own_strokes_are_thickened_for_hardly_any(mnist):
    ways = [steps(image, paper=0) for image in mnist.test.images[:300].view(-1, 28, 28).numpy()]
    assert np.mean([way.thickened > 0 for way in ways]) < 0.1


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (stroke(280, 0, 0, 280, 280), "more ink than paper"),
        (stroke(280, 10, 0, 240, 280), "more ink than paper"),
        (draw(centre_lines(torch.zeros(1, 784, dtype=torch.uint8))[0], 20, 20, 0, (0.5, 0.5)), "That is a dot"),
        (stroke(280, 100, 100, 12, 12), "That is a dot"),
        (stroke(280, 40, 130, 200, 20), ""),
        (stroke(280, 140, 40, 20, 200), ""),
    ],
)
def test_what_is_hardly_a_digit_is_doubted(picture, sentence):
    doubt = steps(picture, paper=0).doubt
    assert sentence in doubt and bool(sentence) == bool(doubt)


def leaning(by, width=24):
    """Return a bar whose top is ``by`` pixels to the right per pixel of height."""
    picture = Image.new("L", (280, 280))
    ImageDraw.Draw(picture).line((140 + 100 * by, 40, 140 - 100 * by, 240), fill=255, width=width)
    return np.asarray(picture)


@pytest.mark.parametrize("by", [-0.8, -0.4, 0.4, 0.8])
def test_half_of_a_slant_is_taken_away(by):
    way = steps(leaning(by), paper=0)
    assert slant(leaning(by) / np.float32(255)) == pytest.approx(by, abs=0.02)
    assert way.straightened == pytest.approx(by / 2, abs=0.02)
    assert slant(way.digit / np.float32(255)) == pytest.approx(by / 2, abs=0.05)
    assert way.fitted.shape[0] == 20


@pytest.mark.parametrize("by", [0.0, 0.02, -0.02])
def test_what_hardly_leans_stays_as_it_is(by):
    assert steps(leaning(by), paper=0).straightened == 0


def test_a_leaning_hairline_in_a_large_picture_stays_whole():
    picture = Image.new("L", (3000, 3000))
    ImageDraw.Draw(picture).line((1000, 100, 2000, 2900), fill=255)
    way = steps(np.asarray(picture), paper=0)
    rows = np.flatnonzero(way.digit.any(1))
    assert way.straightened < 0 and np.ptp(rows) == 19 and stroke_width(way.digit / np.float32(255)) > 1.2


def test_a_flat_line_and_a_point_have_no_slant():
    assert slant(np.ones((1, 9), dtype=np.float32)) == slant(np.ones((1, 1), dtype=np.float32)) == 0


def test_tilted_digits_are_read_better_without_half_of_their_slant(mnist, trained, monkeypatch):
    lines, labels = centre_lines(mnist.test.images[:300]), mnist.test.labels[:300]

    def right():
        drawn = [draw(line, 200, 24, tilt, (0.5, 0.5)) for tilt in (-0.4, 0.4) for line in lines]
        digits = torch.from_numpy(np.stack([normalise(picture) for picture in drawn])).view(-1, 784)
        return evaluate(trained, Digits(digits, labels.repeat(2))).accuracy

    straightened = right()
    monkeypatch.setattr(preprocessing, "STRAIGHTENED", 0.0)
    assert straightened > right() + 0.01


def test_no_test_digit_is_doubted(mnist):
    images = mnist.test.images[:500].view(-1, 28, 28).numpy()
    assert [i for i, image in enumerate(images) if steps(image, paper=0).doubt] == []
