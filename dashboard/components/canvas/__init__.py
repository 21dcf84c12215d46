"""The canvas of streamlit-drawable-canvas without its own toolbar, which has no switch.

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


def hide_toolbar(container: str, key: str) -> None:
    """Hide the toolbars of the canvases in the container with this key."""
    _component(data={"container": container}, key=key)
