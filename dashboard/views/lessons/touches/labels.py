"""Training digits with the labels that they have for a run, some of them wrong."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core import data
from core.analysis.findings import guessing
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import plots
from dashboard.colors import BLUE, GREY
from dashboard.components.figure import show_figure
from dashboard.pictures import gallery
from dashboard.views.lessons import Lesson
from dashboard.words import percent

SHARES = tuple(tenths / 10 for tenths in range(10))
SHOWN = 7
HEIGHT = 170


def labels(lesson: Lesson, _run: Run | None) -> None:
    """Draw a share of wrong labels: training digits with theirs, and the loss of a network that reads all digits."""
    base = next(iter(lesson.lines.values()))
    share = st.select_slider(
        "Wrong labels", SHARES, base.label_noise, key="touch.share", format_func=lambda share: percent(share, 0)
    )
    config = replace(base, label_noise=share)
    mnist = data.load()
    digits, (true, _) = config.split(mnist)[0], replace(config, label_noise=0.0).split(mnist)
    wrong = int((digits.labels != true.labels).sum())
    st.markdown(
        f"**{wrong:,} of {len(digits):,} labels are wrong.** A network that reads every digit right, and answers as "
        f"surely as that allows, has a training loss of **{guessing(config, 0):.2f}**."
    )
    st.html(gallery(digits.images[:SHOWN], true.labels[:SHOWN], digits.labels[:SHOWN], "labelled"))
    show_figure(_floor(config), "Training loss of a network that reads every digit right", key="touch.figure")
    st.caption("Line: that loss over the share of wrong labels. What is below it is learnt by heart. Dotted: guessing.")


def _floor(config: RunConfig) -> go.Figure:
    shares = np.linspace(0, SHARES[-1], 91)
    lowest = [guessing(replace(config, label_noise=float(share)), 0) for share in shares]
    figure = go.Figure()
    figure.add_scatter(
        x=shares,
        y=lowest,
        mode="lines",
        line={"color": BLUE, "width": 2},
        hovertemplate="%{x:.0%} wrong: %{y:.2f}<extra></extra>",
    )
    figure.add_scatter(
        x=[config.label_noise],
        y=[guessing(config, 0)],
        mode="markers",
        marker={"color": BLUE, "size": 13},
        hoverinfo="skip",
        meta=plots.REPEATED,
    )
    figure.add_hline(guessing(config), line={"color": GREY, "dash": "dot", "width": 1})
    figure.update_xaxes(title={"text": "wrong labels", "standoff": 2}, tickformat=".0%", fixedrange=True, nticks=6)
    figure.update_yaxes(title="training loss", range=[0, 2.5], fixedrange=True, nticks=4)
    return plots.framed(figure, HEIGHT)
