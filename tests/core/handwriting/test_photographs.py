import io
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from core.analysis.evaluation import evaluate
from core.data import Digits
from core.handwriting import photographs
from core.handwriting.photographs import find_digit, read_canvas, read_image
from core.handwriting.preprocessing import normalise
from core.handwriting.strokes import centre_lines, draw


def png(picture, **options):
    stream = io.BytesIO()
    picture.save(stream, "PNG", **options)
    return stream.getvalue()


def photograph(line, rng, light_ink=False, quality=85):
    """A JPEG of a digit on paper that is lit from one side and partly in shadow, with dirt, blur and noise."""
    height, width = 480, 640
    size = rng.uniform(140, 380)
    drawing = draw(line, size, size * rng.uniform(0.05, 0.12), rng.uniform(-0.3, 0.3), (0, 0), canvas=int(size) + 2)
    ink = np.zeros((height, width))
    top, left = rng.integers(20, height - len(drawing) - 20), rng.integers(20, width - len(drawing) - 20)
    ink[top : top + len(drawing), left : left + len(drawing)] = drawing / 255
    y, x = np.mgrid[:height, :width]
    light = 1 - 0.55 * (x * rng.random() / width + y * rng.random() / height)
    light *= 1 - 0.25 / (1 + np.exp((rng.uniform(100, 500) - x) / 8))
    paper, pen = (0.15, 0.85) if light_ink else (0.92, rng.uniform(0.15, 0.45))
    reflected = paper + (pen - paper) * ink
    for row, column in zip(rng.integers(0, height, 5), rng.integers(0, width, 5), strict=True):
        reflected[row : row + 3, column : column + 3] *= 0.5
    picture = Image.fromarray((255 * light * reflected).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    noisy = np.asarray(picture) + rng.normal(0, 4, (height, width))
    stream = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).convert("RGB").save(stream, "JPEG", quality=quality)
    return stream.getvalue(), (left, top, left + len(drawing), top + len(drawing))


@pytest.mark.parametrize("light_ink", [False, True])
def test_digits_are_found_in_uneven_light(mnist, trained, light_ink):
    digits = mnist.test[:40]
    rng = np.random.default_rng(0)
    found = []
    for line in centre_lines(digits.images):
        content, (left, top, right, bottom) = photograph(line, rng, light_ink)
        way = find_digit(read_image(content))
        scale = 480 / 640
        # What was found is what was drawn, to a few pixels.
        assert left * scale - 6 <= way.box[0] and way.box[2] <= right * scale + 6
        assert top * scale - 6 <= way.box[1] and way.box[3] <= bottom * scale + 6
        assert max(way.box[2] - way.box[0], way.box[3] - way.box[1]) >= 0.8 * (bottom - top) * scale
        found.append(torch.from_numpy(way.digit))
    seen = Digits(torch.stack(found).view(-1, 784), digits.labels)
    redrawn = [normalise(draw(line, 200, 18, 0, (0.5, 0.5))) for line in centre_lines(digits.images)]
    plain = Digits(torch.from_numpy(np.stack(redrawn)).view(-1, 784), digits.labels)
    assert evaluate(trained, seen).accuracy >= evaluate(trained, plain).accuracy - 0.12


def test_even_paper_takes_the_exact_path(mnist_picture):
    assert np.array_equal(find_digit(mnist_picture).digit, normalise(mnist_picture))


def test_a_shadow_at_the_border_and_dirt_are_not_part_of_the_digit(mnist):
    line = centre_lines(mnist.test.images[:1])[0]
    picture = 230 - 0.7 * draw(line, 160, 16, 0, (0.5, 0.5)).astype(np.float32)
    picture[:, :30] = 40
    picture[250:254, 250:254] = 60
    picture += np.random.default_rng(0).normal(0, 4, picture.shape)
    way = find_digit(Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)))
    left, top, right, bottom = way.box
    assert left > 55 and right < 225 and top > 55 and bottom < 225
    assert bottom - top == pytest.approx(160, abs=8)


def test_blank_paper_in_uneven_light_is_refused():
    light = np.linspace(120, 220, 300)[None, :] + np.random.default_rng(0).normal(0, 3, (200, 300))
    with pytest.raises(ValueError, match="nothing stands out from its paper"):
        find_digit(Image.fromarray(light.astype(np.uint8)))


