"""Still figures of the Surfaces page."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.optimizers.step import Step
from core.surfaces import Basins, Surface, Tuning
from core.surfaces.expression import Array
from core.surfaces.tuning import RATES, ROUNDING
from core.training.config import RunConfig
from dashboard.colors import BLUE, HUES, OPTIMIZER_COLORS, OPTIMIZER_DASHES, ORANGE, RED, VIOLET
from dashboard.plots import framed

DIVERGED, LOST = (70, 76, 82), (150, 158, 165)
ARROWS = {"gradient": RED, "velocity": ORANGE, "scaled": VIOLET, "update": BLUE}


def sensitivity(configs: Sequence[RunConfig], tunings: Sequence[Tuning], rates: Sequence[float]) -> go.Figure:
    """Plot how far above the minimum each optimizer ends, over the learning rate; a diamond marks the rate in use."""
    figure = go.Figure()
    for config, tuning, rate in zip(configs, tunings, rates, strict=True):
        color = OPTIMIZER_COLORS[config.optimizer]
        gaps = np.where(np.isfinite(tuning.gaps), np.maximum(tuning.gaps, ROUNDING), np.nan)
        figure.add_scatter(
            x=RATES,
            y=gaps,
            mode="lines",
            name=config.optimizer_spec.label,
            line={"color": color, "width": 2, "dash": OPTIMIZER_DASHES[config.optimizer]},
            hovertemplate="rate %{x:.3g}: %{y:.3g}",
        )
        at = int(np.argmin(np.abs(np.log(RATES / rate))))
        figure.add_scatter(
            x=[RATES[at]],
            y=[gaps[at]],
            mode="markers",
            marker={"color": color, "size": 11, "symbol": "diamond", "line": {"width": 1.5, "color": "white"}},
            showlegend=False,
            hovertemplate=f"{config.optimizer_spec.label}, in use<extra></extra>",
        )
    figure.update_xaxes(type="log", title="learning rate", tickformat="~g", dtick=1)
    figure.update_yaxes(
        type="log", title="f - minimum at the end", exponentformat="power", minor={"ticks": ""}, nticks=6
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
    return framed(figure, 520, margin=8)


def _rgb(surface: Surface, basins: Basins, i: int) -> tuple[int, ...]:
    """Colour of a minimum: one of the eight hues; beyond eight minima, one by its direction and distance."""
    if len(basins.minima) <= len(HUES):
        return tuple(int(HUES[i][k : k + 2], 16) for k in (1, 3, 5))
    offset = (np.array(basins.minima[i]) - surface.centre[:, 0]) / surface.half_width[:, 0]
    turn = np.arctan2(offset[1], offset[0]) + 2.1 * np.hypot(*offset)
    return tuple(int(115 + 95 * np.cos(turn + shift)) for shift in (0.0, 2.1, 4.2))


def step_arrows(surface: Surface, step: Step) -> go.Figure:
    """Draw contours around one step, with arrows for the gradient, the momentum, the scaled gradient and the step."""
    reach = 1.6 * max(float(np.hypot(*step.update)), 1e-9 * float(surface.half_width.max()))
    xs, ys = (np.linspace(c - reach, c + reach, 81) for c in step.before)
    heights = surface.evaluate(*np.meshgrid(xs, ys))[0]
    figure = go.Figure(
        go.Contour(
            x=xs,
            y=ys,
            z=heights,
            ncontours=24,
            showscale=False,
            hoverinfo="skip",
            contours={"coloring": "lines"},
            colorscale=[[0, "#8aa5b8"], [1, "#8aa5b8"]],
            line={"width": 1},
        )
    )
    arrows = [("gradient", "downhill, -g", -step.gradient)]
    if step.velocity is not None:
        arrows.append(("velocity", "momentum, -velocity", -step.velocity))
    if step.scaling is not None:
        base = step.gradient if step.velocity is None else step.velocity
        arrows.append(("scaled", "scaled for each coordinate", -step.scaling * base))
        _ellipse(figure, step, reach)
    for kind, name, vector in arrows:
        size = float(np.hypot(*vector))
        if size > 0:
            # All equally long: a gradient of 1,000 beside a step of 0.01 would leave the picture.
            shown = vector / size * 0.8 * reach / 1.6
            _arrow(figure, step.before, shown, f"{name}: length {size:.3g}", ARROWS[kind], 2.5)
    _arrow(
        figure,
        step.before,
        step.update,
        f"the step: length {np.hypot(*step.update):.3g}, to scale",
        ARROWS["update"],
        4,
    )
    figure.update_xaxes(range=[xs[0], xs[-1]], constrain="domain", showgrid=False, zeroline=False, nticks=5)
    figure.update_yaxes(
        range=[ys[0], ys[-1]], scaleanchor="x", constrain="domain", showgrid=False, zeroline=False, nticks=5
    )
    return framed(figure, 460, margin=8, showlegend=True, legend={"orientation": "h", "y": -0.08, "x": 0})


def _arrow(figure: go.Figure, start: Array, vector: Array, name: str, color: str, width: float) -> None:
    end = start + vector
    figure.add_scatter(
        x=[start[0], end[0]],
        y=[start[1], end[1]],
        mode="lines+markers",
        name=name,
        line={"color": color, "width": width},
        marker={"symbol": "arrow", "size": [0, 9 + 2.5 * width], "angleref": "previous", "color": color},
        hovertemplate=f"{name}<extra></extra>",
    )


def _ellipse(figure: go.Figure, step: Step, reach: float) -> None:
    """Draw a circle of gradients after the scaling."""
    assert step.scaling is not None
    turn = np.linspace(0.0, 2.0 * np.pi, 73)
    radii = step.scaling / step.scaling.max() * 0.5 * reach / 1.6
    figure.add_scatter(
        x=step.before[0] + radii[0] * np.cos(turn),
        y=step.before[1] + radii[1] * np.sin(turn),
        mode="lines",
        name=f"scaling: x by {step.scaling[0]:.3g}, y by {step.scaling[1]:.3g}",
        line={"color": ARROWS["scaled"], "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
