"""Pure functions: data in, plotly Figure out. Colours and fonts come from the theme."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.analysis.diagnostics import LAYERS, Diagnosis
from core.analysis.lr_finder import RateCurve
from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from dashboard.colors import HUES, OPTIMIZER_COLORS, OPTIMIZER_DASHES

PREVIEW_POINTS, PREVIEW_HEIGHT = 400, 130
STRIP_HEIGHT, RANGE_HEIGHT, SMALL_HEIGHT = 240, 280, 210


def schedule_preview(config: RunConfig | None) -> go.Figure:
    """The learning rate at each step, in epochs; nothing without a config.

    A schedule that reacts to the loss is shown for a loss that never improves.
    """
    figure = go.Figure()
    if config:
        span = config.span
        history = [((epoch + 1) * span.steps_per_epoch, 1.0) for epoch in range(span.epochs)]
        schedule = config.schedule_spec.create(config.lr, span, history, config.warmup_steps, **config.schedule_params)
        steps = np.unique(np.linspace(0, span.steps - 1, PREVIEW_POINTS).astype(int))
        rates = np.array([schedule(int(step)) for step in steps])
        figure.add_scatter(
            x=steps / span.steps_per_epoch,
            y=rates,
            mode="lines",
            line={"width": 2},
            hovertemplate="epoch %{x:.2f}: %{y:.3g}<extra></extra>",
        )
        figure.update_xaxes(range=[0, span.epochs])
        figure.update_yaxes(range=[0, 1.08 * float(rates.max())])
    figure.update_layout(height=PREVIEW_HEIGHT, margin={"l": 4, "r": 4, "t": 8, "b": 4}, showlegend=False)
    figure.update_xaxes(title={"text": "epoch", "standoff": 2}, fixedrange=True, automargin=True, nticks=6)
    figure.update_yaxes(fixedrange=True, automargin=True, nticks=4, rangemode="tozero", exponentformat="power")
    if not config:
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
    return figure


def sensitivity(results: Sequence[tuple[RunConfig, float | None]], best: Mapping[str, float]) -> go.Figure:
    """Accuracy against learning rate, a line an optimizer, its best rate ringed; a run without accuracy is left out."""
    figure = go.Figure()
    for optimizer in dict.fromkeys(config.optimizer for config, _ in results):
        points = sorted((c.lr, a) for c, a in results if c.optimizer == optimizer and a is not None)
        ringed = [rate == best.get(optimizer) for rate, _ in points]
        figure.add_scatter(
            x=np.array([rate for rate, _ in points]),
            y=np.array([accuracy for _, accuracy in points]),
            name=OPTIMIZERS[optimizer].label,
            mode="lines+markers",
            line={"color": OPTIMIZER_COLORS[optimizer], "dash": OPTIMIZER_DASHES[optimizer], "width": 2},
            marker={
                "size": [13 if ring else 6 for ring in ringed],
                "symbol": ["circle-open" if ring else "circle" for ring in ringed],
                "line": {"width": 3},
            },
            hovertemplate="rate %{x:.3g}: %{y:.2%}",
        )
    figure.update_layout(
        height=STRIP_HEIGHT,
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(
        type="log",
        title={"text": "learning rate", "standoff": 2},
        automargin=True,
        fixedrange=True,
        dtick=1,
        tickformat="~g",
    )
    figure.update_yaxes(tickformat=".0%", automargin=True, fixedrange=True, nticks=5)
    if not any(accuracy is not None for _, accuracy in results):
        rates = [config.lr for config, _ in results]
        figure.update_xaxes(range=np.log10([min(rates) / 2, max(rates) * 2]))
        figure.update_yaxes(range=[0.8, 1])
    return figure


def rate_curve(seen: RateCurve) -> go.Figure:
    """Loss against learning rate, the suggested rates marked."""
    figure = go.Figure()
    thin = {"width": 1, "color": HUES[0]}
    figure.add_scatter(x=seen.rates, y=seen.losses, mode="lines", line=thin, opacity=0.35, name="each step")
    figure.add_scatter(
        x=seen.rates, y=seen.smoothed, mode="lines", line={"width": 2.5, "color": HUES[0]}, name="smoothed"
    )
    marks = ((seen.steepest, "steepest", HUES[2]), (seen.tenth, "a tenth of the minimum's", HUES[1]))
    for rate, name, color in marks:
        if rate is not None:
            figure.add_vline(x=rate, line={"color": color, "width": 2, "dash": "dash"})
            # An annotation's place on a logarithmic axis is the logarithm.
            figure.add_annotation(
                x=float(np.log10(rate)),
                y=1,
                yref="paper",
                text=f" {name}: {rate:g} ",
                font={"color": color},
                showarrow=False,
                xanchor="left" if rate == max(filter(None, (seen.steepest, seen.tenth))) else "right",
                yanchor="top",
            )
    finite = seen.smoothed[np.isfinite(seen.smoothed)]
    figure.update_layout(height=RANGE_HEIGHT, margin={"l": 4, "r": 4, "t": 8, "b": 4}, showlegend=False)
    figure.update_xaxes(
        type="log", title={"text": "learning rate", "standoff": 2}, automargin=True, dtick=1, tickformat="~g"
    )
    figure.update_yaxes(
        title="loss", automargin=True, range=[0.6 * float(finite.min()), 1.5 * float(finite[0])], nticks=6
    )
    return figure


def diagnosis_figures(diagnoses: Sequence[Diagnosis], rates: np.ndarray) -> list[tuple[str, go.Figure]]:
    """What was measured over the steps of a run, a figure a quantity: its title, and the figure.

    Args:
        rates: (n,) the learning rate at each diagnosis.
    """
    steps = np.array([d.step for d in diagnoses])
    ratios = [d.update_ratios or (np.nan, np.nan) for d in diagnoses]
    return [
        (
            "Sharpness, and 2 / learning rate",
            _curves(
                steps,
                {"sharpness": np.array([d.sharpness for d in diagnoses]), "2 / rate": 2 / np.maximum(rates, 1e-12)},
                dashed="2 / rate",
            ),
        ),
        ("Dead hidden units, of 128", _curves(steps, {"dead": np.array([d.dead for d in diagnoses])}, log=False)),
        (
            "Length of the gradient",
            _curves(steps, {name: np.array([d.gradient_norms[i] for d in diagnoses]) for i, name in enumerate(LAYERS)}),
        ),
        (
            "Length of a step / length of the weights",
            _curves(steps, {name: np.array([ratio[i] for ratio in ratios]) for i, name in enumerate(LAYERS)}),
        ),
    ]


def _curves(steps: np.ndarray, curves: Mapping[str, np.ndarray], dashed: str = "", log: bool = True) -> go.Figure:
    figure = go.Figure()
    for (name, values), color in zip(curves.items(), HUES, strict=False):
        figure.add_scatter(
            x=steps,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2, "dash": "dash" if name == dashed else "solid"},
            marker={"size": 5},
            hovertemplate="%{y:.3~g}",
        )
    figure.update_layout(
        height=SMALL_HEIGHT,
        margin={"l": 4, "r": 4, "t": 8, "b": 4},
        hovermode="x unified",
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        showlegend=len(curves) > 1,
    )
    figure.update_xaxes(title={"text": "step", "standoff": 2}, automargin=True, tickformat=",d", nticks=6)
    figure.update_yaxes(
        automargin=True, tickformat="~g", rangemode="tozero", nticks=3 if log else 5, type="log" if log else "linear"
    )
    return figure
