"""Pictures of digits as people make them, for ``benchmarks.photographs``: scans, photographs, sheets on desks."""

import io
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from core.handwriting.photographs import read_image
from core.handwriting.preprocessing import Bytes
from core.handwriting.strokes import CentreLine, draw

Rng = np.random.Generator
Color = tuple[int, int, int]
WIDTH, HEIGHT = 600, 800
WHITE, INK = (246, 244, 240), (40, 40, 60)
PENS = {
    "blue": (30, 60, 170),
    "red": (200, 40, 50),
    "green": (30, 140, 70),
    "yellow": (250, 225, 40),
    "pencil": (140, 140, 145),
}
DESKS = ((72, 52, 42), (150, 110, 75), (40, 42, 46), (188, 170, 150))


#: What is written: a centre line, for any pen, or ink with its own width, (28, 28) uint8.
Ink = CentreLine | Bytes


def stroke_mask(ink: Ink, size: float, pen: float, rng: Rng) -> Image.Image:
    """Ink of a drawing in its own box, with this longer side."""
    side, tilt = round(size) + 2, rng.uniform(-0.2, 0.2)
    if isinstance(ink, CentreLine):
        mask = Image.fromarray(draw(ink, size, pen, tilt, (0.5, 0.5), canvas=side))
    else:
        mask = _enlarged(ink, size, tilt, side)
    return mask.filter(ImageFilter.GaussianBlur(0.8))


def _enlarged(ink: Bytes, size: float, tilt: float, side: int) -> Image.Image:
    """Enlarge ink of a few pixels to (side, side), with edges as sharp as a pen's."""
    turned = Image.fromarray(ink).resize((224, 224), Image.Resampling.BICUBIC)
    turned = turned.rotate(-math.degrees(tilt), Image.Resampling.BICUBIC)
    turned = turned.crop(turned.point(lambda value: 255 * (value > 110)).getbbox())
    scale = size / max(turned.size)
    fitted = turned.resize([max(1, round(scale * length)) for length in turned.size], Image.Resampling.BICUBIC)
    sharp = fitted.point(lambda value: max(0, min(255, 4 * (value - 96))))
    mask = Image.new("L", (side, side))
    mask.paste(sharp, ((side - sharp.width) // 2, (side - sharp.height) // 2))
    return mask


def inked(picture: Image.Image, inks: list[Ink], rng: Rng, color: Color = INK, height: float = 0.0) -> Image.Image:
    """Picture with the inks side by side, with this height or as high as there is room for."""
    most = min(0.62 * picture.height, 0.8 * picture.width / len(inks) / 0.8)
    size = height or most * rng.uniform(0.6, 1.0)
    pen = max(3.0, size * rng.uniform(0.05, 0.12))
    masks = [stroke_mask(ink, size, pen, rng) for ink in inks]
    boxes = [mask.getbbox() or (0, 0, 1, 1) for mask in masks]
    masks = [mask.crop((box[0], 0, box[2], mask.height)) for mask, box in zip(masks, boxes, strict=True)]
    gap = pen + size * rng.uniform(0.12, 0.3)
    total = sum(mask.width for mask in masks) + gap * (len(masks) - 1)
    if total > 0.94 * picture.width:
        return inked(picture, inks, rng, color, size * 0.9 * picture.width / total)
    x = rng.uniform(0.03 * picture.width, 0.97 * picture.width - total)
    y = rng.uniform(0.06 * picture.height, 0.94 * picture.height - masks[0].height)
    picture = picture.copy()
    for mask in masks:
        shift = rng.uniform(-0.04, 0.04) * size
        picture.paste(Image.new("RGB", mask.size, color), (round(x), round(y + shift)), mask)
        x += mask.width + gap
    return picture


def photographed(
    picture: Image.Image, rng: Rng, noise: float = 4.0, light: NDArray[np.float64] | None = None
) -> Image.Image:
    """Picture through a lens and a JPEG file."""
    values = np.asarray(picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.3))), dtype=np.float64)
    if light is not None:
        values = values * light[..., None]
    values = values + rng.normal(0, noise, values.shape)
    stream = io.BytesIO()
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=int(rng.integers(65, 92)))
    return read_image(stream.getvalue())