def test_transparent_paper_counts_as_white():
    picture = np.zeros((60, 60, 4), dtype=np.uint8)
    picture[10:50, 28:34, 3] = 255
    grey = np.asarray(read_image(png(Image.fromarray(picture))))
    assert grey[0, 0] == 255
    assert grey[20, 30] == 0


def test_a_photograph_stored_on_its_side_is_put_upright():
    picture = Image.new("L", (60, 40), 255)
    picture.putpixel((0, 0), 0)
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = read_image(png(picture, exif=exif))
    assert upright.size == (40, 60)
    assert upright.getpixel((39, 0)) == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_usual_mode_is_read(mode, mnist_picture):
    picture = mnist_picture
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(mnist_picture, dtype=np.uint16) * 257)
    else:
        picture = mnist_picture.convert(mode)
    stream = io.BytesIO()
    picture.save(stream, "TIFF" if mode == "CMYK" else "PNG")
    grey = read_image(stream.getvalue())
    assert grey.mode == "L" and grey.size == (280, 280)
    assert abs(normalise(grey).astype(int) - normalise(mnist_picture)).mean() < 12


def test_a_file_and_its_content_are_read_alike(tmp_path, mnist_picture):
    (tmp_path / "digit.png").write_bytes(png(mnist_picture))
    assert read_image(tmp_path / "digit.png").tobytes() == read_image(png(mnist_picture)).tobytes()


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n broken", b"\x80\x04.", b"%!PS-Adobe EPSF"])
def test_what_is_no_picture_is_refused_by_name(tmp_path, content):
    path = tmp_path / "digit.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"image must be a readable picture file, got .*digit.png."):
        read_image(path)


def test_a_cut_off_picture_is_refused(mnist_picture):
    with pytest.raises(ValueError, match="must be a readable picture file"):
        read_image(png(mnist_picture)[:400])


def header(side):
    """The beginning of a PNG file that says it has ``side`` x ``side`` pixels."""
    size = bytes.fromhex("0000000d49484452") + 2 * side.to_bytes(4) + b"\x08\0\0\0\0"
    data = b"\0\0\0\0IDAT" + zlib.crc32(b"IDAT").to_bytes(4)
    return b"\x89PNG\r\n\x1a\n" + size + zlib.crc32(size[4:]).to_bytes(4) + data


def test_a_huge_picture_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    monkeypatch.setattr(photographs, "LARGEST_PIXELS", 99)
    with pytest.raises(ValueError, match="at most 99 pixels, got one with 10000"):
        read_image(header(100))


def test_a_bomb_is_refused_by_its_size_and_nothing_is_on_stderr(tmp_path):
    """Pillow warns of the second and raises for the third; a process of its own has Python's own warning filters."""
    paths = [tmp_path / f"{side}.png" for side in (7_000, 10_000, 20_000)]
    for path in paths:
        path.write_bytes(header(int(path.stem)))
    script = """
import sys
from pathlib import Path
from core.handwriting.photographs import read_canvas, read_image
for path in map(Path, sys.argv[1:]):
    assert read_canvas(path.read_bytes(), 280) is None
    try:
        read_image(path)
    except ValueError as error:
        print(error)
"""
    told = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=False)
    assert told.stderr == ""
    rule = "image must have at most 40000000 pixels, got one with"
    assert told.stdout.splitlines() == [f"{rule} 49000000.", f"{rule} far more.", f"{rule} far more."]


def test_a_canvas_is_read_only_if_it_is_one():
    picture = Image.new("RGBA", (280, 280), "black")
    picture.putpixel((3, 5), (255, 255, 255, 255))
    pixels = read_canvas(png(picture), 280)
    assert pixels.shape == (280, 280) and pixels[5, 3] == 255 and pixels.sum() == 255
    assert read_canvas(png(picture.resize((281, 280))), 280) is None
    assert read_canvas(b"", 280) is None
    assert read_canvas(png(picture)[:100], 280) is None


def test_a_very_large_picture_is_made_smaller_first(mnist_picture):
    way = find_digit(mnist_picture.resize((5600, 4200)))
    assert way.ink.shape == (1500, 2000)
    assert abs(way.digit.astype(int) - normalise(mnist_picture.resize((560, 420)))).mean() < 4
