"""Networks' predictions and their input as HTML, replaced after every stroke; styled by draw.css."""

import itertools
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from PIL import Image

from core.handwriting.answers import Answer
from core.handwriting.preprocessing import SIDE, Bytes, Steps
from dashboard import words
from dashboard.pictures import data_url, grey_url

#: Sides in screen pixels: of the network's input, of a step on the way to it, of one of several inputs.
INPUT_SIDE, STEP_SIDE, SMALL_SIDE = 224, 112, 84


def answer_html(answer: Answer | None) -> str:
    """Return the answer in large, its runner-up and ten bars; without an answer, an invitation to draw."""
    digit, state, lead, rest = _answer_in_words(answer)
    return (
        f'<div class="answer {state}" data-testid="answer" data-digit="{digit}">'
        f'<div class="digit">{digit}</div><div><p class="lead">{escape(lead)}</p><p class="rest">{escape(rest)}</p>'
        f'</div></div><div class="bars" data-testid="bars">{_bars(answer)}</div>'
    )


def answer_text(answer: Answer | None) -> str:
    """Return the same for who listens, as plain text; empty without an answer."""
    digit, _, lead, rest = _answer_in_words(answer)
    return f"{digit}: {lead}. {rest}" if answer else ""


def several_html(answers: Sequence[Answer], ways: Sequence[Steps]) -> str:
    """Return the number in large, and how sure each of its digits is."""
    number, lead, rest = _number_in_words(answers, ways)
    kind = "sure" if all(answer.sure for answer in answers) else "unsure"
    return (
        f'<div class="answer several {kind}" data-testid="answer" data-digit="{number}">'
        f'<div class="digit">{number}</div>'
        f'<div><p class="lead">{escape(lead)}</p><p class="rest">{escape(rest)}</p></div></div>'
    )


def several_text(answers: Sequence[Answer], ways: Sequence[Steps]) -> str:
    """Return the same for who listens, as plain text."""
    return "{}: {}. {}".format(*_number_in_words(answers, ways))


def _number_in_words(answers: Sequence[Answer], ways: Sequence[Steps]) -> tuple[str, str, str]:
    """Return the number, how many digits it has and in which order, and each one's probability."""
    number = "".join(str(answer.digit) for answer in answers)
    each = [
        f"{answer.digit} with {words.probability(answer.probability)}{'' if answer.sure else ', not sure'}"
        for answer in answers
    ]
    back = any(next_.box[0] < way.box[0] for way, next_ in itertools.pairwise(ways))
    return number, f"{len(answers)} digits, {'row by row' if back else 'left to right'}", "; ".join(each) + "."


def _answer_in_words(answer: Answer | None) -> tuple[str, str, str, str]:
    """Return the digit, the kind of the answer, its first words and the others."""
    if answer is None:
        return "?", "empty", "No digit yet", "The answer appears here as soon as there is one."
    share, other = words.probability(answer.probability), words.probability(answer.probabilities[answer.runner_up])
    digit, second = str(answer.digit), f"{answer.runner_up} with {other}"
    if not answer.sure:
        return digit, "unsure", "Not sure", answer.note
    return digit, "sure", share, f"Next would be {second}."


def steps_html(ways: Sequence[Steps]) -> str:
    """Return the network's input, and the steps to it: the ink, and the ink scaled; of several digits, each one's."""
    if len(ways) > 1:
        pictures = "".join(
            _figure(f"Digit {place}", _pixels(way.digit, SMALL_SIDE, f"what the network sees of digit {place}"))
            for place, way in enumerate(ways, 1)
        )
        found = _figure("The digits, found", _found(ways, INPUT_SIDE), "seen")
        return f'<div class="steps" data-testid="steps">{found}</div><div class="inputs">{pictures}</div>'
    pixels = ways[0].digit if ways else np.zeros((SIDE, SIDE), dtype=np.uint8)
    figures = _figure(
        "What the network sees: centred in 28 x 28", _pixels(pixels, INPUT_SIDE, "what the network sees"), "seen"
    )
    for way in ways:
        scaled = np.round(way.fitted * 255).astype(np.uint8)
        changed = f",<br>strokes {'thickened' if way.thickened > 0 else 'thinned'}" if way.thickened else ""
        changed += ",<br>slant halved" if way.straightened else ""
        figures += _figure("1. The ink, found", _found(ways, STEP_SIDE))
        figures += _figure(
            f"2. Scaled: {scaled.shape[1]} x {scaled.shape[0]}{changed}", _pixels(scaled, STEP_SIDE, "scaled")
        )
    return f'<div class="steps" data-testid="steps">{figures}</div>'


