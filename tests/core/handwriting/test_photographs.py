import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from core.analysis.evaluation import evaluate
from core.data import Digits
from core.handwriting import photographs
from core.handwriting.photographs import box_in, find_digits, read_image
from core.handwriting.preprocessing import normalise
from core.handwriting.strokes import centre_lines, draw


def find_digit(picture):
    """The steps of the only digit in a picture."""
    (found,) = find_digits(picture)
    return found


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


def test_even_paper_changes_hardly_anything(mnist_picture):
    assert abs(find_digit(mnist_picture).digit.astype(int) - normalise(mnist_picture)).mean() < 6


def drawn(mnist, index, size=160, pen=14, canvas=300):
    line = centre_lines(mnist.test.images[index : index + 1])[0]
    return draw(line, size, pen, 0, (0.5, 0.5), canvas=canvas)


def paper(mnist, index=0, color=(246, 244, 240), pen=(40, 40, 60)):
    """A test digit on clean paper, 300 x 300, in its middle."""
    page = Image.new("RGB", (300, 300), color)
    page.paste(Image.new("RGB", (300, 300), pen), (0, 0), Image.fromarray(drawn(mnist, index)))
    return page


def is_found(picture, mnist, index=0):
    """Assert that the one thing found is the digit in the middle."""
    (way,) = find_digits(picture)
    expected = find_digit(paper(mnist, index))
    scale = way.picture.shape[1] / picture.width
    box = np.array(expected.box) * scale
    assert np.abs(np.array(way.box) - box).max() <= 5
    # The centre of mass is put on a whole pixel, which may be the next one.
    moved = [np.roll(way.digit.astype(int), (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert min(abs(digit - expected.digit).mean() for digit in moved) < 9


@pytest.mark.parametrize("count", [1, 6])
def test_specks_on_clean_paper_are_no_digits(mnist, count):
    page = paper(mnist)
    pen = ImageDraw.Draw(page)
    for n in range(count):
        pen.ellipse((12 + 50 * n, 284, 16 + 50 * n, 288), fill=(60, 60, 60))
    is_found(page, mnist)


@pytest.mark.parametrize("squared", [False, True])
def test_rules_are_no_ink(mnist, squared):
    page = paper(mnist)
    rules = Image.new("RGB", page.size, (246, 244, 240))
    pen = ImageDraw.Draw(rules)
    for at in range(14, 300, 30):
        pen.line((0, at, 300, at), fill=(150, 170, 210))
        if squared:
            pen.line((at, 0, at, 300), fill=(150, 170, 210))
    rules.paste(Image.new("RGB", page.size, (40, 40, 60)), (0, 0), Image.fromarray(drawn(mnist, 0)))
    is_found(rules, mnist)


def test_a_sheet_on_a_desk_is_paper_and_no_digit(mnist):
    desk = Image.new("RGB", (440, 440), (72, 52, 42))
    desk.paste(paper(mnist), (60, 70))
    (way,) = find_digits(desk)
    left, top, right, bottom = find_digit(paper(mnist)).box
    assert np.abs(np.array(way.box) - (left + 60, top + 70, right + 60, bottom + 70)).max() <= 5


@pytest.mark.parametrize("angle", [-20, -8, 8, 20])
def test_a_sheet_that_lies_aslant_on_a_dark_desk_is_paper(mnist, angle):
    """It is no rectangle along the picture's sides, and as light on dark as chalk."""
    sheet = Image.new("RGB", (600, 300), (246, 244, 240))
    for place, index in enumerate((3, 0)):
        ink = Image.fromarray(drawn(mnist, index, size=200, canvas=260))
        sheet.paste((40, 40, 60), (20 + 290 * place, 20), ink)
    desk = Image.new("RGB", (900, 800), (40, 42, 46))
    turned = sheet.convert("RGBA").rotate(angle, Image.Resampling.BICUBIC, expand=True)
    desk.paste(turned, (120, 150), turned)
    assert len(find_digits(desk)) == 2
    for way in find_digits(desk):
        left, top, right, bottom = box_in(desk, way)
        assert 170 < max(right - left, bottom - top) < 300


@pytest.mark.parametrize("swapped", [False, True])
def test_a_thick_zero_is_no_sheet_with_a_one_on_it(swapped):
    picture = Image.new("L", (300, 300), 250)
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((90, 40, 210, 260), 30, fill=20)
    pen.rounded_rectangle((130, 80, 170, 220), 10, fill=250)
    (way,) = find_digits(ImageOps.invert(picture) if swapped else picture)
    assert way.box[2] - way.box[0] > 110


@pytest.mark.parametrize("below", [20, 30, 60])
@pytest.mark.parametrize("slope", [0, 16])
def test_an_underline_is_no_part_of_a_digit(mnist, below, slope):
    page = paper(mnist)
    left, _, right, bottom = box_in(page, find_digit(page))
    ImageDraw.Draw(page).line((left - 30, bottom + below, right + 30, bottom + below - slope), (40, 40, 60), 6)
    is_found(page, mnist)


@pytest.mark.parametrize("pen", [(250, 225, 40), (230, 120, 160), (140, 140, 145)])
def test_ink_of_any_colour_counts(mnist, pen):
    is_found(paper(mnist, pen=pen), mnist)


def test_white_ink_on_transparency_is_read(mnist):
    picture = Image.new("RGBA", (300, 300), (255, 255, 255, 0))
    picture.putalpha(Image.fromarray(drawn(mnist, 0)))
    is_found(read_image(png(picture)), mnist)


def test_several_digits_are_found_left_to_right(mnist):
    page = Image.new("L", (900, 300), 250)
    for place, index in enumerate((3, 0, 1)):
        page.paste(Image.fromarray(255 - drawn(mnist, index, size=200, canvas=260)), (20 + 290 * place, 20))
    ways = find_digits(page)
    assert len(ways) == 3 and [way.box[0] for way in ways] == sorted(way.box[0] for way in ways)
    for place, way in enumerate(ways):
        left, _, right, _ = box_in(page, way)
        assert 20 + 290 * place <= left < right <= 300 + 290 * place


def test_more_than_eight_digits_are_refused_with_a_reason_that_is_true(mnist):
    page = Image.new("L", (2700, 300), 250)
    for place in range(9):
        page.paste(Image.fromarray(255 - drawn(mnist, 0, size=200, canvas=260)), (20 + 290 * place, 20))
    with pytest.raises(ValueError, match=r"one to eight digits, got .*, or too much does\.$"):
        find_digits(page)


def test_boxes_are_in_the_files_own_pixels(mnist):
    page = Image.fromarray(255 - drawn(mnist, 0, size=1000, pen=80, canvas=2000)).convert("RGB")
    stream = io.BytesIO()
    page.save(stream, "JPEG")
    picture = read_image(stream.getvalue())
    left, top, right, bottom = box_in(picture, find_digit(picture))
    assert abs(max(right - left, bottom - top) - 1000) < 20 and abs(left + right - 2000) < 400


@pytest.mark.parametrize("grey", [0, 120, 255])
def test_blank_paper_is_refused(grey):
    with pytest.raises(ValueError, match="nothing stands out from its paper"):
        find_digits(Image.new("L", (200, 150), grey))


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


@pytest.mark.parametrize("soft", [2, 5, 8])
def test_the_edge_of_a_shadow_on_blank_paper_is_no_digit(soft):
    y, x = np.mgrid[:400, :300]
    light = 1 - 0.35 / (1 + np.exp((230 - x - 0.75 * (y - 200)) / soft))
    with pytest.raises(ValueError, match="nothing stands out from its paper"):
        find_digits(Image.fromarray((235 * light).astype(np.uint8)))


def test_transparent_paper_counts_as_white():
    picture = np.zeros((60, 60, 4), dtype=np.uint8)
    picture[10:50, 28:34, 3] = 255
    grey = np.asarray(read_image(png(Image.fromarray(picture))).convert("L"))
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


#: Where the top left and the top right corner of the picture are on the sensor, by EXIF's orientation.
CORNERS = {
    1: ("tl", "tr"), 2: ("tr", "tl"), 3: ("br", "bl"), 4: ("bl", "br"), 5: ("tl", "bl"), 6: ("bl", "tl"),
    7: ("br", "tr"), 8: ("tr", "br"), 0: ("tl", "tr"), 9: ("tl", "tr"), 65535: ("tl", "tr"), None: ("tl", "tr"),
}  # fmt: skip


def tagged(orientation, *entries):
    """EXIF of an orientation and of entries (tag, type, count, four bytes), as no writer would make them."""
    if orientation is not None:
        entries = sorted([*entries, (0x0112, 3, 1, struct.pack("<HH", orientation, 0))])
    packed = b"".join(struct.pack("<HHL", *entry[:3]) + entry[3] for entry in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4)


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_each_orientation_is_put_upright_and_an_odd_one_is_left(kind, orientation):
    picture = np.full((40, 60), 128, dtype=np.uint8)
    places = {"tl": np.s_[:16, :16], "tr": np.s_[:16, -12:], "bl": np.s_[-8:, :16], "br": np.s_[-8:, -12:]}
    left, right = CORNERS[orientation]
    picture[places[left]], picture[places[right]] = 0, 255
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, kind, exif=tagged(orientation), quality=95)
    upright = np.asarray(read_image(stream.getvalue()).convert("L"), dtype=int)
    assert upright.shape == ((60, 40) if orientation in (5, 6, 7, 8) else (40, 60))
    assert upright[2, 2] < 20 and upright[2, -3] > 235


@pytest.mark.parametrize(
    "entry",
    [
        (0x0100, 11, 1, struct.pack("<f", 60.0)),
        (0x0103, 2, 4, b"abc\0"),
        (0x0211, 2, 4, b"abc\0"),
        (0x011A, 2, 4, b"abc\0"),
        (0x0112, 2, 4, b"abc\0"),
        (0x0112, 12, 1, b"\xff\xff\0\0"),
    ],
    ids=["a float as width", "text as compression", "text as YCbCr", "text as resolution", "text", "cut off"],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_odd_tags_beside_the_orientation_are_passed_over(kind, entry):
    stream = io.BytesIO()
    orientation = None if entry[0] == 0x0112 else 6
    Image.new("L", (60, 40), 255).save(stream, kind, exif=tagged(orientation, entry))
    assert read_image(stream.getvalue()).size == ((40, 60) if orientation else (60, 40))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0no header", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_a_picture_is_read_whatever_its_exif_is(exif):
    stream = io.BytesIO()
    Image.new("L", (60, 40), 255).save(stream, "JPEG", exif=exif)
    assert read_image(stream.getvalue()).size == (60, 40)


@pytest.mark.parametrize("error", [struct.error, TypeError, IndexError, KeyError, AttributeError, OverflowError])
def test_whatever_a_decoder_raises_is_one_sentence(error, mnist_picture, monkeypatch):
    def load(image):
        raise error("inner words")

    content = png(mnist_picture)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    with pytest.raises(ValueError, match=r"^image must be a readable picture file, got a file that is none\.$"):
        read_image(content)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_usual_mode_is_read(mode, mnist_picture):
    picture = mnist_picture
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(mnist_picture, dtype=np.uint16) * 257)
    else:
        picture = mnist_picture.convert(mode)
    stream = io.BytesIO()
    picture.save(stream, "TIFF" if mode == "CMYK" else "PNG")
    picture = read_image(stream.getvalue())
    assert picture.mode in ("L", "RGB") and picture.size == (280, 280)
    assert abs(normalise(picture.convert("L")).astype(int) - normalise(mnist_picture)).mean() < 12


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
from core.handwriting.photographs import read_image
for path in map(Path, sys.argv[1:]):
    try:
        read_image(path)
    except ValueError as error:
        print(error)
"""
    told = subprocess.run([sys.executable, "-c", script, *paths], capture_output=True, text=True, check=False)
    assert told.stderr == ""
    rule = "image must have at most 40000000 pixels, got one with"
    assert told.stdout.splitlines() == [f"{rule} 49000000.", f"{rule} far more.", f"{rule} far more."]


def test_a_very_large_picture_is_made_smaller_first(mnist_picture):
    way = find_digit(mnist_picture.resize((5600, 4200)))
    assert way.ink.shape == (360, 480)
    assert abs(way.digit.astype(int) - normalise(mnist_picture.resize((560, 420)))).mean() < 6


def test_the_thickest_pen_draws_one_digit_however_little_paper_it_leaves(mnist):
    """Among these are 8s that cover three quarters of their box."""
    for line in centre_lines(mnist.test.images[170:190]):
        assert len(find_digits(Image.fromarray(255 - draw(line, 200, 40, 0, (0.5, 0.5))))) == 1


@pytest.mark.parametrize("turned", [lambda picture: picture, ImageOps.mirror])
def test_thick_digits_beside_thin_ones_are_found(turned):
    """Two pens wrote one number."""
    picture = Image.new("L", (480, 240), 250)
    pen = ImageDraw.Draw(picture)
    pen.line((60, 50, 60, 190), fill=20, width=6)
    pen.ellipse((130, 50, 230, 190), outline=20, width=22)
    pen.line((300, 50, 280, 190), fill=20, width=5)
    assert len(find_digits(turned(picture))) == 3
