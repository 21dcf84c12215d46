"""Momentum on the bowl: what theory says of a rate and a momentum, beside what the walk does."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.hyperparameters import number
from core.surfaces import momentum
from core.surfaces.expression import Array
from core.training.config import RunConfig
from dashboard.colors import BLUE, GREEN, GREY, ORANGE, RED, VIOLET
from dashboard.components.figure import show_figure
from dashboard.plots import framed
from dashboard.views.surfaces import settings, walks
from dashboard.views.surfaces.controls import STATE
from dashboard.views.surfaces.walks import Scene

NAME = "momentum"
RATE, MOMENTUM = "s.momentum.rate", "s.momentum.momentum"
#: Steps of the slider for the rate, and squares along each side of the map.
NOTCHES, SQUARES = 400, 160
#: Least and most momentum that can be set here: without any it is SGD, and at 1 nothing ever comes to rest.
LEAST_MOMENTUM, MOST_MOMENTUM = 0.01, 0.99
#: Distances below this are rounding errors of the walk.
SMALLEST = 1e-12
MODES = (("flat mode, along x", BLUE), ("steep mode, along y", ORANGE))


def view(scene: Scene) -> None:
    """Draw the sliders, the map of convergence and the modes; on another function the way to the bowl."""
    if "k" not in scene.surface.constants:
        st.info("This is theory of a quadratic, and exact on the bowl.")
        st.button("Go to the bowl", on_click=_choose_bowl)
        return
    config = _config(scene)
    curvatures, _, along = momentum.modes(_points(scene, config), np.zeros(2), scene.surface.hessian((0.0, 0.0)))
    flat, steep = (float(c) for c in curvatures)
    best = momentum.best(flat, steep)
    mu: float = config.optimizer_spec.values(config.optimizer_params)["momentum"]
    said = f"{scene.surface.label}, rate {config.lr:.3g}, momentum {mu:.3g}"
    left, right = st.columns([2, 3], gap="large")
    with left:
        _sliders(config.lr, mu, steep)
        label = f"Best here: rate {best.rate:.3g}, momentum {best.momentum:.2g}"
        st.button(label, on_click=_set, args=(best.rate, best.momentum))
        _figures(config.lr, mu, (flat, steep), best)
        show_figure(_modes_figure(along, config.lr, mu, (flat, steep)), "Modes of momentum", "modes", said)
    with right:
        show_figure(_map(config.lr, mu, (flat, steep), best), "Convergence of momentum", "momentum-map", said)
        st.caption(
            "The darker, the fewer steps. Each step multiplies a mode, the distance along one eigenvector of the "
            "Hessian, by the spectral radius of its iteration matrix; the slower mode decides. Inside an oscillating "
            "region that is the square root of the momentum, whatever the rate."
        )
    if not _plain(scene, config):
        st.caption("The theory is of a constant rate without noise, dampening and weight decay; this walk has some.")


def _config(scene: Scene) -> RunConfig:
    """Return the scene's Momentum, or Momentum at its best where the scene has none."""
    for config in scene.configs:
        if config.optimizer == NAME:
            return config
    alone = replace(scene, configs=(RunConfig.recommended(NAME),))
    return walks.at_their_best(alone, {}).configs[0]


def _points(scene: Scene, config: RunConfig) -> Array:
    walked = walks.walk(replace(scene, configs=(config,), starts=scene.starts[:1]))
    return walked.points[:, :, 0, 0]


def _plain(scene: Scene, config: RunConfig) -> bool:
    constant = config.schedule == "constant" and not config.warmup_steps
    return constant and not (scene.noise or config.weight_decay or config.optimizer_params.get("dampening"))


def _choose_bowl() -> None:
    STATE["surface"] = "bowl"


