"""Comparison of two models, and the average of several."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.analysis.comparison import NetworkComparison, compare_networks
from core.analysis.interpolation import average, between
from core.files import shortened
from core.models.library import Model, Opened
from core.training.network import Network
from dashboard import fields, plots, sources, testing
from dashboard.components.figure import show_figure
from dashboard.sources import Source
from dashboard.views.models import keeping, pictures
from dashboard.words import literal, percent

LAYERS = {
    "0.weight": "Hidden weights",
    "0.bias": "Hidden biases",
    "2.weight": "Output weights",
    "2.bias": "Output biases",
}
#: CSS pixels.
LINE_HEIGHT = 230


def together() -> None:
    models = {model.name: model for model in pictures.library().models() if not model.problem}
    if len(models) < 2:
        return
    st.markdown("#### Compare and average")
    kept = [name for name in st.session_state.get("models.together", []) if name in models]
    st.session_state["models.together"] = kept
    names = st.multiselect(
        "Models", list(models), key="models.together", placeholder="Choose two to compare, two or more to average"
    )
    if len(names) < 2:
        st.caption(
            "How far apart are two sets of weights, and do they give the same answers? And what does the network "
            "do whose weights are the mean of theirs (a model soup, Wortsman et al. 2022)?"
        )
        return
    try:
        chosen = tuple(sources.from_file(models[name].path) for name in names)
    except ValueError as error:
        # Deleted or changed since the list was read.
        st.error(fields.explain(error))
        return
    if len(chosen) == 2:
        _comparison(*chosen)
    _soup(chosen)


def _comparison(first: Source, second: Source) -> None:
    compared = _compared(first.digest, second.digest, first.network, second.network)
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "Distance of the weights",
            f"{compared.distance:.2f}",
            help="Euclidean, of all 101,770 parameters. Units are compared in the order in which they are stored.",
            width="content",
        )
        st.metric(
            "In units of their size",
            f"{compared.relative:.2f}",
            help="0: the same network. About 1.41: two networks trained independently.",
            width="content",
        )
        st.metric(
            "Cosine", f"{compared.cosine:.3f}", help="Of the angle between them: 1 is one direction.", width="content"
        )
        st.metric("Same answer", percent(compared.agreement), help="Of the 10,000 test digits.", width="content")
    hits = compared.hits
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            f"| Right answers | of 10,000 |\n|---|--:|\n| Both | {hits.both:,} |\n"
            f"| Only {literal(first.label)} | {hits.only_first:,} |\n"
            f"| Only {literal(second.label)} | {hits.only_second:,} |\n| Neither | {hits.neither:,} |\n"
        )
    with right:
        rows = "".join(f"| {LAYERS[name]} | {distance:.3f} |\n" for name, distance in compared.distances.items())
        st.markdown(f"| Layer | Distance |\n|---|--:|\n{rows}")
    line = _line(first.digest, second.digest, first.network, second.network)
    st.markdown("**On the straight line from one to the other**")
    show_figure(
        _line_figure(line),
        "Test accuracy between two models",
        key="models.line",
        settings=f"from {first.label} to {second.label}",
    )
    st.caption(
        f"Left is {literal(first.label)}, right is {literal(second.label)}, the middle is their average. Two runs from "
        "different first weights mostly have a valley of bad networks between them; two ends of one run have none."
    )


@st.fragment
def _soup(chosen: Sequence[Source]) -> None:
    names = [source.label for source in chosen]
    mean = sources.from_network(average([source.network for source in chosen]), "average")
    accuracy = testing.report_of(mean).evaluation.accuracy
    best = max(testing.report_of(source).evaluation.accuracy for source in chosen)
    change = 100 * (accuracy - best)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.metric(
            f"Test accuracy of the average of {len(names)}",
            percent(accuracy),
            f"{change:+.2f} points against the best of them",
            width="content",
        )
        name = keeping.name_field("Keep the average as", f"soup of {len(names)}", "models.soup", width=240)
        pressed = st.button("Save the average", icon=":material/bookmark_add:")
    if pressed:
        keeping.attempt(lambda: _keep(names, name), "Saved")


def _keep(names: Sequence[str], name: str) -> Model:
    library = pictures.library()
    soup = average([library.open(name).network for name in names])
    origin = shortened(f"the average of {', '.join(names)}", 500)
    return library.keep(Opened(soup, {}), name, origin=origin)


@st.cache_data(max_entries=64, show_spinner="Comparing on 10,000 digits")
def _compared(first: str, second: str, _first: Network, _second: Network) -> NetworkComparison:
    return compare_networks(_first, _second, testing.test_digits())


@st.cache_data(max_entries=64, show_spinner="Walking from one to the other")
def _line(first: str, second: str, _first: Network, _second: Network) -> list[tuple[float, float, float]]:
    return [(share, e.accuracy, e.loss) for share, e in between(_first, _second, testing.test_digits())]


def _line_figure(line: list[tuple[float, float, float]]) -> go.Figure:
    shares, accuracies, losses = (list(values) for values in zip(*line, strict=True))
    figure = go.Figure()
    figure.add_scatter(
        x=shares,
        y=[100 * accuracy for accuracy in accuracies],
        customdata=losses,
        mode="lines+markers",
        hovertemplate="%{y:.2f}%, loss %{customdata:.4f}<extra></extra>",
    )
    figure.update_xaxes(title={"text": "share of the second", "standoff": 14}, fixedrange=True)
    figure.update_yaxes(title="test accuracy, %", fixedrange=True)
    return plots.framed(figure, LINE_HEIGHT)
