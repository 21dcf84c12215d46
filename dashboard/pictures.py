"""Digits and weights as images in HTML: one image pixel per value, crisp at any size."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core.analysis.signed_image import signed_image
from core.handwriting.preprocessing import SIDE

_STYLE = """<style>
.digits { display: grid; grid-template-columns: repeat(auto-fill, minmax(max(9%, 58px), 1fr)); gap: 0.6rem; }
.digits figure { margin: 0; padding: 0.35rem; border: 1px solid rgb(128 128 128 / 0.3); border-radius: 8px; }
.digits figure.wrong { border-color: #d64550; background: rgb(214 69 80 / 0.13); }
.digits img { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.digits figcaption { font-size: 0.82rem; line-height: 1.3; padding-top: 0.3rem; text-align: center; }
</style>"""


def gallery(images: Tensor, labels: Tensor, predictions: Tensor, said: str = "predicted") -> str:
    """HTML of the digits, wrong ones marked.

    Args:
        images: (n, 784) uint8; labels, predictions: (n,).
        said: how the predictions came about.
    """
    cells = [
        _cell(image, int(label), int(prediction), said)
        for image, label, prediction in zip(images, labels, predictions, strict=True)
    ]
    return f'{_STYLE}<div class="digits">{"".join(cells)}</div>'


def _cell(image: Tensor, label: int, prediction: int, said: str) -> str:
    wrong = label != prediction
    caption = f"<b>{prediction}</b>, is {label}" if wrong else f"<b>{prediction}</b>"
    alt = f"{said} {prediction}, true {label}"
    return (
        f'<figure class="{"wrong" if wrong else "right"}" title="{alt}">'
        f'<img src="{digit_url(image)}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'
    )


def digit_url(image: Tensor) -> str:
    """Address for ``<img src>`` of a (784,) uint8 image, ink white on black."""
    return grey_url(image.view(SIDE, SIDE).numpy())


def grey_url(pixels: NDArray[np.uint8]) -> str:
    """Address for ``<img src>`` of (height, width) grey values."""
    return data_url(Image.fromarray(pixels))


def signed_url(values: Tensor, largest: float) -> str:
    """Address for ``<img src>`` of (784,) values, in full colour from ``largest`` on."""
    return data_url(signed_image(values.view(SIDE, SIDE).numpy(), largest))


def data_url(image: Image.Image) -> str:
    """Address for ``<img src>`` that holds the image as a PNG."""
    stream = io.BytesIO()
    # A page waits for a hundred of these, and the least compression takes a fifth of the usual one's time.
    image.save(stream, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
