"""Library of the lab, and the pictures of a model: its matrix in small, its weights."""

import streamlit as st
from PIL import Image

from core import paths
from core.models.formats import contact_sheet
from core.models.library import Library, Model
from core.training.network import Network
from dashboard import fields, sources, visitors
from dashboard.pictures import data_url
from dashboard.sources import Source
from dashboard.words import literal

STYLE = """<style>
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


def library() -> Library:
    """Return the lab's library of models, as the visitor of the page that is running may use it."""
    return Library(paths.models(), visitors.visitor())


def source_or_error(model: Model) -> Source | None:
    """Return the model's network; where its file cannot be read, draw the sentence that says why and return None."""
    if model.problem:
        st.error(literal(model.problem))
        return None
    try:
        return sources.from_file(model.path)
    except ValueError as error:
        # Deleted or changed since the list was read.
        st.error(fields.explain(error))
        return None


def units(source: Source) -> str:
    """HTML of the 24 hidden units with the largest output weights."""
    return _units(source.digest, source.network)


def layers(source: Source) -> tuple[str, str]:
    """HTML of both layers' weights."""
    return _layers(source.digest, source.network)


@st.cache_data(max_entries=256, show_spinner=False)
def _units(digest: str, _network: Network) -> str:
    return _html(contact_sheet.strongest_units(_network), "The 24 hidden units with the largest output weights")


@st.cache_data(max_entries=32, show_spinner=False)
def _layers(digest: str, _network: Network) -> tuple[str, str]:
    return (
        _html(contact_sheet.hidden_layer(_network), "The weights of all 128 hidden units"),
        _html(contact_sheet.output_layer(_network), "The weights of the ten outputs"),
    )


def _html(image: Image.Image, alt: str) -> str:
    return f'<img src="{data_url(image)}" alt="{alt}">'
