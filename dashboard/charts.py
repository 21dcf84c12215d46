"""Pure functions: data in, plotly Figure out. Colours and fonts come from the theme."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.config import RunConfig
from core.optimizers import OPTIMIZERS
from dashboard.colors import OPTIMIZER_COLORS, OPTIMIZER_DASHES

PREVIEW_POINTS, PREVIEW_HEIGHT = 400, 130
STRIP_HEIGHT = 240


def schedule_preview(config: RunConfig | None) -> go.Figure:
    """The learning rate at each step, in epochs; nothing without a config.

    A schedule that reacts to the loss is shown for a loss that never improves.
    """
    figure = go.Figure()
    if config:
        span = config.span
        history = [((epoch + 1) * span.steps_per_epoch, 1.0) for epoch in range(span.epochs)]
        schedule = config.schedule_spec.create(config.lr, span, history, config.warmup_steps, **config.schedule_params)
        steps = np.unique(np.linspace(0, span.steps - 1, PREVIEW_POINTS).astype(int))
        rates = np.array([schedule(int(step)) for step in steps])
        figure.add_scatter(
            x=steps / span.steps_per_epoch,
            y=rates,
            mode="lines",
            line={"width": 2},
            hovertemplate="epoch %{x:.2f}: %{y:.3g}<extra></extra>",
        )
        figure.update_xaxes(range=[0, span.epochs])
        figure.update_yaxes(range=[0, 1.08 * float(rates.max())])
    figure.update_layout(height=PREVIEW_HEIGHT, margin={"l": 4, "r": 4, "t": 8, "b": 4}, showlegend=False)
    figure.update_xaxes(title={"text": "epoch", "standoff": 2}, fixedrange=True, automargin=True, nticks=6)
    figure.update_yaxes(fixedrange=True, automargin=True, nticks=4, rangemode="tozero", exponentformat="power")
    if not config:
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
    return figure


def sensitivity(results: Sequence[tuple[RunConfig, float | None]], best: Mapping[str, float]) -> go.Figure:
    """Accuracy against learning rate, a line an optimizer, its best rate ringed; a run without accuracy is left out."""
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
    figure.update_layout(
        height=STRIP_HEIGHT,
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(
        type="log",
        title={"text": "learning rate", "standoff": 2},
        automargin=True,
        fixedrange=True,
        dtick=1,
        exponentformat="power",
    )
    figure.update_yaxes(tickformat=".0%", automargin=True, fixedrange=True, nticks=5)
    if not any(accuracy is not None for _, accuracy in results):
        rates = [config.lr for config, _ in results]
        figure.update_xaxes(range=np.log10([min(rates) / 2, max(rates) * 2]))
        figure.update_yaxes(range=[0.8, 1])
    return figure
