"""Length of a step: by the rate, its schedule, the momentum, and the size of the gradient."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.analysis.sharpness import Sharpness, sharpness
from core.hyperparameters import number
from core.optimizers import OPTIMIZERS
from core.optimizers.response import response
from core.runs.store import Run
from core.surfaces.descent import walk
from core.surfaces.functions import ill_conditioned_bowl
from core.training.config import RunConfig
from core.training.network import Network
from dashboard import fields, plots, schedule_preview
from dashboard.colors import BLUE, GREY, OPTIMIZER_COLORS, OPTIMIZER_DASHES, ORANGE
from dashboard.components.figure import show_figure
from dashboard.views.lessons import Lesson

HEIGHT = 210
RATES = (0.001, 0.01, 0.03, 0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 1.0, 5.0)
#: Steps of the walk down the parabola, and steps under gradients that are all alike.
WALK, STEPS = 12, 50
MOMENTA = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
GRADIENTS = tuple(10.0**power for power in range(-6, 2))
#: The parameter of each schedule that is touched, and its range.
PARAMETERS: dict[str, tuple[str, float, float, float]] = {
    "exponential": ("factor", 0.3, 1.0, 0.05),
    "cyclic": ("half_cycle", 0.5, 4.0, 0.5),
    "plateau": ("patience", 0, 4, 1),
}


def rate(lesson: Lesson, _run: Run | None) -> None:
    """Draw the steps of a rate down a parabola with the network's own largest curvature."""
    seed = next(iter(lesson.lines.values())).seed
    curvature = _sharpness(seed)
    eta = st.select_slider("Learning rate", RATES, 0.3, key="touch.rate", format_func=number)
    factor = 1 - eta * curvature.value
    limit = curvature.largest_stable_rate
    st.latex(rf"\eta\lambda = {number(eta)} \cdot {curvature.value:.2f}, \qquad 1 - \eta\lambda = {factor:.3g}")
    away, sides = abs(factor) > 1, ", from side to side" if factor < 0 else ""
    how = "The steps lead away from the bottom" if away else "The steps lead to the bottom"
    st.markdown(f"{how}{sides}: the rate is {'above' if away else 'below'} 2 / λ = **{limit:.2f}**.")
    figure = _parabola(curvature.value, places(curvature.value, eta))
    show_figure(figure, "Steps down a parabola", key="touch.figure")
    st.caption("λ is the largest curvature of this network's loss at its first weights, measured.")


def places(curvature: float, eta: float) -> list[float]:
    """Return the places, from 1, that gradient descent goes through on a parabola of this curvature, 0 the bottom."""
    config = RunConfig(optimizer="sgd", lr=eta)
    steps = walk(ill_conditioned_bowl(curvature), [config], [(0.0, 1.0)], WALK).points[:, 1, 0, 0]
    return [float(place) for place in steps if np.isfinite(place)]


def schedule(lesson: Lesson, _run: Run | None) -> None:
    """Draw the rates of one of the lesson's schedules, with one of its parameters to change."""
    name = st.selectbox("Schedule", list(lesson.lines), index=1, key="touch.schedule")
    config = lesson.lines[name]
    if config.schedule in PARAMETERS:
        parameter, low, high, step = PARAMETERS[config.schedule]
        first: Any = config.schedule_params[parameter]
        label = fields.label(parameter, config.schedule)
        value = st.slider(label, low, high, first, step, key=f"touch.{config.schedule}")
        config = replace(config, schedule_params={**config.schedule_params, parameter: value})
    rates = np.array(config.planned_rates(range(config.span.steps), config.span.stalled))
    st.latex(
        rf"\begin{{gathered}}\textstyle\sum_t \eta_t = {rates.sum():.0f}, \qquad "
        rf"\textstyle\sum_t \eta_t^2 = {np.square(rates).sum():.1f},\\ "
        rf"\eta_{{\text{{last}}}} = {rates[-1]:.3g}\end{{gathered}}"
    )
    show_figure(schedule_preview.figure(config), "Rate over epochs", key="touch.figure")
    if config.schedule_spec.reacts:
        st.caption("Drawn for a loss that never improves.")


