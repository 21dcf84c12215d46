"""What a model looks like: its figures, its confusion matrix, its weights."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from PIL import Image
from torch import Tensor

from core import data, paths
from core.analysis.evaluation import confusion_matrix, evaluate
from core.data import CLASSES
from core.models.checkpoints import trained_loss
from core.models.formats import contact_sheet
from core.models.library import Library, Model
from dashboard import visitors

STYLE = """<style>
.confusion { display: grid; grid-template-columns: repeat(10, 1fr); gap: 1px; aspect-ratio: 1; }
.confusion i { display: grid; place-items: center; font-style: normal; font-variant-numeric: tabular-nums;
  font-size: clamp(0.55rem, 1.5vw, 0.8rem); border-radius: 2px; --none: rgb(128 128 128 / 0.12); }
.confusion i.right { background: color-mix(in srgb, #2f8fd0 calc(100% * var(--share)), var(--none)); }
.confusion i.wrong { background: color-mix(in srgb, #dc4c43 calc(100% * var(--share)), var(--none)); }
.confusion.labelled { grid-template-columns: 1.1em repeat(10, 1fr); aspect-ratio: auto; gap: 2px; }
.confusion.labelled i { aspect-ratio: 1; }
.confusion b { display: grid; place-items: center; font-size: 0.8rem; font-weight: 500; opacity: 0.7; }
.model-card { display: grid; gap: 0.6rem; }
.model-card .top { display: grid; grid-template-columns: 6.2rem 1fr; gap: 0.9rem; align-items: center; }
.model-card .figure { font-size: 1.55rem; font-weight: 600; line-height: 1.15; font-variant-numeric: tabular-nums; }
.model-card .quiet { font-size: 0.82rem; opacity: 0.75; line-height: 1.4; overflow-wrap: anywhere; }
.model-card img, .model-sheet img { display: block; width: 100%; border-radius: 4px; image-rendering: pixelated; }
.model-sheet { display: grid; gap: 0.4rem; font-size: 0.82rem; }
.model-sheet span { opacity: 0.75; }
.model-sheet img + span { margin-top: 0.6rem; }
.model-card .notes { font-size: 0.88rem; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
  overflow: hidden; overflow-wrap: anywhere; }
</style>"""


@dataclass(frozen=True)
class Look:
    """How a model does on the test set, and pictures of it as HTML."""

    loss: float
    accuracy: float
    confusion: Tensor
    units: str
    layers: tuple[str, str]


def library() -> Library:
    """The lab's library of models."""
    return Library(paths.models())


def owner() -> str:
    """The name of who looks at the page, if they gave one."""
    visitor = visitors.visitor()
    return visitor.name if visitor.named else ""


def dark() -> bool:
    """Whether the page is dark."""
    return st.context.theme.type == "dark"


def look(model: Model) -> Look:
    """The model's figures and pictures; read and tested once, as long as its file stays as it is.

    Raises:
        ValueError: if the file cannot be read.
    """
    return _look(model.path, model.size, model.modified, dark())


@st.cache_data(max_entries=256, show_spinner="Testing on 10,000 digits")
def _look(path: Path, size: int, modified: float, on_dark: bool) -> Look:
    opened = Library(path.parent).open(path.stem)
    digits = data.load().test
    result = evaluate(opened.network, digits, trained_loss(opened.metadata))
    return Look(
        result.loss,
        result.accuracy,
        confusion_matrix(digits.labels, result.predictions),
        _picture(contact_sheet.strongest_units(opened.network, on_dark), "The 24 hidden units that count most"),
        (
            _picture(contact_sheet.hidden_layer(opened.network, on_dark), "The weights of all 128 hidden units"),
            _picture(contact_sheet.output_layer(opened.network, on_dark), "The weights of the ten outputs"),
        ),
    )


def confusion(matrix: Tensor, labelled: bool = False) -> str:
    """The matrix in colour: row the true digit, column the answer; with its numbers when ``labelled``."""
    totals = matrix.sum(1).clamp(min=1).tolist()
    cells = ["<b></b>", *(f"<b>{answer}</b>" for answer in range(CLASSES))] if labelled else []
    for label in range(CLASSES):
        if labelled:
            cells.append(f"<b>{label}</b>")
        for answer in range(CLASSES):
            count = int(matrix[label, answer])
            # The root: one mistake in a hundred is still seen.
            share = 0.8 * count / totals[label] if label == answer else (count / totals[label]) ** 0.5
            kind = "right" if label == answer else "wrong"
            cells.append(
                f'<i class="{kind}" style="--share: {share:.3f}" title="{count} times a {label}, taken for {answer}">'
                f"{count or '' if labelled else ''}</i>"
            )
    kind = "confusion labelled" if labelled else "confusion"
    return f'<div class="{kind}" role="img" aria-label="Confusion matrix">{"".join(cells)}</div>'


def _picture(picture: Image.Image, alt: str) -> str:
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=85)
    encoded = base64.b64encode(stream.getvalue()).decode()
    return f'<img src="data:image/webp;base64,{encoded}" alt="{alt}">'
