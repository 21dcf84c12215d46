"""HTML whose elements can be clicked: one with ``data-value`` sends the page that value."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboard.components.modules import component_script

_FOLDER = Path(__file__).parent

# Not plotly: a heatmap's cells can't be selected; buttons work by keyboard, fit a phone and are drawn in milliseconds.

_component = st.components.v2.component(
    "descent_clickable",
    html='<div class="clickable"></div>',
    css=(_FOLDER / "clickable.css").read_text(),
    js=component_script("clickable/clickable.js"),
)


def clickable(html: str, key: str, on_click: Callable[[str], None] | None = None) -> None:
    """Show ``html``, which must be safe; ``on_click`` gets the clicked element's value, before the script runs."""

    def clicked() -> None:
        value = st.session_state[key].clicked
        if on_click and isinstance(value, str):
            on_click(value)

    _component(data={"html": html}, key=key, on_clicked_change=clicked)