def _set(rate: float, mu: float) -> None:
    """Give the page's Momentum this rate and momentum: its walk in the player is the one that is explained here."""
    # On a round bowl the best momentum is none.
    mu = max(mu, LEAST_MOMENTUM)
    own = settings.parse_settings(STATE["settings"])
    own.setdefault(NAME, {}).update({"lr": float(f"{rate:.6g}"), "momentum": float(f"{mu:.6g}")})
    STATE["settings"] = settings.settings_text(own)
    STATE["optimizers"] = list(dict.fromkeys([*STATE["optimizers"], NAME]))


def _moved() -> None:
    _set(st.session_state[RATE], st.session_state[MOMENTUM])


def _sliders(rate: float, mu: float, steep: float) -> None:
    most = 4.0 / steep
    st.session_state[RATE] = float(np.clip(rate, most / NOTCHES, most))
    st.session_state[MOMENTUM] = float(np.clip(mu, LEAST_MOMENTUM, MOST_MOMENTUM))
    st.slider("Learning rate", most / NOTCHES, most, step=most / NOTCHES, format="%.4g", key=RATE, on_change=_moved)
    st.slider("Momentum", LEAST_MOMENTUM, MOST_MOMENTUM, step=0.01, key=MOMENTUM, on_change=_moved)


def _figures(rate: float, mu: float, curvatures: Sequence[float], best: momentum.Best) -> None:
    factor = max(float(momentum.convergence_rate(rate, mu, c)) for c in curvatures)
    one, two = st.columns(2)
    one.metric(
        "Factor per step", f"{factor:.3f}", help=f"Of the slower mode, in the long run; at best {best.factor:.3f}."
    )
    two.metric("Steps for a tenth", _steps(factor), help=f"At best {_steps(best.factor)}.")


def _steps(factor: float) -> str:
    if factor >= 1.0:
        return "diverges"
    return f"{-1.0 / np.log10(factor):.0f}" if factor > 0.0 else "1"


