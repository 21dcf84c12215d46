"""Preview of a learning-rate schedule: a figure from the same function that training uses."""

import math

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.runs.feed import extremes
from core.training.config import RunConfig
from dashboard import plots

#: CSS pixels.
HEIGHT = 130
#: The line has the lowest and the highest rate of so many parts of the run.
PARTS = 1000
#: Most steps whose rate is calculated: so many take 30 ms, and a run may have sixty million.
TRIED = 40_000


def figure(config: RunConfig | None) -> go.Figure:
    """Plot the learning rate at each step, over epochs; empty axes without a config.

    A schedule that reacts to the loss is shown for a loss that never improves.
    """
    preview = go.Figure()
    if config:
        span = config.span
        steps, rates = _drawn(config)
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


def _drawn(config: RunConfig) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return steps in order, and their rates: all of a short run, the extremes of each part of a longer one."""
    span = config.span
    # One that reacts changes between epochs alone, and looks at all epochs so far at each step.
    tried = PARTS if config.schedule_spec.reacts else TRIED
    steps = np.arange(span.steps) if span.steps <= tried else _scattered(span.steps, tried)
    rates = config.planned_rates(steps.tolist(), span.stalled)
    size = math.ceil(len(steps) / PARTS)
    kept = [start + i for start in range(0, len(steps), size) for i in extremes(rates[start : start + size])]
    return steps[kept], np.array(rates)[kept]


def _scattered(steps: int, count: int) -> NDArray[np.int64]:
    """Return at most ``count`` of so many steps, ascending, one at random from each of equal parts.

    Evenly spaced ones would meet a fast schedule at the same few heights again and again.
    """
    places = (np.arange(count) + np.random.default_rng(0).random(count)) * steps / count
    return np.unique(places.astype(np.int64))
