"""Figures of a sweep of many settings: history of the best, parallel coordinates, slices, a contour, importance.

Each draws the trials that are marked strongly and the others faintly.
"""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.hyperparameters import number
from core.sweep.importance import Importance
from core.sweep.space import Dimension
from core.sweep.view import Trial, View
from dashboard import plots
from dashboard.colors import BLUE, GREY, ORANGE
from dashboard.views.sweep.map_figure import logarithmic, ticks
from dashboard.views.sweep.wording import axis_value, choice, label, result, value_in_words

HISTORY, PARALLEL, SLICE, CONTOUR = 260, 380, 230, 380
#: Accuracies of colours and axes span at most so much below the best; lower ones stand at the edge.
SPAN = 0.1
#: Places of the contour in each direction.
_GRID = 40
_SCALE = "Viridis"
RESULT = "validation accuracy"


def scored(sweep: View) -> list[Trial]:
    """Return the trials that have a figure: all that have ended an epoch, those that diverged left out."""
    return [trial for trial in sweep.trials if trial.accuracies and trial.state not in ("diverged", "failed")]


def floor_of(trials: Sequence[Trial]) -> float:
    """Return the lowest accuracy that has a colour and a height of its own."""
    own = [trial.accuracy or 0.0 for trial in trials]
    return max(min(own), max(own) - SPAN)


def _is_below(trials: Sequence[Trial]) -> list[bool]:
    """For each trial, whether it stands at the edge since its accuracy is lower."""
    floor = floor_of(trials) if trials else 0.0
    return [(trial.accuracy or 0.0) < floor for trial in trials]