def paper(color: Color = WHITE, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    return Image.new("RGB", size, color)


def ruled(
    rng: Rng, squared: bool, size: tuple[int, int] = (WIDTH, HEIGHT), color: Color = (150, 170, 210)
) -> Image.Image:
    page = paper(size=size)
    pen = ImageDraw.Draw(page)
    step, start = int(rng.integers(26, 60)), int(rng.integers(0, 26))
    for y in range(start, size[1], step):
        pen.line((0, y, size[0], y), fill=color, width=int(rng.integers(1, 3)))
    for x in range(start, size[0], step) if squared else ():
        pen.line((x, 0, x, size[1]), fill=color, width=1)
    return page


def desk(rng: Rng) -> Image.Image:
    """Picture of a desk with a grain."""
    values = np.array(DESKS[int(rng.integers(len(DESKS)))], dtype=np.float64)
    grain = rng.normal(0, 1, (HEIGHT, 1)) * np.ones((1, WIDTH)) + rng.normal(0, 0.4, (HEIGHT, WIDTH))
    grain = sum(np.roll(grain, shift, 0) for shift in range(-2, 3)) / 5
    return Image.fromarray(np.clip(values + 14 * grain[..., None], 0, 255).astype(np.uint8))


def on_desk(sheet: Image.Image, rng: Rng) -> Image.Image:
    table = desk(rng)
    turned = sheet.convert("RGBA").rotate(rng.uniform(-6, 6), Image.Resampling.BICUBIC, expand=True)
    free = max(1, table.width - turned.width), max(1, table.height - turned.height)
    table.paste(turned, (int(rng.integers(free[0])), int(rng.integers(free[1]))), turned)
    return table


def shadow(rng: Rng) -> NDArray[np.float64]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light: NDArray[np.float64] = 1 - 0.5 * (x * rng.random() / WIDTH + y * rng.random() / HEIGHT)
    edge = (x - rng.uniform(0.2, 0.8) * WIDTH) + rng.uniform(-0.8, 0.8) * (y - HEIGHT / 2)
    return light * (1 - rng.uniform(0.2, 0.4) / (1 + np.exp(-edge / rng.uniform(3, 25))))


def glare(rng: Rng) -> NDArray[np.float64]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    far = ((x - rng.uniform(0, WIDTH)) ** 2 + (y - rng.uniform(0, HEIGHT)) ** 2) / (WIDTH * rng.uniform(0.2, 0.4)) ** 2
    return 0.7 + 0.5 * np.exp(-far)


def specks(picture: Image.Image, count: int, rng: Rng) -> Image.Image:
    pen = ImageDraw.Draw(picture)
    for _ in range(count):
        x, y, r = rng.uniform(0, picture.width), rng.uniform(0, picture.height), rng.uniform(1.5, 5)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(60, 60, 60))
    return picture


def screenshot(inks: list[Ink], rng: Rng) -> Image.Image:
    """Drawing app of a phone: a bar with the time, a title, a field with the digit, a row of buttons."""
    dark = rng.random() < 0.4
    back, fore = ((18, 18, 20), (235, 235, 240)) if dark else ((250, 250, 252), (20, 20, 24))
    screen = Image.new("RGB", (540, 960), back)
    pen = ImageDraw.Draw(screen)
    pen.text((30, 18), "9:41", fill=fore, font_size=24)
    pen.rounded_rectangle((460, 20, 505, 42), 6, outline=fore, width=2)
    pen.text((30, 70), "Drawing", fill=fore, font_size=34)
    field = Image.new("RGB", (480, 600), (0, 0, 0) if dark and rng.random() < 0.5 else back)
    screen.paste(inked(field, inks, rng, fore), (30, 150))
    pen.rounded_rectangle((29, 149, 511, 751), 12, outline=(130, 130, 135), width=2)
    for x in (80, 200, 320, 440):
        pen.ellipse((x, 820, x + 40, 860), outline=fore, width=3)
    pen.rounded_rectangle((190, 930, 350, 938), 4, fill=fore)
    return screen


def transparent(inks: list[Ink], rng: Rng) -> Image.Image:
    ink = inked(Image.new("RGB", (WIDTH, HEIGHT)), inks, rng, (255, 255, 255)).convert("L")
    white = Image.new("RGBA", ink.size, (255, 255, 255, 0))
    white.putalpha(ink)
    stream = io.BytesIO()
    white.save(stream, "PNG")
    return read_image(stream.getvalue())


