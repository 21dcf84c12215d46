"""Preview of a learning-rate schedule: a figure from the same function that training uses."""

import numpy as np
import plotly.graph_objects as go

from core.training.config import RunConfig
from dashboard import plots

#: Most points of the line, and its height in CSS pixels.
POINTS, HEIGHT = 400, 130


def figure(config: RunConfig | None) -> go.Figure:
    """Plot the learning rate at each step, over epochs; empty axes without a config.

    A schedule that reacts to the loss is shown for a loss that never improves.
    """
    preview = go.Figure()
    if config:
        span = config.span
        history = [((epoch + 1) * span.steps_per_epoch, 1.0) for epoch in range(span.epochs)]
        schedule = config.schedule_spec.create(config.lr, span, history, config.warmup_steps, **config.schedule_params)
        steps = np.unique(np.linspace(0, span.steps - 1, POINTS).astype(int))
        rates = np.array([schedule(int(step)) for step in steps])
        preview.add_scatter(
            x=steps / span.steps_per_epoch,
            y=rates,
            mode="lines",
            line={"width": 2},
            hovertemplate="epoch %{x:.2f}: %{y:.3g}<extra></extra>",
        )
        preview.update_xaxes(range=[0, span.epochs])
        preview.update_yaxes(range=[0, 1.08 * float(rates.max())])
    preview.update_xaxes(title={"text": "epoch", "standoff": 2}, fixedrange=True, nticks=6)
    preview.update_yaxes(fixedrange=True, nticks=4, rangemode="tozero", exponentformat="power")
    if not config:
        preview.update_xaxes(visible=False)
        preview.update_yaxes(visible=False)
    return plots.framed(preview, HEIGHT)
