"""Pure functions: data in, plotly Figure out. Colours and fonts come from the theme."""

import numpy as np
import plotly.graph_objects as go

from core.config import RunConfig

PREVIEW_POINTS, PREVIEW_HEIGHT = 400, 130


def schedule_preview(config: RunConfig | None) -> go.Figure:
    """The learning rate at each step, in epochs; empty axes without a config.

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
    return figure
