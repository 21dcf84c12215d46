"""The canvas of streamlit-drawable-canvas as large as its container, and without its own toolbar, which has no switch.

Where there is no mouse to hover with, the toolbar lies unseen over the top right of the canvas: it takes strokes that
begin there, and a tap turns on its Edit, after which a stroke moves the drawing.
"""

import streamlit as st

from dashboard.components.modules import component_script

_component = st.components.v2.component(
    "descent_canvas",
    html="<span hidden></span>",
    js=component_script("canvas/canvas.js"),
    isolate_styles=False,
)


def fit_canvas(container: str, key: str) -> None:
    """Fit the canvases in the container with this key to its width, as squares, and hide their toolbars."""
    _component(data={"container": container}, key=key)
