"""Accuracy and speed of a network on made photographs: ``python -m benchmarks.photographs [MODEL] [--pictures 40]``.

Test digits as they were written, test digits drawn again along their centre lines, where small loops are lost that no
reader could miss, and the held-out forms, a third each, stand in pictures as people make them: scans, photographs of
ruled paper, sheets and notes on desks, in shadow and glare, in ink of many colours, screenshots, and numbers of up to
eight digits. A picture is right if it is answered with its digits and no other. Letters, shapes and
scribbles, none of which the network was trained on, are to get no sure answer. Baseline: the whole picture, as it is,
scaled to the network's input.
"""

import argparse
import io
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.measure import machine, median_and_range
from core import data, devices
from core.handwriting.answers import Answer, answer
from core.handwriting.forms import HELD_OUT, HELD_OUT_THINGS, scribble, written
from core.handwriting.photographs import find_digits, read_image
from core.handwriting.preprocessing import Bytes, normalise
from core.handwriting.strokes import CentreLine, centre_lines, draw
from core.models.checkpoints import load_parameters
from core.paths import ROOT
from core.training.network import Network

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
REPEATS = 9


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


def inked(picture: Image.Image, lines: list[Ink], rng: Rng, color: Color = INK, height: float = 0.0) -> Image.Image:
    """Picture with the lines side by side, with this height or as high as there is room for."""
    most = min(0.62 * picture.height, 0.8 * picture.width / len(lines) / 0.8)
    size = height or most * rng.uniform(0.6, 1.0)
    pen = max(3.0, size * rng.uniform(0.05, 0.12))
    masks = [stroke_mask(line, size, pen, rng) for line in lines]
    boxes = [mask.getbbox() or (0, 0, 1, 1) for mask in masks]
    masks = [mask.crop((box[0], 0, box[2], mask.height)) for mask, box in zip(masks, boxes, strict=True)]
    gap = pen + size * rng.uniform(0.12, 0.3)
    total = sum(mask.width for mask in masks) + gap * (len(masks) - 1)
    if total > 0.94 * picture.width:
        return inked(picture, lines, rng, color, size * 0.9 * picture.width / total)
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


def screenshot(lines: list[Ink], rng: Rng) -> Image.Image:
    """Drawing app of a phone: a bar with the time, a title, a field with the digit, a row of buttons."""
    dark = rng.random() < 0.4
    back, fore = ((18, 18, 20), (235, 235, 240)) if dark else ((250, 250, 252), (20, 20, 24))
    screen = Image.new("RGB", (540, 960), back)
    pen = ImageDraw.Draw(screen)
    pen.text((30, 18), "9:41", fill=fore, font_size=24)
    pen.rounded_rectangle((460, 20, 505, 42), 6, outline=fore, width=2)
    pen.text((30, 70), "Drawing", fill=fore, font_size=34)
    field = Image.new("RGB", (480, 600), (0, 0, 0) if dark and rng.random() < 0.5 else back)
    screen.paste(inked(field, lines, rng, fore), (30, 150))
    pen.rounded_rectangle((29, 149, 511, 751), 12, outline=(130, 130, 135), width=2)
    for x in (80, 200, 320, 440):
        pen.ellipse((x, 820, x + 40, 860), outline=fore, width=3)
    pen.rounded_rectangle((190, 930, 350, 938), 4, fill=fore)
    return screen


def transparent(lines: list[Ink], rng: Rng) -> Image.Image:
    ink = inked(Image.new("RGB", (WIDTH, HEIGHT)), lines, rng, (255, 255, 255)).convert("L")
    white = Image.new("RGBA", ink.size, (255, 255, 255, 0))
    white.putalpha(ink)
    stream = io.BytesIO()
    white.save(stream, "PNG")
    return read_image(stream.getvalue())


def framed(lines: list[Ink], rng: Rng) -> Image.Image:
    page = inked(paper(), lines, rng)
    edge = int(rng.integers(2, 22))
    ImageDraw.Draw(page).rectangle(
        (edge, edge, WIDTH - edge, HEIGHT - edge), outline=(30, 30, 30), width=int(rng.integers(2, 9))
    )
    return photographed(page, rng, 2)


