"""Layout that plotly figures share. Each page makes its own, in its folder; colours and fonts come from the theme."""

from typing import Any

import plotly.graph_objects as go


def framed(figure: go.Figure, height: int, margin: int | dict[str, int] = 4, **layout: Any) -> go.Figure:
    """Lay out a figure and return it: margins that grow with the axes' texts, no legend.

    Args:
        height: CSS pixels.
        margin: CSS pixels: on all sides, or by side.
        layout: further properties of plotly's layout.
    """
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    if isinstance(margin, int):
        # Never less at the top, for half of the topmost number.
        margin = {"l": margin, "r": margin, "t": max(margin, 8), "b": margin}
    return figure.update_layout(**{"height": height, "margin": margin, "showlegend": False, **layout})
