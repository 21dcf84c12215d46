"""Layout that plotly figures share. Each page makes its own, in its folder; colours and fonts come from the theme."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from dashboard.colors import GREY

#: The ``meta`` of a trace that only repeats points of others; what ``meta`` says is in components/shared/points.js.
REPEATED: dict[str, list[float]] = {"x": [], "y": [], "z": []}

#: A legend in a row above the figure.
LEGEND_ABOVE = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
#: Settings with a logarithmic axis, where all values are above 0.
LOGARITHMIC = ("lr", "batch_size", "weight_decay")


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


def player(steps: Mapping[str, str], prefix: str, milliseconds: int, redraw: bool, left: float, below: int) -> Any:
    """Return the part of a layout that plays a figure's frames: a slider, at its last frame, and a play button.

    Args:
        steps: the label of each frame, by its name.
        prefix: words before the label.
        milliseconds: of a frame.
        redraw: for frames with other traces than lines and bars.
        left: where the slider begins, as a share of the width.
        below: pixels between the figure and the slider.
    """

    def frame(duration: int) -> dict[str, Any]:
        moved = {"frame": {"duration": duration, "redraw": redraw}, "transition": {"duration": 0}}
        return {"mode": "immediate", **moved}

    play = {"label": "▶", "method": "animate", "args": [None, frame(milliseconds)]}
    return {
        "sliders": [
            {
                "active": len(steps) - 1,
                "currentvalue": {"prefix": prefix, "xanchor": "right", "font": {"color": GREY}},
                "x": left, "len": 1 - left, "pad": {"t": below, "b": 0},
                "steps": [
                    {"label": label, "method": "animate", "args": [[name], frame(0)]} for name, label in steps.items()
                ],
                "ticklen": 0, "minorticklen": 0, "font": {"color": "rgba(0,0,0,0)"},
            }
        ],
        "updatemenus": [
            {
                "type": "buttons", "showactive": False, "x": 0, "y": 0, "xanchor": "left", "yanchor": "top",
                "pad": {"t": below + 20}, "buttons": [play],
            }
        ],
    }  # fmt: skip