def _scale(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the ticks of a scale of accuracies, the lowest with a sign where it stands for more."""
    if not any(_is_below(trials)):
        return {"tickformat": ".1%"}
    return ticks("accuracy", floor_of(trials), max(trial.accuracy or 0.0 for trial in trials), True)


def history(sweep: View, marked: Collection[int]) -> go.Figure:
    """Plot each trial's accuracy in the order in which they began, and the best so far as a step line."""
    trials = scored(sweep)
    best = np.maximum.accumulate([(trial.accuracy or 0.0) if trial.state == "finished" else 0.0 for trial in trials])
    chart = go.Figure()
    _points(chart, trials, [trial.number + 1 for trial in trials], marked, BLUE, "settings")
    begun = [(trial.number + 1, float(b)) for trial, b in zip(trials, best, strict=True) if b > 0]
    chart.add_scatter(
        x=[x for x, _ in begun], y=[b for _, b in begun], mode="lines", name="best so far",
        line={"color": ORANGE, "width": 2, "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    # The legend would have the mark of the first setting, whichever that is.
    chart.add_scatter(
        x=[None], y=[None], mode="markers", name="settings", marker={"color": BLUE, "size": 8}, legendrank=1,
        meta=plots.REPEATED,
    )  # fmt: skip
    chart.update_xaxes(title={"text": "setting, in the order of their start", "standoff": 2})
    return _framed(chart, trials, HISTORY, showlegend=True, legend=plots.LEGEND_ABOVE)


def slices(sweep: View, dimension: Dimension, marked: Collection[int]) -> go.Figure:
    """Plot accuracy against one setting, whatever the others were."""
    trials = [trial for trial in scored(sweep) if dimension.name in trial.chosen]
    chart = go.Figure()
    places = [_value(dimension, trial) for trial in trials]
    _points(chart, trials, places, marked, BLUE, label(dimension.name))
    chart.update_xaxes(**_axis(dimension))
    return _framed(chart, trials, SLICE)


def _points(
    chart: go.Figure, trials: Sequence[Trial], x: Sequence[Any], marked: Collection[int], color: str, name: str
) -> None:
    floor = floor_of(trials) if trials else 0.0
    chosen = [i for i, trial in enumerate(trials) if trial.number in marked]
    chart.add_scatter(
        x=x,
        y=[max(floor, trial.accuracy or 0.0) for trial in trials],
        meta={"y": [trial.accuracy for trial in trials]},
        customdata=[str(trial.number) for trial in trials],
        text=[f"setting {trial.number + 1}: {choice(trial.chosen)}<br>{result(trial)}" for trial in trials],
        hovertemplate="%{text}<extra></extra>",
        mode="markers",
        name=name,
        showlegend=False,
        marker={
            "color": color,
            "size": 8,
            "symbol": [
                ("triangle-down" if below else "circle") + ("" if t.state == "finished" else "-open")
                for t, below in zip(trials, _is_below(trials), strict=True)
            ],
        },
        selectedpoints=chosen if marked else None,
        unselected={"marker": {"opacity": 0.15}},
    )


def _framed(chart: go.Figure, trials: Sequence[Trial], height: int, **layout: Any) -> go.Figure:
    low, high = (floor_of(trials), max(t.accuracy or 0.0 for t in trials)) if trials else (0.0, 1.0)
    edge = max(0.002, (high - low) * 0.05)
    title = RESULT + (f"<br>(▼ below {100 * low:.0f}%)" if any(_is_below(trials)) else "")
    chart.update_yaxes(title={"text": title}, tickformat=".1%", range=[low - edge, high + edge], fixedrange=True)
    chart.update_xaxes(fixedrange=True)
    return plots.framed(chart, height, dragmode="select", meta={"y": RESULT}, **layout)


def _value(dimension: Dimension, trial: Trial) -> Any:
    return axis_value(dimension, trial.chosen[dimension.name])


def _log(dimension: Dimension) -> bool:
    return logarithmic(dimension, dimension.ladder)


def _axis(dimension: Dimension) -> dict[str, Any]:
    name = label(dimension.name).lower()
    if not dimension.ordered:
        order = [value_in_words(dimension.name, value) for value in dimension.values]
        return {"title": {"text": name, "standoff": 2}, "type": "category", "categoryarray": order}
    log = _log(dimension)
    if not dimension.is_range:
        # The values that were listed: between them there is none, and powers of ten say nothing of 32 and 64.
        ticks = _ticks(dimension.ladder)
        return {
            "title": {"text": f"{name} (logarithmic)" if log else name, "standoff": 2},
            "type": "log" if log else "linear",
            "tickvals": [float(tick) for tick in ticks],
            "ticktext": [number(tick) for tick in ticks],
        }
    return {
        "title": {"text": f"{name} (logarithmic)" if log else name, "standoff": 2},
        **(
            {"type": "log", "tickformat": "~g", "dtick": 1}
            if log and dimension.ladder[-1] >= 100 * dimension.ladder[0]
            else {}
        ),
        **({"type": "log"} if log else {}),
    }


def _ticks(ladder: Sequence[Any]) -> Sequence[Any]:
    """Return at most nine of the values, which have room beside each other."""
    return ladder if len(ladder) <= 9 else ladder[:: -(-len(ladder) // 9)]


def parallel(sweep: View, marked: Collection[int]) -> go.Figure:
    """Plot a line per trial through its settings to its accuracy; of some that are marked elsewhere, only those."""
    trials = [trial for trial in scored(sweep) if not marked or trial.number in marked]
    floor = floor_of(trials) if trials else 0.0
    results = np.array([max(floor, trial.accuracy or 0.0) for trial in trials])
    # A setting that does not exist in a choice has its line at the bottom.
    dimensions = [
        _coordinate(d, [trial.chosen.get(d.name) for trial in trials]) for d in sweep.settings.space.dimensions
    ]
    dimensions.append({"label": RESULT.capitalize(), "values": results, **_scale(trials)})
    true = {
        label(d.name): [axis_value(d, trial.chosen[d.name]) if d.name in trial.chosen else None for trial in trials]
        for d in sweep.settings.space.dimensions
    }
    chart = go.Figure(
        go.Parcoords(
            line={
                "color": results,
                # The ends of _SCALE can't be seen as thin lines, one on a light page, one on a dark one.
                "colorscale": [(0, GREY), (1, BLUE)],
                "cmin": floor,
                "cmax": float(results.max(initial=floor)) + 1e-9,
            },
            dimensions=dimensions,
            meta={**true, RESULT.capitalize(): [trial.accuracy for trial in trials]},
            customdata=[str(trial.number) for trial in trials],
            labelangle=0,
            unselected={"line": {"opacity": 0.06}},
            uirevision=sweep.id,
        )
    )
    return chart.update_layout(height=PARALLEL, margin={"l": 92, "r": 56, "t": 56, "b": 24}, uirevision=sweep.id)


def _coordinate(dimension: Dimension, chosen: Sequence[Any]) -> dict[str, Any]:
    name, ladder = label(dimension.name), dimension.ladder
    if not dimension.ordered:
        words = [value_in_words(dimension.name, value) for value in dimension.values]
        places = [dimension.values.index(value) if value is not None else 0 for value in chosen]
        return {
            "label": name,
            "values": places,
            "tickvals": list(range(len(words))),
            "ticktext": words,
            "range": [0, len(words) - 1],
        }
    log = _log(dimension)
    scale = math.log10 if log else float
    at = [scale(value if value is not None else ladder[0]) for value in chosen]
    ticks = _ticks(ladder)
    return {
        "label": name,
        "values": at,
        "tickvals": [scale(tick) for tick in ticks],
        "ticktext": [number(tick) for tick in ticks],
        "range": [scale(ladder[0]), scale(ladder[-1])],
    }


def contour(sweep: View, x: Dimension, y: Dimension, marked: Collection[int]) -> go.Figure:
    """Plot the trials over two of their settings, on colours between them by inverse distances (Shepard 1968)."""
    trials = [trial for trial in scored(sweep) if x.name in trial.chosen and y.name in trial.chosen]
    chart = go.Figure()
    floor = floor_of(trials) if trials else 0.0
    results = np.array([max(floor, trial.accuracy or 0.0) for trial in trials])
    ends = {"zmin": floor, "zmax": float(results.max(initial=floor)) + 1e-9}
    if len(trials) > 3:
        at = np.array([[_share(x, trial.chosen[x.name]), _share(y, trial.chosen[y.name])] for trial in trials])
        shares = np.linspace(0, 1, _GRID)
        across, up = ((shares[:, None] - at[:, axis]) ** 2 for axis in (0, 1))
        squared = up[:, None] + across
        # The third power of each distance, in half the time that a power takes.
        weights = 1 / (squared * np.sqrt(squared) + 1e-4)
        chart.add_contour(
            x=[_at(x, share) for share in shares],
            y=[_at(y, share) for share in shares],
            z=weights @ results / weights.sum(-1),
            colorscale=_SCALE,
            contours={"coloring": "heatmap"},
            line={"width": 0.5},
            hoverinfo="skip",
            showscale=False,
            name="between the settings",
            meta=plots.REPEATED,
            **ends,
        )
    chosen = [i for i, trial in enumerate(trials) if trial.number in marked]
    chart.add_scatter(
        x=[_value(x, trial) for trial in trials],
        y=[_value(y, trial) for trial in trials],
        customdata=[str(trial.number) for trial in trials],
        text=[f"setting {trial.number + 1}: {choice(trial.chosen)}<br>{result(trial)}" for trial in trials],
        hovertemplate="%{text}<extra></extra>",
        mode="markers",
        name="settings",
        meta={"z": [trial.accuracy for trial in trials]},
        marker={
            "color": results, "colorscale": _SCALE, "cmin": ends["zmin"], "cmax": ends["zmax"], "size": 9,
            "line": {"color": "#ffffff", "width": 1},
            "colorbar": {
                "title": {"text": RESULT, "side": "right"}, "thickness": 14, "outlinewidth": 0,
                **_scale(trials),
            },
        },
        selectedpoints=chosen if marked else None,
        unselected={"marker": {"opacity": 0.15}},
    )  # fmt: skip
    chart.update_xaxes(**_axis(x), fixedrange=True)
    chart.update_yaxes(**_axis(y), fixedrange=True)
    return plots.framed(chart, CONTOUR, dragmode="select", meta={"z": RESULT})


def _share(dimension: Dimension, value: Any) -> float:
    """Return the share of the way along the axis as it is drawn."""
    ends = [dimension.ladder[0], dimension.ladder[-1], value]
    low, high, at = (math.log(end) for end in ends) if _log(dimension) else map(float, ends)
    return (at - low) / (high - low)


def _at(dimension: Dimension, share: float) -> float:
    low, high = float(dimension.ladder[0]), float(dimension.ladder[-1])
    return low * (high / low) ** share if _log(dimension) else low + (high - low) * share


def importance(rows: Sequence[Importance]) -> go.Figure:
    """Plot the settings' shares as bars, most important first, each with the range of its resamples."""
    own = rows[::-1]
    shares = np.array([row.share for row in own])
    chart = go.Figure(
        go.Bar(
            x=shares.tolist(),
            y=[label(row.name) for row in own],
            orientation="h",
            marker_color=BLUE,
            error_x={
                "type": "data", "symmetric": False, "color": GREY, "thickness": 1.5,
                "array": np.maximum(0, np.array([row.high for row in own]) - shares).tolist(),
                "arrayminus": np.maximum(0, shares - np.array([row.low for row in own])).tolist(),
            },
            customdata=[f"{100 * row.low:.0f} to {100 * row.high:.0f}%" for row in own],
            hovertemplate="%{y}: %{x:.0%}, over resamples %{customdata}<extra></extra>",
        )
    )  # fmt: skip
    chart.update_xaxes(
        tickformat=".0%", range=[0, 1], fixedrange=True, title={"text": "share of the importance", "standoff": 2}
    )
    chart.update_yaxes(fixedrange=True, ticksuffix="  ")
    return plots.framed(chart, 70 + 30 * len(own))
