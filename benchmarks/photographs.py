"""Accuracy and speed of a network on made photographs: ``python -m benchmarks.photographs [MODEL] [--pictures 40]``.

Test digits as they were written, test digits drawn again along their centre lines, where small loops are lost that no
reader could miss, and the held-out forms, a third each, stand in pictures as people make them: scans, photographs of
ruled paper, sheets and notes on desks, in shadow and glare, in ink of many colours, screenshots, and numbers of up to
eight digits. A picture is right if it is answered with its digits and no other. Letters, shapes and
scribbles, none of which the network was trained on, are to get no sure answer. Baseline: the whole picture, as it is,
scaled to the network's input.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.made_pictures import CONDITIONS, Ink, Maker, Rng, inked, paper, photographed, shadow
from benchmarks.measure import machine, median_and_range
from core import data, devices
from core.handwriting.answers import Answer, answer
from core.handwriting.forms import HELD_OUT, HELD_OUT_THINGS
from core.handwriting.photographs import find_digits
from core.handwriting.preprocessing import Bytes, normalise
from core.handwriting.strokes import CentreLine, centre_lines
from core.handwriting.writing import scribble, written
from core.models.checkpoints import load_parameters
from core.paths import ROOT
from core.training.network import Network

REPEATS = 9
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
            lambda inks, rng: photographed(inked(paper(size=(1200, 400)), inks, rng), rng, 4),
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
        print(f"| {name} | {100 * shares[-1]:.1f}% | {100 * sure[-1]:.1f}% |", flush=True)
    print(f"| **mean of {len(shares)} conditions** | **{100 * np.mean(shares):.2f}%** | {100 * np.mean(sure):.1f}% |")
    print(f"| baseline: one digit, the whole picture shrunk | {100 * np.mean(baseline):.1f}% | |")
    for source, hits in by_source.items():
        print(f"| one digit, {source} | {100 * np.mean(hits):.1f}%, n = {len(hits)} | |")
    print("\n| no digit | pictures | sure answers |\n|---|---|---|")
    kinds: dict[str, list[bool]] = {}
    for _ in range(10 * count):
        kind, picture = no_digit(rng)
        answers = read(network, picture)
        kinds.setdefault(kind, []).append(bool(answers) and all(a.sure for a in answers))
    for kind, values in kinds.items():
        print(f"| {kind} | {len(values)} | {100 * np.mean(values):.1f}% |")
    everything = [value for values in kinds.values() for value in values]
    print(f"| **all** | {len(everything)} | **{100 * np.mean(everything):.1f}%** |")
    _speed(network, known, rng)


def _shrunk(picture: Image.Image) -> Bytes:
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