Maker = Callable[[list[Ink], Rng], Image.Image]


def in_color(color: Color) -> Maker:
    return lambda lines, rng: photographed(inked(paper((238, 236, 230)), lines, rng, color), rng, 3)


CONDITIONS: dict[str, Maker] = {
    "plain scan": lambda lines, rng: inked(paper(), lines, rng),
    "one speck": lambda lines, rng: specks(inked(paper(), lines, rng), 1, rng),
    "six specks": lambda lines, rng: specks(inked(paper(), lines, rng), 6, rng),
    "ruled scan": lambda lines, rng: inked(ruled(rng, False), lines, rng),
    "squared scan": lambda lines, rng: inked(ruled(rng, True), lines, rng),
    "dark rules": lambda lines, rng: inked(ruled(rng, False, color=(90, 90, 100)), lines, rng),
    "ruled, photographed": lambda lines, rng: photographed(
        inked(ruled(rng, False), lines, rng).rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=WHITE),
        rng,
        4,
        shadow(rng),
    ),
    "squared, photographed": lambda lines, rng: photographed(
        inked(ruled(rng, True), lines, rng).rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC, fillcolor=WHITE),
        rng,
        4,
        shadow(rng),
    ),
    "sheet on a desk": lambda lines, rng: photographed(
        on_desk(inked(paper((244, 242, 238), (380, 500)), lines, rng), rng), rng
    ),
    "ruled sheet on a desk": lambda lines, rng: photographed(
        on_desk(inked(ruled(rng, False, (380, 500)), lines, rng), rng), rng
    ),
    "sticky note on a desk": lambda lines, rng: photographed(
        on_desk(inked(paper((250, 226, 110), (260, 260)), lines, rng, (30, 40, 120)), rng), rng
    ),
    "frame": framed,
    "shadow": lambda lines, rng: photographed(inked(paper(), lines, rng), rng, 4, shadow(rng)),
    "glare": lambda lines, rng: photographed(inked(paper((225, 224, 220)), lines, rng), rng, 4, glare(rng)),
    "noise": lambda lines, rng: photographed(inked(paper((200, 198, 190)), lines, rng), rng, 14),
    "blackboard": lambda lines, rng: photographed(
        inked(paper((48, 66, 56)), lines, rng, (225, 228, 222)), rng, 5, shadow(rng)
    ),
    **{f"{name} pen": in_color(color) for name, color in PENS.items()},
    "white on transparency": transparent,
    "phone screenshot": screenshot,
}


SOURCES = ("as it was written", "drawn again", "held-out form")


@dataclass(frozen=True)
class Known:
    """Test digits, and their centre lines."""

    digits: data.Digits
    lines: list[CentreLine]

    def ink(self, source: str, label: int, rng: Rng) -> Ink:
        """Return a digit of this label, by chance."""
        if source == "held-out form":
            forms = [form for form in HELD_OUT if form.digit == label]
            return written(forms[int(rng.integers(len(forms)))], rng)
        chosen = int(rng.choice(np.flatnonzero(self.digits.labels.numpy() == label)))
        image: Bytes = self.digits.images[chosen].view(28, 28).numpy()
        return self.lines[chosen] if source == "drawn again" else image


def read(network: Network, picture: Image.Image) -> list[Answer]:
    try:
        return [answer(network, way.digit) for way in find_digits(picture)]
    except ValueError:
        return []


def no_digit(rng: Rng) -> tuple[str, Image.Image]:
    """Make a letter, a shape, a scribble or a word, on paper that is scanned or photographed."""
    kind = ("letter", "shape", "scribble", "word")[int(rng.integers(4))]
    letters = [form for form in HELD_OUT_THINGS if len(form.name) == 1]
    shapes = [form for form in HELD_OUT_THINGS if len(form.name) > 1]
    forms = shapes if kind == "shape" else letters
    count = int(rng.integers(2, 6)) if kind == "word" else 1
    lines: list[Ink] = [written(forms[int(rng.integers(len(forms)))], rng) for _ in range(count)]
    if kind == "scribble":
        lines = [scribble(rng)]
    page = inked(paper(), lines, rng)
    return kind, page if rng.random() < 0.5 else photographed(page, rng, 4, shadow(rng))


