"""A still figure: made by Python with plotly, drawn by the browser with the same tools as every other chart."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import plotly.graph_objects as go
import streamlit as st

from dashboard.components.modules import component_script
from dashboard.components.standalone import Part
from dashboard.components.style import chart_style

_FOLDER = Path(__file__).parent
#: CSS pixels below the figure, for the point in words and the button that saves.
FOOT = 30

# Not st.plotly_chart: it loads a second plotly.js, and its camera saves neither title nor settings.
_component = st.components.v2.component(
    "descent_figure",
    html=(_FOLDER / "figure.html").read_text(),
    css=chart_style(_FOLDER / "figure.css"),
    js=component_script("figure/figure.js"),
    # plotly.js puts its style sheet into the document's head, where a shadow root would not see it.
    isolate_styles=False,
)


class Drawing(NamedTuple):
    """A figure as the browser gets it, which takes tens of milliseconds to make of a large one, and its height."""

    body: dict[str, Any]
    height: int


def drawing(figure: go.Figure) -> Drawing:
    """Return the figure as the browser gets it, to be shown more than once."""
    body = json.loads(figure.to_json())
    # The theme's takes its place.
    body["layout"].pop("template", None)
    return Drawing(body, int(figure.layout.height))


def show_figure(
    figure: go.Figure | Drawing,
    title: str,
    key: str,
    settings: str = "",
    on_click: Callable[[str], None] | None = None,
    on_select: Callable[[list[str]], None] | None = None,
) -> None:
    """Draw a figure of a fixed height.

    Args:
        figure: its layout must have a height, in CSS pixels.
        title: plain text: what it shows, for those who can't see it, above a saved picture and as a file's name.
        settings: plain text: a line for below the title of a saved picture.
        on_click: gets the ``customdata`` of a point that is clicked, text, before the script runs.
        on_select: gets the ``customdata`` of the points in a box that was drawn, or of the lines between the marks of
            parallel coordinates; an empty list when they are taken away.
    """

    def clicked() -> None:
        value = st.session_state[key].clicked
        if on_click and isinstance(value, str):
            on_click(value)

    def selected() -> None:
        values = st.session_state[key].selected
        if on_select and isinstance(values, list):
            on_select([value for value in values if isinstance(value, str)])

    # Streamlit sends only what has a callback.
    asked: dict[str, Any] = {"on_clicked_change": clicked} if on_click else {}
    asked |= {"on_selected_change": selected} if on_select else {}
    drawn = figure if isinstance(figure, Drawing) else drawing(figure)
    data = {**_data(drawn, title, settings), "clicks": bool(on_click), "selects": bool(on_select)}
    _component(data=data, key=key, height=drawn.height + FOOT, **asked)


def still(figure: go.Figure, title: str, settings: str = "") -> Part:
    """Return a figure for a page that stands alone; arguments as of ``show_figure``."""
    markup, css = ((_FOLDER / f"figure.{kind}").read_text("utf-8") for kind in ("html", "css"))
    return Part("figure/figure.js", markup, css, _data(drawing(figure), title, settings))


def _data(drawn: Drawing, title: str, settings: str) -> dict[str, Any]:
    return {"figure": drawn.body, "title": title, "settings": settings}