def _map(rate: float, mu: float, curvatures: Sequence[float], best: momentum.Best) -> go.Figure:
    """Draw the factor per step over rate and momentum, the theory's edges in it, the best point and the present one."""
    flat, steep = curvatures
    most = 4.0 / steep
    rates, momenta = (np.arange(SQUARES) + 0.5) / SQUARES * most, (np.arange(SQUARES) + 0.5) / SQUARES
    across, up = np.meshgrid(rates, momenta)
    factors = np.maximum(*(momentum.convergence_rate(across, up, c) for c in curvatures))
    converges = factors < 1.0
    with np.errstate(divide="ignore"):
        steps = np.where(converges, -1.0 / np.log10(np.where(converges, factors, 0.5)), np.nan)
    figure = go.Figure(
        go.Heatmap(
            x=rates,
            y=momenta,
            z=np.log10(steps),
            meta={"z": [[None if math.isnan(n) else n for n in row] for row in steps.round(2).tolist()]},
            customdata=np.dstack([factors, steps]),
            colorscale=[[0, "#1d6a96"], [0.5, "#8fb9d3"], [1, "#e6eff5"]],
            zmax=np.log10(steps[converges].min()) + 1.7,
            showscale=False,
            hovertemplate="rate %{x:.3g}, momentum %{y:.2f}<br>%{customdata[0]:.3f} per step, "
            "%{customdata[1]:.0f} steps for a tenth<extra></extra>",
        )
    )
    line = np.linspace(0.0, 1.0, 200)
    edges = [momentum.edges(line, c) for c in (flat, steep)]
    for name, edge, color, dash in (
        ("flat mode begins to oscillate", edges[0][0], VIOLET, "dash"),
        ("steep mode begins to oscillate", edges[1][0], VIOLET, "solid"),
        ("steep mode begins to alternate", edges[1][1], GREEN, "solid"),
        ("diverges", edges[1][2], RED, "solid"),
    ):
        seen = edge <= most
        figure.add_scatter(
            x=edge[seen], y=line[seen], mode="lines", name=name, line={"color": color, "width": 2, "dash": dash},
            hoverinfo="skip",
        )  # fmt: skip
    for text, x, y in _regions(steep / flat):
        figure.add_annotation(
            x=x / steep, y=y, text=text, showarrow=False, font={"size": 12, "color": "#1b2733"}, bgcolor="#ffffffb0",
            borderpad=2,
        )  # fmt: skip
    figure.add_scatter(
        x=[best.rate], y=[best.momentum], mode="markers", name="best", cliponaxis=False,
        marker={"symbol": "star", "size": 15, "color": "white", "line": {"width": 1.5, "color": "#1b2733"}},
        hovertemplate=f"best: rate {best.rate:.3g}, momentum {best.momentum:.2g}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[min(rate, most)], y=[mu], mode="markers", name="here", cliponaxis=False, meta={"x": [rate]},
        marker={"size": 13, "color": ORANGE, "line": {"width": 2, "color": "white"}},
        hovertemplate=f"here: rate {number(float(f'{rate:.4g}'))}, momentum {mu:.2g}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(range=[0, most], title="learning rate", showgrid=False, zeroline=False, nticks=6)
    figure.update_yaxes(range=[0, 1], title="momentum", showgrid=False, zeroline=False)
    # Nothing is drawn over what diverges. Without padding: the theme's would be coloured too.
    margin = {"l": 8, "r": 8, "t": 8, "b": 8, "pad": 0}
    legend = {"orientation": "h", "y": -0.14, "x": 0}
    meta = {"z": "steps for a tenth"}
    return framed(figure, 520, margin, showlegend=True, plot_bgcolor="#dc4c4330", legend=legend, meta=meta)


def _regions(condition: float) -> list[tuple[str, float, float]]:
    """Names of the map's regions, each where it is wide: rate in units of the steep curvature, and momentum."""
    names = [("monotone", 0.25, 0.04), ("alternating", 1.55, 0.025), ("diverging", 3.3, 0.25)]
    # With curvatures that are nearly equal both modes begin to oscillate at once.
    if condition < 10:
        return [*names, ("both oscillate", 1.7, 0.45)]
    return [*names, ("the steep mode oscillates", 1.5, 0.3), ("both oscillate", 1.6, 0.93)]


def _modes_figure(along: Array, rate: float, mu: float, curvatures: Sequence[float]) -> go.Figure:
    """Draw the walk's distance along each eigenvector over the steps, and the factor per step that theory gives."""
    sizes = np.abs(along)
    figure = go.Figure()
    known = np.flatnonzero((sizes > SMALLEST).any(axis=1))
    last = int(known.max()) if known.size else 0
    steps = np.arange(last + 1)
    for i, ((name, color), curvature) in enumerate(zip(MODES, curvatures, strict=True)):
        kind = momentum.behaviour(rate, mu, curvature)
        factor = float(momentum.convergence_rate(rate, mu, curvature))
        shown = np.where(sizes[: last + 1, i] > SMALLEST, sizes[: last + 1, i], np.nan)
        figure.add_scatter(
            x=steps, y=shown, mode="lines", line={"color": color, "width": 2},
            name=f"{name}: {kind}, {factor:.3f} per step",
            hovertemplate="step %{x}: %{y:.3g}<extra></extra>",
        )  # fmt: skip
        theory = sizes[0, i] * factor ** steps.astype(float)
        figure.add_scatter(
            x=steps, y=np.where(theory > SMALLEST, theory, np.nan), mode="lines", showlegend=False,
            line={"color": color, "width": 1.5, "dash": "dot"}, hovertemplate="theory: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(x=[None], y=[None], mode="lines", name="theory", line={"color": GREY, "dash": "dot"})
    figure.update_xaxes(title="step", rangemode="tozero")
    figure.update_yaxes(type="log", title="distance along the mode", exponentformat="power", nticks=6)
    return framed(
        figure, 300, margin=8, showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    )
