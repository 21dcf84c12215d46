"""All weights as one picture: blue is positive, orange negative, and zero is the colour of the paper."""

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from core.analysis.signed_image import tiled
from core.handwriting.preprocessing import SIDE
from core.training.network import Network

COLUMNS, ROWS = 16, 8
#: Pixels per weight and between tiles, of each layer's grid.
HIDDEN_SCALE, HIDDEN_GAP = 2, 4
OUTPUT_SCALE, OUTPUT_GAP = 5, 16
MARGIN, LINE = 24, 34
PAPER, INK = (252, 252, 251), (27, 39, 51)


def write(network: Network, metadata: dict[str, Any]) -> bytes:
    """Return a PNG with ``metadata`` (JSON values) as its text chunks."""
    texts = PngImagePlugin.PngInfo()
    for key, value in metadata.items():
        texts.add_itxt(key, value if isinstance(value, str) else json.dumps(value))
    stream = io.BytesIO()
    sheet(network).save(stream, "PNG", pnginfo=texts)
    return stream.getvalue()


def sheet(network: Network) -> Image.Image:
    """Draw both layers on paper, each with a line that says what it shows."""
    hidden, output = hidden_layer(network).convert("RGBA"), output_layer(network).convert("RGBA")
    width = hidden.width + 2 * MARGIN
    page = Image.new("RGB", (width, 2 * MARGIN + hidden.height + output.height + 2 * LINE + MARGIN), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    top = MARGIN
    for text, grid in (
        ("Hidden layer: a tile per unit, a pixel per pixel of the digit; blue is positive, orange negative", hidden),
        ("Output layer: a tile per digit, 0 to 9, a square per hidden unit in the order above", output),
    ):
        draw.text((MARGIN, top), text, INK, font)
        page.paste(grid, (MARGIN, top + LINE), grid)
        top += LINE + grid.height + MARGIN
    return page


def hidden_layer(network: Network) -> Image.Image:
    """Draw the 128 hidden units' weights, 16 per row, each 28 x 28; transparent where they are zero."""
    return tiled(_weights(network, "0.weight").reshape(ROWS, COLUMNS, SIDE, SIDE), HIDDEN_GAP, HIDDEN_SCALE)


def strongest_units(network: Network) -> Image.Image:
    """Draw the 24 hidden units with the largest output weights, the largest first, 12 per row."""
    # In float32 the squares of huge weights overflow.
    lengths = np.linalg.norm(_weights(network, "2.weight").astype(np.float64), axis=0)
    strongest = np.argsort(-lengths, kind="stable")[:24]
    return tiled(_weights(network, "0.weight")[strongest].reshape(2, 12, SIDE, SIDE), 2)


def output_layer(network: Network) -> Image.Image:
    """Draw the ten digits' weights in one row, each 16 x 8: the hidden units in the order of ``hidden_layer``."""
    return tiled(_weights(network, "2.weight").reshape(1, -1, ROWS, COLUMNS), OUTPUT_GAP, OUTPUT_SCALE)


def _weights(network: Network, name: str) -> NDArray[np.float32]:
    weights: NDArray[np.float32] = network.state_dict()[name].detach().cpu().numpy()
    return weights
