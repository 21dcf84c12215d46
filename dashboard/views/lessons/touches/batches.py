"""Gradient of a mini-batch beside that of all images: by its size, and by the order of the images."""

import json
import math
from dataclasses import replace
from typing import Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from torch import Tensor

from core import data
from core.analysis.gradient_noise import BatchGradient, GradientNoise, batch_gradients, gradient_noise, mean_gradient
from core.data import CLASSES, Digits, batch_order
from core.runs.store import Run
from core.training.config import RunConfig
from core.training.network import Network
from dashboard import plots
from dashboard.colors import BLUE, ORANGE
from dashboard.components.figure import show_figure
from dashboard.views.lessons import Lesson
from dashboard.words import counted

#: Real batches whose gradients are drawn, and those that are measured for one size.
DRAWN, MEASURED = 40, 20
#: The size that is shown first.
FIRST = 64
HEIGHT = 210


def batch(lesson: Lesson, _run: Run | None) -> None:
    """Draw the size of a batch: its steps an epoch, and the gradients of real batches beside that of all images."""
    config = _sized(lesson)
    drawn = _gradients(_text(config), DRAWN)
    st.markdown(f"**{counted(config.span.steps_per_epoch, 'step')} an epoch.** {_noise_of(config)}")
    show_figure(_arrows(drawn), "Gradients of real batches", key="touch.figure")
    st.caption(
        f"Thin: the gradient of each of {len(drawn)} real batches. Thick: that of all images. All at the first weights."
    )


def noise(lesson: Lesson, _run: Run | None) -> None:
    """Draw the noise over the size of the batch, by the formula and as measured on real batches."""
    config = _sized(lesson)
    sizes = sorted({line.images_per_step for line in lesson.lines.values()})
    measured = [measured_noise(_gradients(_text(replace(config, batch_size=size)), MEASURED)) for size in sizes]
    st.markdown(f"**{counted(config.span.steps_per_epoch, 'step')} an epoch.** {_noise_of(config)}")
    figure = _over_sizes(_noise(_of_any_size(config)), config.images_per_step, sizes, measured)
    show_figure(figure, "Noise over the size of the batch", key="touch.figure")
    st.caption(
        f"Line: from the gradient of every single image. Rings: measured on {MEASURED} real batches, or as many as "
        "there are. All at the first weights."
    )


def order(lesson: Lesson, _run: Run | None) -> None:
    """Draw the digits of one mini-batch of the first epoch, in the order of one of the lesson's lines."""
    first = next(iter(lesson.lines))
    name = st.segmented_control("Order", list(lesson.lines), default=first, key="touch.order", required=True) or first
    config = lesson.lines[name]
    step = st.slider("Step", 1, config.span.steps_per_epoch, 1, key="touch.step")
    (gradient,) = _gradients(_text(config), 1, step - 1)
    show_figure(_bars(digits_of(config, step)), "Digits of the batch", key="touch.figure")
    st.markdown(
        f"The cosine of the angle between its gradient and that of all images is **{gradient.cosine:.2f}**: "
        "1 is the same direction, 0 is none of it."
    )


def digits_of(config: RunConfig, step: int) -> list[int]:
    """Return how often each digit is in the batch of a step of the first epoch, counted from 1."""
    labels, size = _digits(config).labels, config.images_per_step
    rows = batch_order(labels, config.shuffle, config.seed, 0)[(step - 1) * size : step * size]
    counts: list[int] = np.bincount(labels[rows].numpy(), minlength=CLASSES).tolist()
    return counts


def measured_noise(batches: list[BatchGradient]) -> float:
    """Root mean square distance of the batches' gradients from that of all images."""
    return math.sqrt(sum(batch.distance**2 for batch in batches) / len(batches))


def _sized(lesson: Lesson) -> RunConfig:
    """Draw the slider of sizes, and return the lesson's first config with the chosen one."""
    base = next(iter(lesson.lines.values()))
    sizes: list[int | Literal["full"]] = [2**power for power in range(13) if 2**power < base.images_per_epoch]
    size = st.select_slider(
        "Images a step",
        [*sizes, "full"],
        FIRST,
        key="touch.size",
        format_func=lambda size: f"all {base.images_per_epoch:,}" if size == "full" else f"{size:,}",
    )
    return replace(base, batch_size=size)


