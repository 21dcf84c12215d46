"""The network as one picture: its inputs, its units lit by a digit, its outputs, and the paths that decided."""

import base64

import numpy as np
import torch
from numpy.typing import NDArray

from core.data import CLASSES, PIXELS
from core.handwriting.preprocessing import SIDE, Bytes
from core.training.network import Network

#: Units whose paths are drawn, and pixels for each.
UNITS, PIXELS_EACH = 8, 8
#: Columns of the units' grid, and distances in the picture.
COLUMNS, CELL, UNIT, WIDTH, HEIGHT = 8, 8, 15, 640, 272
LEFT, TOP = 8, 24
UNITS_LEFT, OUTPUT, OUTPUT_STEP = 324, 588, 25
ADDS, TAKES = "#4f9df0", "#e8923a"


@torch.no_grad()
def network_html(network: Network, digit: Bytes) -> str:
    """Return the picture of what the network does with a (28, 28) uint8 digit."""
    pixels = digit.reshape(PIXELS).astype(np.float32) / 255
    w1, b1, w2, b2 = (parameter.cpu().numpy() for parameter in network.parameters())
    hidden = np.maximum(w1 @ pixels + b1, 0)
    logits = w2 @ hidden + b2
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    said = int(shares.argmax())
    pushes = hidden * w2[said]
    strongest = np.argsort(-np.abs(pushes))[:UNITS]
    svg = _svg(digit, hidden, shares, pushes, strongest, pixels * w1)
    address = "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
    lit = int((hidden > 0).sum())
    alt = f"784 inputs, 128 units of which {lit} are lit, ten outputs; the paths to the {said}"
    caption = (
        f"784 inputs, 128 units of which {lit} are lit, ten outputs. The lines are the {len(strongest)} units that "
        f"moved the {said} most, and the pixels that lit each of them most: "
        '<span class="adds">blue adds</span>, <span class="takes">orange takes away</span>.'
    )
    return (
        f'<figure class="network"><img src="{address}" alt="{alt}" data-testid="network">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _svg(
    digit: Bytes,
    hidden: NDArray[np.float32],
    shares: NDArray[np.float32],
    pushes: NDArray[np.float32],
    strongest: NDArray[np.int64],
    reached: NDArray[np.float32],
) -> str:
    """Return the picture as SVG text.

    Args:
        digit: (28, 28), the input.
        hidden: (128,) activations.
        shares: (10,) probabilities.
        pushes: (128,), what each unit adds to the output that is the answer.
        strongest: the units whose paths are drawn.
        reached: (128, 784), what each pixel adds to each unit.
    """
    said = int(shares.argmax())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#0b0d12"/>',
    ]
    for row, column in np.argwhere(digit > 0):
        shade = int(digit[row, column])
        x, y = LEFT + CELL * column, TOP + CELL * row
        parts.append(f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="rgb({shade},{shade},{shade})"/>')
    parts.append(
        f'<rect x="{LEFT}" y="{TOP}" width="{CELL * SIDE}" height="{CELL * SIDE}" fill="none" stroke="#3a4150"/>'
    )
    largest = max(float(np.abs(pushes).max()), 1e-9)
    for unit in strongest:
        color = ADDS if pushes[unit] >= 0 else TAKES
        strength = float(abs(pushes[unit])) / largest
        x, y = _unit(int(unit))
        for pixel in np.argsort(-reached[unit])[:PIXELS_EACH]:
            if reached[unit, pixel] > 0:
                from_x, from_y = LEFT + CELL * (pixel % SIDE + 0.5), TOP + CELL * (pixel // SIDE + 0.5)
                parts.append(_line(from_x, from_y, x, y, color, 0.8, 0.15 + 0.35 * strength))
        parts.append(_line(x, y, OUTPUT, _output(said), color, 0.5 + 3.5 * strength, 0.35 + 0.6 * strength))
    brightest = max(float(hidden.max()), 1e-9)
    for unit, value in enumerate(hidden):
        x, y = _unit(unit)
        shade = round(40 + 215 * float(value) / brightest)
        ring = f' stroke="{ADDS if pushes[unit] >= 0 else TAKES}" stroke-width="2"' if unit in strongest else ""
        parts.append(f'<circle cx="{x}" cy="{y}" r="5" fill="rgb({shade},{shade},{shade})"{ring}/>')
    for number in range(CLASSES):
        y, share = _output(number), float(shares[number])
        weight = ' font-weight="700"' if number == said else ""
        parts.append(f'<circle cx="{OUTPUT}" cy="{y}" r="9" fill="{ADDS}" fill-opacity="{0.08 + 0.92 * share:.3f}"/>')
        parts.append(f'<text x="{OUTPUT + 18}" y="{y + 5}" font-size="15" fill="#e6e9ef"{weight}>{number}</text>')
    return "".join(parts) + "</svg>"


def _line(x: float, y: float, to_x: float, to_y: float, color: str, width: float, opacity: float) -> str:
    return (
        f'<line x1="{x:.0f}" y1="{y:.0f}" x2="{to_x:.0f}" y2="{to_y:.0f}" stroke="{color}" '
        f'stroke-width="{width:.1f}" stroke-opacity="{opacity:.2f}"/>'
    )


def _unit(unit: int) -> tuple[int, int]:
    return UNITS_LEFT + UNIT * (unit % COLUMNS), TOP + 2 + UNIT * (unit // COLUMNS)


def _output(number: int) -> int:
    return TOP + OUTPUT_STEP * number