def found_html(ways: Sequence[Steps], side: int) -> str:
    """Return the picture with a box around each digit."""
    return f'<div class="found" data-testid="found">{_found(ways, side)}</div>'


def others_html(answers: Mapping[str, Sequence[Answer]]) -> str:
    """Return a table, one row per network; its answers are in the order of reading."""
    rows = []
    for name, given in answers.items():
        shares = ", ".join(_percent(a.probability) for a in given)
        nexts = ", ".join(f"{a.runner_up} with {_percent(a.probabilities[a.runner_up])}" for a in given)
        rows.append(
            f'<tr><td>{escape(name)}</td><td class="said">{"".join(str(a.digit) for a in given)}</td>'
            f"<td>{shares}{'' if all(a.sure for a in given) else ', not sure'}</td>"
            f'<td class="quiet">{nexts}</td></tr>'
        )
    head = "<tr><th>Network</th><th>Says</th><th>With</th><th>Next</th></tr>"
    return f'<table class="others" data-testid="others">{head}{"".join(rows)}</table>'


def crisp(pixels: Bytes, scale: int, alt: str) -> str:
    """Return an image with ``scale`` x ``scale`` screen pixels per pixel."""
    height, width = pixels.shape
    return (
        f'<img class="crisp" style="image-rendering: pixelated" src="{grey_url(pixels)}" '
        f'width="{width * scale}" height="{height * scale}" alt="{alt}">'
    )


def _figure(caption: str, picture: str, kind: str = "") -> str:
    return f'<figure class="{kind}">{picture}<figcaption>{caption}</figcaption></figure>'


def _pixels(pixels: Bytes, side: int, alt: str) -> str:
    scale = side // max(pixels.shape)
    return f'<div class="frame" style="width: {side}px; height: {side}px">{crisp(pixels, scale, alt)}</div>'


def _found(ways: Sequence[Steps], side: int) -> str:
    picture = ways[0].picture
    height, width = picture.shape
    scale = side / max(height, width)
    boxes = ""
    for way in ways:
        left, top, right, bottom = (scale * place for place in way.box)
        boxes += (
            f'<div class="box" style="left: {left:.1f}px; top: {top:.1f}px; width: {max(1, right - left):.1f}px; '
            f'height: {max(1, bottom - top):.1f}px"></div>'
        )
    small = Image.fromarray(picture)
    small.thumbnail((2 * side, 2 * side), Image.Resampling.BOX)
    size = f"width: {width * scale:.0f}px; height: {height * scale:.0f}px"
    image = f'<img src="{data_url(small)}" style="{size}" alt="the picture">'
    return f'<div class="frame" style="{size}">{image}{boxes}</div>'


def _bars(answer: Answer | None) -> str:
    shares = np.zeros(10) if answer is None else answer.probabilities
    places = {} if answer is None else {answer.digit: "first", answer.runner_up: "second"}
    return "".join(
        f'<div class="{places.get(i, "")}"><span>{i}</span><span class="track"><span class="fill" '
        f'style="width: {100 * share:.1f}%"></span></span><span>{_percent(share) if answer else ""}</span></div>'
        for i, share in enumerate(shares)
    )


def _percent(share: float) -> str:
    return escape(words.probability(share))
