"""A gallery of digits as the network sees them: crisp, with what it said and what is true."""

import base64
import io

from PIL import Image
from torch import Tensor

_STYLE = """<style>
.digits { display: grid; grid-template-columns: repeat(auto-fill, minmax(max(9%, 58px), 1fr)); gap: 0.6rem; }
.digits figure { margin: 0; padding: 0.35rem; border: 1px solid rgb(128 128 128 / 0.3); border-radius: 8px; }
.digits figure.wrong { border-color: #d64550; background: rgb(214 69 80 / 0.13); }
.digits img { display: block; width: 100%; image-rendering: pixelated; border-radius: 4px; }
.digits figcaption { font-size: 0.82rem; line-height: 1.3; padding-top: 0.3rem; text-align: center; }
</style>"""


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
        f'<img src="{_png(image)}" alt="{alt}"><figcaption>{said}</figcaption></figure>'
    )


def _png(image: Tensor) -> str:
    stream = io.BytesIO()
    Image.fromarray(image.view(28, 28).numpy()).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
