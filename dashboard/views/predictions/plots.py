"""Figures of the Predictions page."""

import plotly.graph_objects as go

from core.analysis.calibration import Calibration, Refusal
from dashboard.colors import BLUE, GREY, ORANGE
from dashboard.plots import framed

HEIGHT = 340


def reliability(bins: Calibration) -> go.Figure:
    """Plot accuracy over confidence: one bar per bin, a dot at its means; on the dotted line the two are equal."""
    centres = ((bins.edges[1:] + bins.edges[:-1]) / 2).numpy()
    filled = (bins.counts > 0).numpy()
    figure = go.Figure()
    figure.add_bar(
        x=centres[filled],
        y=bins.accuracy.numpy()[filled],
        name="right answers",
        width=0.9 / len(centres),
        marker={"color": BLUE, "opacity": 0.8},
        customdata=bins.counts.numpy()[filled],
        hovertemplate="%{y:.1%} right of %{customdata:,} digits<extra></extra>",
    )
    figure.add_scatter(
        x=bins.confidence.numpy()[filled],
        y=bins.accuracy.numpy()[filled],
        name="at a bin's mean confidence",
        mode="markers",
        marker={"color": ORANGE, "size": 8, "line": {"width": 1.5, "color": "white"}},
        hovertemplate="confidence %{x:.1%}, accuracy %{y:.1%}<extra></extra>",
    )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        name="as many as the confidence says",
        mode="lines",
        line={"color": GREY, "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
    figure.update_xaxes(title="confidence", range=[0, 1.005], tickformat=".0%")
    figure.update_yaxes(title="accuracy", range=[0, 1.03], tickformat=".0%")
    return _framed(figure)


def refusal(curve: Refusal, at: int, total: int) -> go.Figure:
    """Plot the accuracy of the answers over the share of digits answered; a diamond marks threshold number ``at``."""
    some = (curve.answered > 0).numpy()
    share, accuracy = curve.answered.numpy() / total, curve.accuracy.numpy()
    figure = go.Figure()
    figure.add_scatter(
        x=share[some],
        y=accuracy[some],
        name="at each threshold",
        mode="lines",
        line={"color": BLUE, "width": 2.5},
        customdata=curve.thresholds.numpy()[some],
        hovertemplate="below %{customdata:.0%}: %{x:.1%} answered, %{y:.2%} right<extra></extra>",
    )
    if some[at]:
        figure.add_scatter(
            x=[share[at]],
            y=[accuracy[at]],
            name="at the chosen threshold",
            mode="markers",
            marker={"color": ORANGE, "size": 12, "symbol": "diamond", "line": {"width": 1.5, "color": "white"}},
            hoverinfo="skip",
        )
    figure.update_xaxes(title="share answered", tickformat=".0%")
    figure.update_yaxes(title="accuracy of the answers", tickformat=".1%")
    return _framed(figure)


def _framed(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(fixedrange=True, zeroline=False)
    figure.update_yaxes(fixedrange=True, zeroline=False)
    # At the right, room for half of the last number.
    return framed(figure, HEIGHT, margin={"l": 8, "r": 24, "t": 8, "b": 8})