def momentum(_lesson: Lesson, _run: Run | None) -> None:
    """Draw the length of each step under gradients that agree, and under some that point back and forth."""
    mu = st.select_slider("Momentum μ", MOMENTA, 0.9, key="touch.momentum", format_func=number)
    agree, alternate = (
        np.abs(response(OPTIMIZERS["momentum"], signs, 1.0, {"momentum": mu})) for signs in (agreeing(), alternating())
    )
    st.latex(rf"\frac{{1}}{{1-\mu}} = {1 / (1 - mu):.3g}, \qquad \frac{{1}}{{1+\mu}} = {1 / (1 + mu):.3g}")
    figure = go.Figure()
    for lengths, name, color in ((agree, "agreeing", BLUE), (alternate, "back and forth", ORANGE)):
        figure.add_scatter(
            x=np.arange(1, STEPS + 1),
            y=lengths,
            name=name,
            line={"color": color, "width": 2},
            hovertemplate="step %{x}: %{y:.3g}",
        )
    figure.update_xaxes(title={"text": "step", "standoff": 2}, fixedrange=True)
    figure.update_yaxes(title="step / (η g)", rangemode="tozero", fixedrange=True, nticks=5)
    figure = plots.framed(figure, HEIGHT, showlegend=True, legend=plots.LEGEND_ABOVE)
    show_figure(figure, "Length of each step", key="touch.figure")
    st.caption(f"After {STEPS} gradients that agree, a step is as long as {agree[-1]:.1f} of plain SGD's.")


def agreeing() -> list[float]:
    return [1.0] * STEPS


def alternating() -> list[float]:
    return [(-1.0) ** t for t in range(STEPS)]


def adaptive(lesson: Lesson, _run: Run | None) -> None:
    """Draw the length of each step of the lesson's optimizers under a gradient of one size."""
    size = st.select_slider("Size of the gradient", GRADIENTS, 0.001, key="touch.gradient", format_func=number)
    figure = go.Figure()
    lengths = {config.optimizer: response(config.optimizer_spec, [size] * STEPS, config.lr, config.optimizer_params)
               for config in lesson.lines.values()}  # fmt: skip
    for optimizer, moved in lengths.items():
        figure.add_scatter(
            x=np.arange(1, STEPS + 1),
            y=moved,
            name=OPTIMIZERS[optimizer].label,
            line={"color": OPTIMIZER_COLORS[optimizer], "dash": OPTIMIZER_DASHES[optimizer], "width": 2},
            hovertemplate="step %{x}: %{y:.2g}",
        )
    figure.update_xaxes(title={"text": "step", "standoff": 2}, fixedrange=True)
    figure.update_yaxes(
        type="log", title="length of the step", range=[-9.5, -1.5], dtick=2,
        exponentformat="power", fixedrange=True,
    )  # fmt: skip
    figure = plots.framed(figure, HEIGHT, showlegend=True, legend=plots.LEGEND_ABOVE)
    lr = next(iter(lesson.lines.values())).lr
    first = (rf"\text{{{OPTIMIZERS[name].label}: }} {_power(lengths[name][0])}" for name in ("sgd", "adam"))
    st.latex(r" \qquad ".join(first))
    show_figure(figure, "Length of each step", key="touch.figure")
    st.caption(f"Above, the first step. The same gradient at every step, at the lesson's rate of {number(lr)}.")


def _power(value: float) -> str:
    """Return a number as LaTeX: ``3.2 \\cdot 10^{-6}``."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def _parabola(curvature: float, visited: list[float]) -> go.Figure:
    extent = 1.25 if max(map(abs, visited)) <= 1.01 else 4.0
    x = np.linspace(-extent, extent, 81)
    shown = np.array([place for place in visited if abs(place) <= extent])
    figure = go.Figure()
    figure.add_scatter(
        x=x, y=curvature * x**2 / 2, mode="lines", line={"color": GREY, "width": 2}, hoverinfo="skip", name="loss"
    )
    figure.add_scatter(
        x=shown,
        y=curvature * shown**2 / 2,
        name="after each step",
        mode="lines+markers",
        line={"color": ORANGE, "width": 1.5},
        marker={"size": 8},
        text=[f"after {i} steps" for i in range(len(shown))],
        hovertemplate="%{text}: %{x:.3g} from the bottom<extra></extra>",
    )
    figure.update_xaxes(
        title={"text": "distance from the bottom", "standoff": 2}, range=[-extent, extent], fixedrange=True
    )
    figure.update_yaxes(title="loss", fixedrange=True, nticks=4, rangemode="tozero")
    return plots.framed(figure, HEIGHT)


@st.cache_data(show_spinner=False)
def _sharpness(seed: int) -> Sharpness:
    return sharpness(Network(seed), "cross_entropy")
