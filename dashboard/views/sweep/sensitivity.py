"""Sensitivity to the learning rate: the figure of a search for the optimizers' best rates."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from dashboard import plots
from dashboard.colors import OPTIMIZER_COLORS, OPTIMIZER_DASHES

#: CSS pixels.
HEIGHT = 240


def sensitivity(results: Sequence[tuple[RunConfig, float | None]], best: Mapping[str, float]) -> go.Figure:
    """Plot accuracy against learning rate, one line per optimizer, its best rate ringed.

    Args:
        results: each run's config and accuracy from 0 to 1; without an accuracy it is left out.
        best: each optimizer's best learning rate.
    """
    figure = go.Figure()
    for optimizer in dict.fromkeys(config.optimizer for config, _ in results):
        points = sorted((c.lr, a) for c, a in results if c.optimizer == optimizer and a is not None)
        ringed = [rate == best.get(optimizer) for rate, _ in points]
        figure.add_scatter(
            x=np.array([rate for rate, _ in points]),
            y=np.array([accuracy for _, accuracy in points]),
            name=OPTIMIZERS[optimizer].label,
            mode="lines+markers",
            line={"color": OPTIMIZER_COLORS[optimizer], "dash": OPTIMIZER_DASHES[optimizer], "width": 2},
            marker={
                "size": [13 if ring else 6 for ring in ringed],
                "symbol": ["circle-open" if ring else "circle" for ring in ringed],
                "line": {"width": 3},
            },
            hovertemplate="rate %{x:.3g}: %{y:.2%}",
        )
    figure.update_xaxes(
        type="log",
        title={"text": "learning rate", "standoff": 2},
        fixedrange=True,
        dtick=1,
        tickformat="~g",
    )
    figure.update_yaxes(tickformat=".0%", fixedrange=True, nticks=5)
    if not any(accuracy is not None for _, accuracy in results):
        rates = [config.lr for config, _ in results]
        figure.update_xaxes(range=np.log10([min(rates) / 2, max(rates) * 2]))
        figure.update_yaxes(range=[0.8, 1])
    return plots.framed(figure, HEIGHT, showlegend=True, legend=plots.LEGEND_ABOVE)
