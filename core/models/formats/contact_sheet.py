"""All weights as one picture: blue is positive, orange negative, and nothing is the colour of the paper."""

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from core.handwriting.preprocessing import SIDE
from core.training.network import Network

COLUMNS, ROWS = 16, 8
#: Pixels of a weight and between tiles, of each layer's grid.
HIDDEN_SCALE, HIDDEN_GAP = 2, 4
OUTPUT_SCALE, OUTPUT_GAP = 5, 16
MARGIN, LINE = 24, 34

Colour = tuple[int, int, int]
#: A negative weight, none, a positive one.
LIGHT: tuple[Colour, Colour, Colour] = (196, 84, 8), (252, 252, 251), (20, 92, 168)
DARK: tuple[Colour, Colour, Colour] = (248, 160, 72), (16, 23, 29), (98, 182, 240)
INK: dict[tuple[Colour, Colour, Colour], Colour] = {LIGHT: (27, 39, 51), DARK: (228, 233, 237)}


def write(network: Network, metadata: dict[str, Any]) -> bytes:
    """A PNG for light paper, with ``metadata`` (JSON values) as its text chunks."""
    texts = PngImagePlugin.PngInfo()
    for key, value in metadata.items():
        texts.add_itxt(key, value if isinstance(value, str) else json.dumps(value))
    stream = io.BytesIO()
    sheet(network).save(stream, "PNG", pnginfo=texts)
    return stream.getvalue()


def sheet(network: Network, dark: bool = False) -> Image.Image:
    """Both layers, each with a line that says what it shows."""
    colours = DARK if dark else LIGHT
    hidden, output = hidden_layer(network, dark), output_layer(network, dark)
    width = hidden.width + 2 * MARGIN
    page = Image.new("RGB", (width, 2 * MARGIN + hidden.height + output.height + 2 * LINE + MARGIN), colours[1])
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    top = MARGIN
    for text, grid in (
        ("Hidden layer: a tile a unit, a pixel for each pixel of the digit that it looks at", hidden),
        ("Output layer: a tile a digit, 0 to 9, a square for each hidden unit in the order above", output),
    ):
        draw.text((MARGIN, top), text, INK[colours], font)
        page.paste(grid, (MARGIN, top + LINE))
        top += LINE + grid.height + MARGIN
    return page


def hidden_layer(network: Network, dark: bool = False) -> Image.Image:
    """The 128 hidden units' weights, 16 a row, each 28 x 28."""
    weights = network.state_dict()["0.weight"].detach().cpu().numpy()
    return _grid(weights.reshape(ROWS, COLUMNS, SIDE, SIDE), HIDDEN_SCALE, HIDDEN_GAP, DARK if dark else LIGHT)


def strongest_units(network: Network, dark: bool = False) -> Image.Image:
    """The 24 hidden units that the output layer listens to most, the strongest first, 12 a row."""
    state = network.state_dict()
    strongest = state["2.weight"].norm(dim=0).argsort(descending=True)[:24]
    weights = state["0.weight"][strongest].detach().cpu().numpy()
    return _grid(weights.reshape(2, 12, SIDE, SIDE), 1, 2, DARK if dark else LIGHT)


def output_layer(network: Network, dark: bool = False) -> Image.Image:
    """The ten digits' weights in one row, each 16 x 8: the hidden units in the order of ``hidden_layer``."""
    weights = network.state_dict()["2.weight"].detach().cpu().numpy()
    return _grid(weights.reshape(1, -1, ROWS, COLUMNS), OUTPUT_SCALE, OUTPUT_GAP, DARK if dark else LIGHT)


def _grid(tiles: NDArray[np.float32], scale: int, gap: int, colours: tuple[Colour, Colour, Colour]) -> Image.Image:
    """(rows, columns, height, width) weights as one picture, on one scale that is symmetric about 0."""
    rows, columns, height, width = tiles.shape
    # The few largest weights would leave all others pale.
    largest = float(np.quantile(np.abs(tiles), 0.995)) or 1.0
    shares = np.clip(tiles / largest, -1, 1).repeat(scale, 2).repeat(scale, 3)
    shares = np.pad(shares, ((0, 0), (0, 0), (0, gap), (0, gap))).transpose(0, 2, 1, 3)
    shares = shares.reshape(rows * (height * scale + gap), columns * (width * scale + gap), 1)[:-gap, :-gap]
    below, paper, above = (np.array(colour, np.float32) for colour in colours)
    pixels = paper + np.where(shares < 0, -shares * (below - paper), shares * (above - paper))
    return Image.fromarray(pixels.round().astype(np.uint8))
