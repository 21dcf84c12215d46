"""Replay of one drawing: the predictions of a run from its first step to its last."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from core.handwriting.answers import answers_along
from core.handwriting.preprocessing import SIDE, Bytes
from core.runs.trajectories import Trajectory
from dashboard import fields, lab, plots, waiting
from dashboard.colors import GREY, HUES
from dashboard.components.figure import show_figure
from dashboard.views.draw.answer import crisp
from dashboard.words import literal, run_choice

RUNS = 30
#: The lab's eight hues between two more, each readable on the light and on the dark page.
DIGIT_COLORS = (GREY, *HUES, "#6b7f3a")
TICKS = 6


@st.fragment
def replay_section() -> None:
    st.markdown("#### How a run came to its answer")
    runs = {run.id: run for run in lab.service().runs(RUNS) if lab.service().parameters_file(run.id)}
    if not runs:
        st.caption("Train a network first. Then its whole training can be replayed for your drawing.")
        return
    if st.session_state.get("draw.run") not in runs:
        st.session_state["draw.run"] = next(iter(runs))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run_id = st.selectbox("Run", list(runs), format_func=lambda run_id: run_choice(runs[run_id]), key="draw.run")
        st.button("Replay my drawing", icon=":material/history:", on_click=_freeze)
    if st.session_state.pop("draw.nothing", False):
        several = st.session_state.get("draw.count", 0) > 1
        st.info("A replay is of one digit." if several else "There is no digit yet. Draw one, then replay it.")
    digit = st.session_state.get("draw.frozen")
    if digit is None or run_id is None:
        st.caption("Draw a digit, then see what this run said to it from its first step to its last.")
        return
    try:
        trajectory = waiting.show(lab.service().trajectory(run_id))
    except ValueError as error:
        # Somebody has deleted the run; the next drawing offers the others.
        st.info(fields.explain(error))
        return
    if trajectory:
        _show(trajectory, digit)


def _freeze() -> None:
    """Copy the drawing as it is now; it stays in the replay while the canvas goes on."""
    way = st.session_state.get("draw.way")
    if way is None:
        st.session_state["draw.nothing"] = True
        return
    st.session_state["draw.frozen"] = way.digit


def _show(trajectory: Trajectory, digit: Bytes) -> None:
    steps, probabilities = _answers(str(trajectory.path), digit.tobytes(), trajectory)
    st.html(
        f'<div class="replayed">{crisp(digit, 3, "the replayed drawing")}'
        f'<div data-testid="story">{_story(steps, probabilities)}</div></div>'
    )
    show_figure(figure(steps, probabilities), "What the run said of this digit, step by step", key="draw.story")
    if trajectory.message:
        st.caption(literal(trajectory.message))


def _story(steps: NDArray[np.int64], probabilities: NDArray[np.float32]) -> str:
    """HTML that says from which step on the prediction is the last one."""
    predicted = probabilities.argmax(1)
    changed = np.flatnonzero(predicted != predicted[-1])
    if not len(changed):
        return f"It said <b>{predicted[-1]}</b> from the first step to the last."
    before, settled = predicted[changed[-1]], steps[changed[-1] + 1]
    return f"It has said <b>{predicted[-1]}</b> since about step {settled:,}; before that, {before}."


@st.cache_data(max_entries=32, show_spinner=False)
def _answers(path: str, digit: bytes, _trajectory: Trajectory) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return (k,) steps and (k, 10) probabilities for a digit's bytes; a path stands for one run and one end."""
    steps, parameters = _trajectory.load()
    pixels = np.frombuffer(digit, dtype=np.uint8).reshape(SIDE, SIDE)
    return steps.numpy(), answers_along(parameters, pixels)


def figure(steps: NDArray[np.int64], probabilities: NDArray[np.float32]) -> go.Figure:
    """Plot ten lines over the steps, and ten bars that a slider moves along them; all frames are in the figure.

    Args:
        steps: (k,) ascending.
        probabilities: (k, 10).
    """
    # As far from each other as frames are: most of them are of the first steps.
    places, true = np.arange(len(steps)), {"x": steps.tolist()}
    chart = go.Figure()
    for digit in range(10):
        chart.add_scatter(
            x=places,
            y=probabilities[:, digit],
            customdata=steps,
            meta=true,
            mode="lines",
            name=str(digit),
            line={"color": DIGIT_COLORS[digit], "width": 2.5 if probabilities[:, digit].max() > 0.2 else 1},
            hovertemplate=f"<b>{digit}</b> %{{y:.1%}} at step %{{customdata:,}}<extra></extra>",
            xaxis="x",
            yaxis="y",
            showlegend=False,
        )
    chart.add_scatter(
        x=[places[-1]] * 2, y=[0, 1], mode="lines", line={"color": GREY, "dash": "dot", "width": 1.5},
        hoverinfo="skip", showlegend=False, xaxis="x", yaxis="y", meta=plots.REPEATED,
    )  # fmt: skip
    chart.add_bar(
        x=probabilities[-1],
        y=[str(digit) for digit in range(10)],
        orientation="h",
        meta=plots.REPEATED,
        marker_color=DIGIT_COLORS,
        hovertemplate="<b>%{y}</b> %{x:.1%}<extra></extra>",
        showlegend=False,
        xaxis="x2",
        yaxis="y2",
    )
    marker, bars = len(chart.data) - 2, len(chart.data) - 1
    chart.frames = [
        go.Frame(
            name=str(place),
            data=[{"type": "scatter", "x": [place, place]}, {"type": "bar", "x": probabilities[place]}],
            traces=[marker, bars],
        )
        for place in range(len(steps))
    ]
    _dress(chart, steps)
    return chart


def _dress(chart: go.Figure, steps: NDArray[np.int64]) -> None:
    """Add axes, the slider and its play button."""
    places = np.unique(np.linspace(0, len(steps) - 1, TICKS).round().astype(int))
    plots.framed(
        chart,
        380,
        margin={"l": 8, "r": 20, "t": 8, "b": 8},
        xaxis={"domain": [0, 0.62], "tickvals": places, "ticktext": [f"{steps[p]:,}" for p in places], "title": "step"},
        yaxis={"range": [0, 1.02], "tickformat": ".0%", "automargin": True},
        xaxis2={"domain": [0.7, 1], "range": [0, 1], "tickformat": ".0%", "anchor": "y2", "nticks": 3},
        yaxis2={"anchor": "x2", "autorange": "reversed", "type": "category"},
        **plots.player({str(place): f"{step:,}" for place, step in enumerate(steps)}, "step ", 60, False, 0.16, 42),
    )
    chart.update_xaxes(fixedrange=True)
    chart.update_yaxes(fixedrange=True)