def _noise_of(config: RunConfig) -> str:
    distance = _noise(_of_any_size(config)).of(config.images_per_step)
    return f"The noise of each step is **{distance:.2f}** times as long as the gradient."


def _arrows(drawn: list[BatchGradient]) -> go.Figure:
    figure = go.Figure()
    # One trace with gaps: from the origin to the tip of each.
    figure.add_scatter(
        x=[value for each in drawn for value in (0.0, each.along, None)],
        y=[value for each in drawn for value in (0.0, each.across, None)],
        name="a batch",
        mode="lines+markers",
        line={"color": ORANGE, "width": 1},
        marker={"size": 4},
        opacity=0.6,
        hovertemplate="along %{x:.2f}, across %{y:.2f}<extra>a batch</extra>",
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 0],
        name="all images",
        mode="lines+markers",
        line={"color": BLUE, "width": 5},
        marker={"size": [0, 12]},
        hovertemplate="length 1<extra>all images</extra>",
    )
    highest = max(1.0, *(each.across for each in drawn))
    figure.update_yaxes(title="across", range=[-0.1 * highest, 1.1 * highest], fixedrange=True, nticks=5)
    figure.update_xaxes(
        title={"text": "along the gradient of all images", "standoff": 2}, scaleanchor="y", fixedrange=True
    )
    return plots.framed(figure, HEIGHT)


def _over_sizes(noise: GradientNoise, chosen: int, sizes: list[int], measured: list[float]) -> go.Figure:
    figure = go.Figure()
    by_formula = {"color": BLUE, "width": 2}
    figure.add_scatter(
        x=sizes,
        y=[noise.of(size) for size in sizes],
        name="computed",
        mode="lines",
        line=by_formula,
        hovertemplate="%{x} images: %{y:.3f}<extra>computed</extra>",
    )
    figure.add_scatter(
        x=sizes,
        y=measured,
        name="measured",
        mode="markers",
        marker={"color": ORANGE, "size": 9, "symbol": "circle-open", "line": {"width": 2}},
        hovertemplate="%{x} images: %{y:.3f}<extra>measured</extra>",
    )
    figure.add_scatter(
        x=[chosen],
        y=[noise.of(chosen)],
        mode="markers",
        marker={"color": BLUE, "size": 13},
        hoverinfo="skip",
        meta=plots.REPEATED,
    )
    figure.update_xaxes(
        type="log", tickvals=sizes[::3], title={"text": "images a step", "standoff": 2}, fixedrange=True
    )
    figure.update_yaxes(type="log", tickvals=[0.1, 0.3, 1, 3, 10], title="noise / gradient", fixedrange=True)
    return plots.framed(figure, HEIGHT)


def _bars(counts: list[int]) -> go.Figure:
    figure = go.Figure()
    figure.add_bar(
        x=list(range(CLASSES)), y=counts, marker={"color": BLUE}, hovertemplate="%{y} of digit %{x}<extra></extra>"
    )
    figure.update_xaxes(title={"text": "digit", "standoff": 2}, dtick=1, fixedrange=True)
    figure.update_yaxes(title="images in the batch", range=[0, 1.05 * sum(counts)], fixedrange=True, nticks=5)
    return plots.framed(figure, HEIGHT)


def _digits(config: RunConfig) -> Digits:
    return config.split(data.load())[0]


def _text(config: RunConfig) -> str:
    """Return the config as a key of what is computed from it."""
    return json.dumps(config.to_dict())


def _of_any_size(config: RunConfig) -> str:
    """Return the key of what the size of a batch does not change."""
    return _text(replace(config, batch_size=FIRST))


@st.cache_data(max_entries=64, show_spinner=False)
def _whole(config: str) -> Tensor:
    known = RunConfig.from_dict(json.loads(config))
    return mean_gradient(Network(known.seed, known.initialization), _digits(known), known.loss)


@st.cache_data(max_entries=64, show_spinner=False)
def _noise(config: str) -> GradientNoise:
    known = RunConfig.from_dict(json.loads(config))
    return gradient_noise(Network(known.seed, known.initialization), _digits(known))


@st.cache_data(max_entries=512, show_spinner=False)
def _gradients(config: str, count: int, first: int = 0) -> list[BatchGradient]:
    known = RunConfig.from_dict(json.loads(config))
    return batch_gradients(known, _digits(known), count, first, _whole(_of_any_size(known)))