def report(network: Network, count: int) -> None:
    digits = data.load().test[:2000]
    lines = centre_lines(digits.images)
    known = Known(digits, lines)
    rng = np.random.default_rng(0)
    shares, sure, baseline = [], [], []
    by_source: dict[str, list[bool]] = {source: [] for source in SOURCES}
    print("| condition | right | sure |\n|---|---|---|")
    several: dict[str, tuple[int, Maker]] = {
        f"{length} digits": (
            length,
            lambda lines, rng: photographed(inked(paper(size=(1200, 400)), lines, rng), rng, 4),
        )
        for length in range(2, 9)
    }
    for name, (length, make) in {**{name: (1, make) for name, make in CONDITIONS.items()}, **several}.items():
        right, certain = 0, 0
        for number in range(count):
            labels = [number % 10] if length == 1 else rng.integers(0, 10, length).tolist()
            sources = [SOURCES[int(rng.integers(len(SOURCES)))] for _ in labels]
            picture = make([known.ink(*each, rng) for each in zip(sources, labels, strict=True)], rng)
            answers = read(network, picture)
            hit = [a.digit for a in answers] == labels
            right += hit
            certain += bool(answers) and all(a.sure for a in answers)
            if length == 1:
                baseline.append(answer(network, _shrunk(picture)).digit == labels[0])
                by_source[sources[0]].append(hit)
        shares.append(right / count)
        sure.append(certain / count)
        print(f"| {name} | {100 * shares[-1]:.1f} % | {100 * sure[-1]:.1f} % |", flush=True)
    print(f"| **mean of {len(shares)} conditions** | **{100 * np.mean(shares):.2f} %** | {100 * np.mean(sure):.1f} % |")
    print(f"| baseline: one digit, the whole picture shrunk | {100 * np.mean(baseline):.1f} % | |")
    for source, hits in by_source.items():
        print(f"| one digit, {source} | {100 * np.mean(hits):.1f} %, n = {len(hits)} | |")
    print("\n| no digit | pictures | sure answers |\n|---|---|---|")
    kinds: dict[str, list[bool]] = {}
    for _ in range(10 * count):
        kind, picture = no_digit(rng)
        answers = read(network, picture)
        kinds.setdefault(kind, []).append(bool(answers) and all(a.sure for a in answers))
    for kind, values in kinds.items():
        print(f"| {kind} | {len(values)} | {100 * np.mean(values):.1f} % |")
    everything = [value for values in kinds.values() for value in values]
    print(f"| **all** | {len(everything)} | **{100 * np.mean(everything):.1f} %** |")
    _speed(network, known, rng)


def _shrunk(picture: Image.Image) -> NDArray[np.uint8]:
    try:
        return normalise(picture.convert("L"))
    except ValueError:
        return np.zeros((28, 28), dtype=np.uint8)


def _speed(network: Network, known: Known, rng: Rng) -> None:
    photograph = CONDITIONS["ruled, photographed"]([known.ink("drawn again", 3, rng)], rng).resize((4000, 3000))
    milliseconds = []
    for _ in range(REPEATS):
        started = time.process_time()
        for way in find_digits(photograph):
            answer(network, way.digit)
        milliseconds.append(1000 * (time.process_time() - started))
    shown = f"{median_and_range(milliseconds, 1)} ms of processor time, n = {REPEATS}"
    print(f"\n12 megapixels, decoded, to the answer: {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=ROOT / "models" / "reference.safetensors")
    parser.add_argument("--pictures", type=int, default=40, help="per condition")
    options = parser.parse_args()
    devices.prepare_cpu(1)
    print(machine())
    report(load_parameters(options.model)[0], options.pictures)


if __name__ == "__main__":
    main()
