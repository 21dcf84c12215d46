"""The 128 hidden units at the first weights and after training: how many digits each answers to, and how strongly."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from core.analysis.evaluation import evaluate
from core.analysis.gradient_noise import mean_gradient
from core.analysis.hidden import activations
from core.data import PIXELS
from core.runs.store import Run
from core.training.network import HIDDEN, Network
from dashboard import address, lab, plots, sources, testing
from dashboard.colors import BLUE, GREY
from dashboard.components.figure import show_figure
from dashboard.views.lessons import Lesson
from dashboard.words import loss

#: The line that is shown first.
USUAL = "Glorot"
#: Test digits that the units are shown.
DIGITS = 1000
HEIGHT = 180


@dataclass(frozen=True)
class Answers:
    """Measurements of the hidden units.

    Args:
        shares: (128,) of each unit, the share of the digits to which it answers more than 0, the largest first.
        size: the mean of all answers above 0; 0 without any.
        loss: of the network on these digits.
        gradient: length of the mean loss's gradient by the weights of the hidden layer.
    """

    shares: NDArray[np.float64]
    size: float
    loss: float
    gradient: float


def units(lesson: Lesson, _run: Run | None) -> None:
    """Draw the hidden units of one of the lesson's lines, at its first weights and, once it is over, trained."""
    names = list(lesson.lines)
    name = st.segmented_control("First weights", names, default=USUAL, key="touch.first", required=True) or USUAL
    config = lesson.lines[name]
    first = f"{config.initialization} {config.seed}"
    before = _answers(first, Network(config.seed, config.initialization))
    trained = _trained(names.index(name), len(names))
    after = _answers(trained.digest, trained.network) if trained else None
    st.markdown(
        f"At first **{_busy(before)} of {HIDDEN}** units answer to some digit; the mean answer is {before.size:.3g}. "
        f"Loss **{loss(before.loss)}**, gradient of the units' weights **{before.gradient:.2g}** long."
    )
    show_figure(_figure(before, after), "Hidden units by the digits that they answer to", key="touch.figure")
    if after:
        st.caption(
            f"Grey: at the first weights. Blue: trained, {_busy(after)} units, mean answer {after.size:.3g}, "
            f"loss {loss(after.loss)}."
        )
    else:
        st.caption(f"Measured on {DIGITS:,} test digits. Run the lesson to see the trained units beside these.")


def answers(network: Network) -> Answers:
    """Measure the hidden units of a network on test digits spread over all."""
    digits = testing.test_digits().spread(DIGITS)
    hidden = activations(network, digits.images)
    above = hidden[hidden > 0]
    return Answers(
        shares=np.sort((hidden > 0).double().mean(0).numpy())[::-1],
        size=float(above.mean()) if len(above) else 0.0,
        loss=evaluate(network, digits).loss,
        gradient=float(mean_gradient(network, digits)[: HIDDEN * PIXELS].norm()),
    )


def _busy(found: Answers) -> int:
    return int((found.shares > 0).sum())


def _trained(place: int, lines: int) -> sources.Source | None:
    """Return the network of the page's run of this line, once it is over."""
    runs = address.runs("runs")
    if len(runs) != lines or not runs[place].over:
        return None
    path = lab.service().parameters_file(runs[place].id)
    return sources.from_file(path) if path else None


def _figure(before: Answers, after: Answers | None) -> go.Figure:
    figure = go.Figure()
    for found, color, name in ((before, GREY if after else BLUE, "at the first weights"), (after, BLUE, "trained")):
        if found:
            figure.add_scatter(
                x=np.arange(1, HIDDEN + 1),
                y=found.shares,
                name=name,
                mode="lines",
                fill="tozeroy" if color == BLUE else "none",
                line={"color": color, "width": 2},
                hovertemplate="unit %{x}: %{y:.0%} of the digits<extra></extra>",
            )
    figure.update_xaxes(title={"text": "units, the busiest first", "standoff": 2}, fixedrange=True, nticks=5)
    figure.update_yaxes(title="digits", range=[0, 1.02], tickformat=".0%", fixedrange=True, nticks=3)
    return plots.framed(figure, HEIGHT)


@st.cache_data(max_entries=64, show_spinner=False)
def _answers(key: str, _network: Network) -> Answers:
    """Return the answers of the network that the key names."""
    return answers(_network)
