"""One step under the glass: its arrows on the contours around it, and the textbook's form of momentum."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.optimizers.step import Step, vector
from core.surfaces import Surface
from core.surfaces.expression import Array
from core.surfaces.momentum import Leg, tip_to_tail
from dashboard.colors import BLUE, GREEN, ORANGE, RED, VIOLET
from dashboard.plots import framed

ARROWS = {"gradient": RED, "velocity": ORANGE, "scaled": VIOLET, "update": BLUE, "ahead": GREEN}
#: A leg's arrow and its name, of Momentum and of Nesterov.
LEGS = {
    "carried": ("velocity", "velocity carried on, -rate · momentum · v"),
    "gradient": ("gradient", "new gradient, -rate · g"),
    "ahead": ("ahead", "look-ahead by the new velocity"),
}


def arrows(surface: Surface, step: Step) -> go.Figure:
    """Draw a step of momentum tip to tail and to scale, that of another optimizer by the directions that make it."""
    legs = tip_to_tail(step)
    return _tip_to_tail(surface, step, legs) if legs else _directions(surface, step)


def arrows_note(step: Step) -> str:
    """Say what is to scale."""
    if tip_to_tail(step):
        return "Read off the torch.optim object's own state. All arrows are to scale."
    return (
        "Read off the torch.optim object's own state. Arrows show directions and are drawn equally long; only the "
        "step is to scale."
    )


def textbook(step: Step) -> str:
    """Return, as Markdown, how torch's form of a step is the textbook's; empty for a step without momentum."""
    if not tip_to_tail(step):
        return ""
    velocity = rf"u_t = -\eta\,v_t = {vector(-step.rate * step.new['momentum_buffer'])}"
    if step.params.get("nesterov"):
        return (
            rf"**The textbook's form.** Put ${velocity}$ and $w_t = \theta_t - \mu\,u_t$. The lines above become "
            r"$u_t = \mu\,u_{t-1} - \eta\,g(w_{t-1} + \mu\,u_{t-1})$ and $w_t = w_{t-1} + u_t$: exactly, while the "
            r"rate stays. torch's $\theta$ is the look-ahead point $w + \mu\,u$, so the gradient is the one there."
        )
    share = r"(1-\tau)\," if step.params.get("dampening") else ""
    return (
        rf"**The textbook's form.** Put ${velocity}$. The lines above become $u_t = \mu\,u_{{t-1}} - {share}\eta\,g_t$ "
        r"and $\theta_t = \theta_{t-1} + u_t$: exactly, while the rate stays. torch keeps the rate outside the "
        "velocity, so a changed rate acts on all of it at once."
    )


def _contours(surface: Surface, centre: Array, reach: float) -> go.Figure:
    xs, ys = (np.linspace(c - reach, c + reach, 81) for c in centre)
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
    axis = {"constrain": "domain", "showgrid": False, "zeroline": False, "nticks": 5}
    figure.update_xaxes(range=[xs[0], xs[-1]], **axis)
    figure.update_yaxes(range=[ys[0], ys[-1]], scaleanchor="x", **axis)
    return framed(
        figure, 460, margin=8, showlegend=True, legend={"orientation": "h", "y": -0.12, "x": 0}, meta={"z": "f"}
    )


def _tip_to_tail(surface: Surface, step: Step, legs: Sequence[Leg]) -> go.Figure:
    nesterov = bool(step.params.get("nesterov"))
    gradient = legs[1].end - legs[1].start
    corners = np.array([legs[0].start, *(leg.end for leg in legs), step.before, step.before + gradient])
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach = 0.62 * max(float((high - low).max()), 1e-9 * float(surface.half_width.max()))
    figure = _contours(surface, (low + high) / 2, reach)
    for leg in legs:
        color, name = LEGS[leg.kind]
        size = np.hypot(*(leg.end - leg.start))
        if nesterov and leg.kind == "gradient":
            name = "gradient at the look-ahead, -rate · g"
        if size > 0:
            _arrow(figure, leg.start, leg.end - leg.start, f"{name}: length {size:.3g}", ARROWS[color], 2.5)
    if not nesterov:
        # It is measured here, and drawn at the velocity's tip.
        figure.add_scatter(
            x=[step.before[0], step.before[0] + gradient[0]], y=[step.before[1], step.before[1] + gradient[1]],
            mode="lines", line={"color": RED, "width": 1.5, "dash": "dot"}, name="where it was measured",
            hoverinfo="skip",
        )  # fmt: skip
    size = np.hypot(*step.update)
    _arrow(figure, step.before, step.update, f"the step: length {size:.3g}", ARROWS["update"], 4)
    points = (("textbook's w", legs[0].start), ("look-ahead: torch's θ", step.before), ("next w", legs[1].end))
    named = (*points, ("next θ", step.after)) if nesterov else (("θ before", step.before), ("θ after", step.after))
    figure.add_scatter(
        x=[point[0] for _, point in named],
        y=[point[1] for _, point in named],
        mode="markers+text",
        text=[name for name, _ in named],
        textposition=["bottom right", "top left", "bottom right", "top left"][: len(named)],
        marker={"size": 7, "color": "#1b2733", "line": {"width": 1.5, "color": "white"}},
        showlegend=False,
        hoverinfo="skip",
    )
    return figure


def _directions(surface: Surface, step: Step) -> go.Figure:
    """Draw arrows for the gradient, the momentum, the scaled gradient and the step."""
    reach = 1.6 * max(float(np.hypot(*step.update)), 1e-9 * float(surface.half_width.max()))
    figure = _contours(surface, step.before, reach)
    shown_arrows = [("gradient", "downhill, -g", -step.gradient)]
    if step.velocity is not None:
        shown_arrows.append(("velocity", "momentum, -velocity", -step.velocity))
    if step.scaling is not None:
        base = step.gradient if step.velocity is None else step.velocity
        shown_arrows.append(("scaled", "scaled for each coordinate", -step.scaling * base))
        _ellipse(figure, step, reach)
    for kind, name, direction in shown_arrows:
        size = float(np.hypot(*direction))
        if size > 0:
            # All equally long: a gradient of 1,000 beside a step of 0.01 would leave the picture.
            shown = direction / size * 0.8 * reach / 1.6
            _arrow(figure, step.before, shown, f"{name}: length {size:.3g}", ARROWS[kind], 2.5, direction)
    _arrow(
        figure,
        step.before,
        step.update,
        f"the step: length {np.hypot(*step.update):.3g}, to scale",
        ARROWS["update"],
        4,
    )
    return figure


def _arrow(
    figure: go.Figure, start: Array, vector: Array, name: str, color: str, width: float, true: Array | None = None
) -> None:
    """Draw an arrow, which stands for the vector ``true`` where that is not the one drawn."""
    end = start + vector
    tip = end if true is None else start + true
    figure.add_scatter(
        x=[start[0], end[0]],
        y=[start[1], end[1]],
        meta={"x": [start[0], tip[0]], "y": [start[1], tip[1]]},
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
        meta={
            "x": (step.before[0] + step.scaling[0] * np.cos(turn)).tolist(),
            "y": (step.before[1] + step.scaling[1] * np.sin(turn)).tolist(),
        },
        mode="lines",
        name=f"scaling: x by {step.scaling[0]:.3g}, y by {step.scaling[1]:.3g}",
        line={"color": ARROWS["scaled"], "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
