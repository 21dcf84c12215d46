"""Still figures of the Surfaces page."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.surfaces import Basins, Surface, Tuning
from core.surfaces.tuning import RATES, ROUNDING
from core.training.config import RunConfig
from dashboard.colors import HUES, OPTIMIZER_COLORS, OPTIMIZER_DASHES
from dashboard.plots import REPEATED, framed

DIVERGED, LOST = (70, 76, 82), (150, 158, 165)


def sensitivity(configs: Sequence[RunConfig], tunings: Sequence[Tuning], rates: Sequence[float]) -> go.Figure:
    """Plot how far above the minimum each optimizer ends, over the learning rate.

    A diamond marks the rate in use; one that is set by hand may lie outside all that are searched, and has none.
    """
    figure = go.Figure()
    for config, tuning, rate in zip(configs, tunings, rates, strict=True):
        color = OPTIMIZER_COLORS[config.optimizer]
        gaps = np.where(np.isfinite(tuning.gaps), np.maximum(tuning.gaps, ROUNDING), np.nan)
        true = [float(gap) if np.isfinite(gap) else None for gap in tuning.gaps]
        figure.add_scatter(
            x=RATES,
            y=gaps,
            meta={"y": true},
            mode="lines",
            name=config.optimizer_spec.label,
            line={"color": color, "width": 2, "dash": OPTIMIZER_DASHES[config.optimizer]},
            hovertemplate="rate %{x:.3g}: %{y:.3g}",
        )
        if not RATES[0] <= rate <= RATES[-1]:
            continue
        at = int(np.argmin(np.abs(np.log(RATES / rate))))
        figure.add_scatter(
            x=[RATES[at]],
            y=[gaps[at]],
            meta=REPEATED,
            mode="markers",
            marker={"color": color, "size": 11, "symbol": "diamond", "line": {"width": 1.5, "color": "white"}},
            showlegend=False,
            hovertemplate=f"{config.optimizer_spec.label}, in use<extra></extra>",
        )
    figure.update_xaxes(type="log", title="learning rate (logarithmic)", tickformat="~g", dtick=1)
    figure.update_yaxes(
        type="log",
        title="f − minimum at the end (logarithmic)",  # noqa: RUF001 - as above the player's curves
        exponentformat="power",
        minor={"ticks": ""},
        nticks=6,
    )
    return framed(figure, 380, margin=8, showlegend=True, legend={"orientation": "h", "y": 1.1})


def basin_map(surface: Surface, basins: Basins, steps: int) -> go.Figure:
    """Draw every start in the colour of the minimum that it reaches, the paler the more steps it takes."""
    colors = np.array([_rgb(surface, basins, i) for i in range(len(basins.minima))] + [DIVERGED, LOST], dtype=float)
    # Indices -2 and -1 fall on the two colours at the end.
    pixels = colors[basins.reached]
    share = np.where(basins.reached >= 0, np.log1p(basins.steps) / np.log1p(steps), 0.0)[..., None]
    pixels = pixels + (255.0 - pixels) * 0.75 * share
    x, y = surface.grid(basins.reached.shape[0])
    names = np.array([f"({a:.3g}, {b:.3g})" for a, b in basins.minima] + ["diverged", "no minimum"], dtype=object)
    text = names[basins.reached]
    figure = go.Figure(
        go.Image(
            z=pixels.astype(np.uint8),
            x0=x[0],
            dx=x[1] - x[0],
            y0=y[0],
            dy=y[1] - y[0],
            customdata=np.dstack([text, basins.steps]),
            hovertemplate="from (%{x:.3g}, %{y:.3g}) to %{customdata[0]}<br>%{customdata[1]} steps<extra></extra>",
        )
    )
    figure.add_scatter(
        x=[a for a, _ in basins.minima],
        y=[b for _, b in basins.minima],
        mode="markers",
        marker={"symbol": "star", "size": 12, "color": "white", "line": {"width": 1.5, "color": "#1b2733"}},
        hoverinfo="skip",
    )
    figure.update_xaxes(range=[x[0], x[-1]], constrain="domain", title=None)
    figure.update_yaxes(range=[y[0], y[-1]], scaleanchor="x", constrain="domain", title=None)
    return framed(figure, 520, margin=8, meta={"z": "minimum, steps"})


def _rgb(surface: Surface, basins: Basins, i: int) -> tuple[int, ...]:
    """Colour of a minimum: one of the eight hues; beyond eight minima, one by its direction and distance."""
    if len(basins.minima) <= len(HUES):
        return tuple(int(HUES[i][k : k + 2], 16) for k in (1, 3, 5))
    offset = (np.array(basins.minima[i]) - surface.centre[:, 0]) / surface.half_width[:, 0]
    turn = np.arctan2(offset[1], offset[0]) + 2.1 * np.hypot(*offset)
    return tuple(int(115 + 95 * np.cos(turn + shift)) for shift in (0.0, 2.1, 4.2))
