"""The still figures of the Landscape page: data in, plotly Figure out."""

import numpy as np
import plotly.graph_objects as go

from core.landscape.study import Result
from dashboard.colors import BLUE, GREY, ORANGE
from dashboard.plots import framed

LOSS, ACCURACY = BLUE, ORANGE


def along_line(result: Result) -> go.Figure:
    """Loss and accuracy along the line between two minima, which are marked."""
    grid = result.grid
    assert grid is not None
    loss = np.where(np.isfinite(grid.loss[0]), grid.loss[0], np.nan)
    figure = go.Figure()
    figure.add_scatter(
        x=grid.x, y=loss, name="loss", line={"color": LOSS, "width": 2.5}, hovertemplate="%{x:.2f}: loss %{y:.4g}"
    )
    figure.add_scatter(
        x=grid.x,
        y=grid.accuracy[0],
        name="accuracy",
        yaxis="y2",
        line={"color": ACCURACY, "width": 2.5, "dash": "dash"},
        hovertemplate="%{x:.2f}: %{y:.2%}",
    )
    for place, path in enumerate(result.paths):
        figure.add_vline(
            x=place,
            line={"width": 1.5, "dash": "dot", "color": GREY},
            # Short, so that both fit on a phone; the figures below have the full names.
            annotation={
                "text": path.label.split(" · ")[0],
                "yanchor": "bottom",
                "y": 1.0,
                "xanchor": "center",
                "showarrow": False,
            },
        )
    figure.update_xaxes(title="place on the line", range=[grid.x[0], grid.x[-1]], nticks=9)
    figure.update_yaxes(title={"text": "loss (logarithmic)", "font": {"color": LOSS}}, type="log", tickformat="~g")
    return framed(
        figure, 460,
        yaxis2={
            "title": {"text": "accuracy", "font": {"color": ACCURACY}}, "type": "linear", "overlaying": "y",
            "side": "right", "showgrid": False, "tickmode": "auto", "nticks": 8, "tickformat": ".0%",
        },
        # Above the figure, room for the two names.
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
    )  # fmt: skip
