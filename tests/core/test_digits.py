import numpy as np
import pytest
import torch
from PIL import Image

from core.data import Digits
from core.digits import normalise, read_image
from core.evaluation import evaluate


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


def test_transparent_paper_counts_as_white(tmp_path):
    path = tmp_path / "digit.png"
    picture = np.zeros((60, 60, 4), dtype=np.uint8)
    picture[10:50, 28:34, 3] = 255
    Image.fromarray(picture).save(path)
    grey = np.asarray(read_image(path))
    assert grey[0, 0] == 255
    assert grey[20, 30] == 0


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n broken", b"\x80\x04."])
def test_what_is_no_picture_is_refused_by_name(tmp_path, content):
    path = tmp_path / "digit.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"image must be a readable picture file, got .*digit.png."):
        read_image(path)
