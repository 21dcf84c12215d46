"""One digit through the network: its picture, and the ten outputs."""

import plotly.graph_objects as go
import streamlit as st
import torch

from core.data import CLASSES
from core.runs.store import Run
from core.training.network import Network
from dashboard import lab, plots, sources, testing
from dashboard.colors import BLUE, GREY
from dashboard.components.figure import show_figure
from dashboard.pictures import digit_url
from dashboard.views.lessons import Lesson
from dashboard.words import percent

HEIGHT = 190


def digit(lesson: Lesson, run: Run | None) -> None:
    """Draw a test digit and the ten outputs of the network, which is untrained until the lesson's run is over."""
    digits = testing.test_digits()
    # Counted from 0, as on the Predictions page.
    place = int(st.number_input("Test digit", 0, len(digits) - 1, 0, key="touch.digit"))
    network, who = network_of(lesson, run)
    outputs = outputs_for(network, digits.images[place])
    answer, label = int(outputs.argmax()), int(digits.labels[place])
    picture, bars = st.columns([0.3, 0.7], vertical_alignment="center")
    picture.image(digit_url(digits.images[place]), width=112)
    figure = go.Figure()
    figure.add_bar(
        x=list(range(CLASSES)),
        y=outputs.numpy(),
        marker={"color": [BLUE if each == answer else GREY for each in range(CLASSES)]},
        hovertemplate="%{x}: %{y:.2%}<extra></extra>",
    )
    figure.update_xaxes(dtick=1, fixedrange=True)
    figure.update_yaxes(range=[0, 1], tickformat=".0%", nticks=3, fixedrange=True)
    with bars:
        show_figure(plots.framed(figure, HEIGHT), "The ten outputs", key="touch.figure")
    right = "which is right" if answer == label else f"but it is a {label}"
    st.caption(f"{who} says {answer} with {percent(float(outputs[answer]), 1)}, {right}. The ten outputs sum to 1.")


def network_of(lesson: Lesson, run: Run | None) -> tuple[Network, str]:
    """Return the lesson's network, trained if it is, and what it is called."""
    if run and run.over and (path := lab.service().parameters_file(run.id)):
        return sources.from_file(path).network, "The trained network"
    return Network(next(iter(lesson.lines.values())).seed), "The network, not trained yet,"


@torch.no_grad()
def outputs_for(network: Network, image: torch.Tensor) -> torch.Tensor:
    """(10,) probabilities of an image of 784 uint8."""
    probabilities: torch.Tensor = network(image[None].float() / 255).softmax(1)[0]
    return probabilities
