"""Digits and weights as pictures in HTML: one pixel a pixel, crisp at any size."""

import base64
import io

import numpy as np
from PIL import Image
from torch import Tensor

_STYLE = """<style>
.digits { display: grid; grid-template-columns: repeat(auto-fill, minmax(max(9%, 58px), 1fr)); gap: 0.6rem; }
.digits figure { margin: 0; padding: 0.35rem; border: 1px solid rgb(128 128 128 / 0.3); border-radius: 8px; }
.digits figure.wrong { border-color: #d64550; background: rgb(214 69 80 / 0.13); }
.digits img { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.digits figcaption { font-size: 0.82rem; line-height: 1.3; padding-top: 0.3rem; text-align: center; }
</style>"""

_ABOVE, _BELOW = (47, 127, 214), (217, 119, 6)
#: Shades of each sign. Few, since the eye tells no more apart and a page may have a hundred of these pictures.
_SHADES = 31
#: The palette of signed values, zero in the middle, and how opaque each of its colours is.
_SIGNED = [channel for i in range(-_SHADES, _SHADES + 1) for channel in (_ABOVE if i > 0 else _BELOW)]
_OPACITY = bytes(round(255 * abs(i) / _SHADES) for i in range(-_SHADES, _SHADES + 1))


def gallery(images: Tensor, labels: Tensor, predictions: Tensor) -> str:
    """HTML of the digits, wrong ones marked.

    Args:
        images: (n, 784) uint8; labels, predictions: (n,).
    """
    cells = [
        _cell(image, int(label), int(prediction))
        for image, label, prediction in zip(images, labels, predictions, strict=True)
    ]
    return f'{_STYLE}<div class="digits">{"".join(cells)}</div>'


def _cell(image: Tensor, label: int, prediction: int) -> str:
    wrong = label != prediction
    said = f"<b>{prediction}</b>, is {label}" if wrong else f"<b>{prediction}</b>"
    alt = f"predicted {prediction}, true {label}"
    return (
        f'<figure class="{"wrong" if wrong else "right"}" title="{alt}">'
        f'<img src="{picture(image)}" alt="{alt}"><figcaption>{said}</figcaption></figure>'
    )


def picture(image: Tensor) -> str:
    """The (784,) uint8 image as an address for ``<img src>``, ink white on black."""
    return _address(Image.fromarray(image.view(28, 28).numpy()))


def signed_picture(values: Tensor, most: float) -> str:
    """(784,) values as an address for ``<img src>``: blue above zero, orange below, clear at zero, full at ``most``."""
    steps = (values / (most or 1.0)).clamp(-1, 1) * _SHADES + _SHADES
    indexed = Image.fromarray(steps.round().view(28, 28).numpy().astype(np.uint8))
    indexed.putpalette(_SIGNED)
    return _address(indexed, transparency=_OPACITY)


def _address(image: Image.Image, **options: bytes) -> str:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
