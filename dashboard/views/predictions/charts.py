"""The Predictions page's figures: data in, plotly Figure out."""

import plotly.graph_objects as go

from core.analysis.calibration import Calibration, Refusal
from dashboard.colors import BLUE, GREY, ORANGE

HEIGHT = 340


def reliability(found: Calibration) -> go.Figure:
    """Accuracy over confidence, a bar a bin and its mean a dot; on the line, confidence is what it is worth."""
    centres = ((found.edges[1:] + found.edges[:-1]) / 2).numpy()
    filled = (found.counts > 0).numpy()
    figure = go.Figure()
    figure.add_bar(
        x=centres[filled],
        y=found.accuracy.numpy()[filled],
        width=0.9 / len(centres),
        marker={"color": BLUE, "opacity": 0.8},
        customdata=found.counts.numpy()[filled],
        hovertemplate="%{y:.1%} right of %{customdata:,} digits<extra></extra>",
    )
    figure.add_scatter(
        x=found.confidence.numpy()[filled],
        y=found.accuracy.numpy()[filled],
        mode="markers",
        marker={"color": ORANGE, "size": 8, "line": {"width": 1.5, "color": "white"}},
        hovertemplate="confidence %{x:.1%}, accuracy %{y:.1%}<extra></extra>",
    )
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "width": 1.5, "dash": "dot"}, hoverinfo="skip"
    )  # fmt: skip
    figure.update_xaxes(title="confidence", range=[0, 1.005], tickformat=".0%")
    figure.update_yaxes(title="accuracy", range=[0, 1.03], tickformat=".0%")
    return _framed(figure)


def refusal(found: Refusal, at: int, total: int) -> go.Figure:
    """Accuracy of what is answered, over the share that is; a diamond marks threshold number ``at``."""
    some = (found.answered > 0).numpy()
    share, accuracy = found.answered.numpy() / total, found.accuracy.numpy()
    figure = go.Figure()
    figure.add_scatter(
        x=share[some],
        y=accuracy[some],
        mode="lines",
        line={"color": BLUE, "width": 2.5},
        customdata=found.thresholds.numpy()[some],
        hovertemplate="below %{customdata:.0%}: %{x:.1%} answered, %{y:.2%} right<extra></extra>",
    )
    if some[at]:
        figure.add_scatter(
            x=[share[at]],
            y=[accuracy[at]],
            mode="markers",
            marker={"color": ORANGE, "size": 12, "symbol": "diamond", "line": {"width": 1.5, "color": "white"}},
            hoverinfo="skip",
        )
    figure.update_xaxes(title="share answered", tickformat=".0%")
    figure.update_yaxes(title="accuracy of the answers", tickformat=".1%")
    return _framed(figure)


def _framed(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(fixedrange=True, automargin=True, zeroline=False)
    figure.update_yaxes(fixedrange=True, automargin=True, zeroline=False)
    figure.update_layout(height=HEIGHT, margin={"l": 8, "r": 24, "t": 8, "b": 8}, showlegend=False)
    return figure