def framed(inks: list[Ink], rng: Rng) -> Image.Image:
    page = inked(paper(), inks, rng)
    edge = int(rng.integers(2, 22))
    ImageDraw.Draw(page).rectangle(
        (edge, edge, WIDTH - edge, HEIGHT - edge), outline=(30, 30, 30), width=int(rng.integers(2, 9))
    )
    return photographed(page, rng, 2)


def aslant(inks: list[Ink], rng: Rng) -> Image.Image:
    """Sheet at up to 25 degrees on a desk as dark as the ink."""
    sheet = inked(paper(size=(420, 420)), inks, rng).convert("RGBA")
    turned = sheet.rotate(rng.uniform(-25, 25), Image.Resampling.BICUBIC, expand=True)
    table = paper((45, 45, 48))
    table.paste(turned, (10, int(rng.integers(200))), turned)
    return photographed(table, rng, 4, shadow(rng))


def underlined(inks: list[Ink], rng: Rng) -> Image.Image:
    page = inked(paper(), inks, rng)
    left, top, right, bottom = page.convert("L").point(lambda value: 255 * (value < 140)).getbbox()
    below, further = rng.uniform(0.07, 0.2) * (bottom - top), rng.uniform(0, 60)
    line = (left - further, bottom + below, right + further, bottom + below + rng.uniform(0, 10))
    ImageDraw.Draw(page).line(line, fill=INK, width=round(rng.uniform(0.03, 0.06) * (bottom - top)))
    return page


Maker = Callable[[list[Ink], Rng], Image.Image]


def in_color(color: Color) -> Maker:
    return lambda inks, rng: photographed(inked(paper((238, 236, 230)), inks, rng, color), rng, 3)


CONDITIONS: dict[str, Maker] = {
    "plain scan": lambda inks, rng: inked(paper(), inks, rng),
    "one speck": lambda inks, rng: specks(inked(paper(), inks, rng), 1, rng),
    "six specks": lambda inks, rng: specks(inked(paper(), inks, rng), 6, rng),
    "ruled scan": lambda inks, rng: inked(ruled(rng, False), inks, rng),
    "squared scan": lambda inks, rng: inked(ruled(rng, True), inks, rng),
    "dark rules": lambda inks, rng: inked(ruled(rng, False, color=(90, 90, 100)), inks, rng),
    "ruled, photographed": lambda inks, rng: photographed(
        inked(ruled(rng, False), inks, rng).rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=WHITE),
        rng,
        4,
        shadow(rng),
    ),
    "squared, photographed": lambda inks, rng: photographed(
        inked(ruled(rng, True), inks, rng).rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=WHITE),
        rng,
        4,
        shadow(rng),
    ),
    "sheet on a desk": lambda inks, rng: photographed(
        on_desk(inked(paper((244, 242, 238), (380, 500)), inks, rng), rng), rng
    ),
    "ruled sheet on a desk": lambda inks, rng: photographed(
        on_desk(inked(ruled(rng, False, (380, 500)), inks, rng), rng), rng
    ),
    "sticky note on a desk": lambda inks, rng: photographed(
        on_desk(inked(paper((250, 226, 110), (260, 260)), inks, rng, (30, 40, 120)), rng), rng
    ),
    "sheet aslant on a dark desk": aslant,
    "underlined": underlined,
    "frame": framed,
    "shadow": lambda inks, rng: photographed(inked(paper(), inks, rng), rng, 4, shadow(rng)),
    "glare": lambda inks, rng: photographed(inked(paper((225, 224, 220)), inks, rng), rng, 4, glare(rng)),
    "noise": lambda inks, rng: photographed(inked(paper((200, 198, 190)), inks, rng), rng, 14),
    "blackboard": lambda inks, rng: photographed(
        inked(paper((48, 66, 56)), inks, rng, (225, 228, 222)), rng, 5, shadow(rng)
    ),
    **{f"{name} pen": in_color(color) for name, color in PENS.items()},
    "white on transparency": transparent,
    "phone screenshot": screenshot,
}
