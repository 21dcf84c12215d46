"""The figure of a map: cells coloured by their result, on the scales of the two settings, epoch by epoch."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.hyperparameters import number
from core.sweep.space import Dimension, Space
from core.sweep.view import Trial, View
from dashboard import plots
from dashboard.colors import GREY, PINK, RED
from dashboard.views.sweep.wording import EARLY, axis_value, choice, label
from dashboard.words import loss, percent

Figure = go.Figure
HEIGHT = 480
#: Colours span at most so much of the accuracy below the best, or of the loss above it: the rest has the last colour.
SPAN = {"accuracy": 0.1, "loss": 0.5}
#: Settings that are even in their logarithm.
#: States of a trial whose figure is not compared with others': it ended where nobody judged it.
CUT_OFF = ("stopped", "failed")
#: Ratios of rate to batch size that have a line, at most.
MOST_RATIOS = 6


def axes(space: Space) -> tuple[Dimension, Dimension]:
    """Return the dimension of the rows and that of the columns: a learning rate is along the columns."""
    one, other = space.dimensions
    return (other, one) if one.name == "lr" else (one, other)


def values(dimension: Dimension, trials: Sequence[Trial]) -> list[Any]:
    """Return the values that a dimension's axis has: a grid's all, and those that were tried."""
    tried = {trial.chosen[dimension.name] for trial in trials if dimension.name in trial.chosen}
    own = list(dimension.ladder)
    more = [value for value in tried if value not in own]
    if dimension.ordered:
        return sorted({*own, *tried}) if not dimension.is_range or tried <= {*own} else sorted(tried)
    return own + more


def logarithmic(dimension: Dimension, own: Sequence[Any]) -> bool:
    """Return True if the axis of these values is logarithmic."""
    return dimension.ordered and min(own) > 0 and (dimension.log or dimension.name in plots.LOGARITHMIC)


def at_epoch(trial: Trial, epoch: int, figure_of: str) -> float | None:
    """Return a trial's figure after an epoch, or its latest before that; None for one that diverged or has none."""
    if trial.state in ("diverged", "failed") and trial.epochs < epoch:
        return None
    own = trial.losses if figure_of == "loss" else trial.accuracies
    return own[min(epoch, len(own)) - 1] if own else None


def figure(sweep: View, figure_of: str) -> go.Figure:
    """Plot the map.

    Args:
        sweep: of two settings.
        figure_of: "accuracy" or "loss", on the validation images.
    """
    y, x = axes(sweep.settings.space)
    rows, columns = values(y, sweep.trials), values(x, sweep.trials)
    # A setting that does not exist beside the other one has no place on the map.
    cells = {
        (rows.index(trial.chosen[y.name]), columns.index(trial.chosen[x.name])): trial
        for trial in sweep.trials
        if y.name in trial.chosen and x.name in trial.chosen
    }
    epochs = max((trial.epochs for trial in sweep.trials), default=0)
    grids, ended = (
        [_grid(own, (len(rows), len(columns)), epoch, figure_of) for epoch in range(1, max(1, epochs) + 1)]
        for own in (cells, {place: trial for place, trial in cells.items() if trial.state not in CUT_OFF})
    )
    across, along = [axis_value(x, v) for v in columns], [axis_value(y, v) for v in rows]
    low, high, clipped = _span(grids[-1], figure_of)
    chart = go.Figure()
    chart.add_heatmap(
        x=across,
        y=along,
        z=_lists(grids[-1]),
        zmin=low,
        zmax=high,
        colorscale="Viridis" if figure_of == "accuracy" else "Viridis_r",
        colorbar=_bar(figure_of, low, high, clipped),
        customdata=_of_cells(cells, grids[0].shape, lambda trial: trial.runs[0] if trial.runs else ""),
        hovertext=_hover(cells, grids[0].shape, max(1, epochs), figure_of),
        hoverinfo="text",
        name=f"validation {figure_of}",
        xgap=1,
        ygap=1,
    )
    ridges = [_ridge(grid, across, along, figure_of) for grid in ended]
    ridge_at = len(chart.data)
    if len(columns) > 1 and len(rows) > 1:
        chart.add_scatter(
            **ridges[-1],
            mode="lines+markers",
            # A colour that neither the map nor a light or dark legend has.
            line={"color": PINK, "width": 2.5},
            marker={"size": 8, "color": "#ffffff", "line": {"color": PINK, "width": 2}},
            name=f"best {label(x.name).lower()} for each {label(y.name).lower()}",
            hoverinfo="skip",
        )
    _marks(chart, cells, across, along)
    if {x.name, y.name} == {"lr", "batch_size"} and x.ordered and y.ordered:
        _ratios(chart, x, columns, rows)
    if epochs > 1:
        _dress(chart, cells, grids, ridges, ridge_at, figure_of)
    for axis, dimension, own in ((chart.update_xaxes, x, columns), (chart.update_yaxes, y, rows)):
        axis(**_axis(dimension, own))
    margin, meta = {"l": 8, "r": 8, "t": 8, "b": 8}, {"z": f"validation {figure_of}"}
    return plots.framed(chart, HEIGHT, margin=margin, showlegend=True, legend=plots.LEGEND_ABOVE, meta=meta)


def _grid(cells: dict[tuple[int, int], Trial], shape: tuple[int, int], epoch: int, figure_of: str) -> NDArray[Any]:
    grid = np.full(shape, np.nan)
    for place, trial in cells.items():
        value = at_epoch(trial, epoch, figure_of)
        grid[place] = np.nan if value is None else value
    return grid


def _lists(grid: NDArray[Any]) -> list[list[float | None]]:
    """Return a grid as JSON has it: what is not known is None."""
    return [[None if math.isnan(value) else value for value in row] for row in grid.tolist()]


def _of_cells(cells: dict[tuple[int, int], Trial], shape: tuple[int, ...], write: Any) -> list[list[str]]:
    return [[write(cells[i, j]) if (i, j) in cells else "" for j in range(shape[1])] for i in range(shape[0])]


def _hover(cells: dict[tuple[int, int], Trial], shape: tuple[int, ...], epoch: int, figure_of: str) -> list[list[str]]:
    def write(trial: Trial) -> str:
        value, after = at_epoch(trial, epoch, figure_of), min(epoch, trial.epochs)
        if value is None:
            return f"{choice(trial.chosen)}<br>{'training' if trial.state == 'running' else trial.state}"
        words = loss(value) if figure_of == "loss" else percent(value)
        early = {**EARLY, "diverged": ", diverged later"}.get(trial.state, "")
        return f"{choice(trial.chosen)}<br><b>{words}</b> after epoch {after}{early}"

    return _of_cells(cells, shape, write)


def _span(grid: NDArray[Any], figure_of: str) -> tuple[float, float, bool]:
    """Return the ends of the colours, and whether figures beyond the worse end have its colour."""
    known = grid[np.isfinite(grid)]
    if not len(known):
        return 0.0, 1.0, False
    low, high = float(known.min()), float(known.max())
    if figure_of == "accuracy":
        end = max(low, high - SPAN["accuracy"])
        return (end, high, end > low) if end < high else (high - 0.01, high, False)
    end = min(high, low + SPAN["loss"])
    return (low, end, end < high) if low < end else (low, low + 0.01, False)


def _bar(figure_of: str, low: float, high: float, clipped: bool) -> dict[str, Any]:
    """Return the colour bar."""
    return {
        **ticks(figure_of, low, high, clipped),
        "title": {"text": f"validation {figure_of}", "side": "right"},
        "thickness": 14,
        "outlinewidth": 0,
    }


def ticks(figure_of: str, low: float, high: float, clipped: bool) -> dict[str, Any]:
    """Return the ticks of a scale: five numbers, and at an end that stands for more, a sign that says so."""
    places = np.linspace(low, high, 5)
    words = [percent(tick, 1) if figure_of == "accuracy" else loss(tick) for tick in places]
    if clipped:
        worst = 0 if figure_of == "accuracy" else 4
        words[worst] = f"{'≤' if figure_of == 'accuracy' else '≥'} {words[worst]}"
    return {"tickvals": places, "ticktext": words}


def _ridge(grid: NDArray[Any], across: Sequence[Any], along: Sequence[Any], figure_of: str) -> dict[str, list[Any]]:
    """Return the place of the best column of each row that has two figures or more."""
    sign = 1 if figure_of == "accuracy" else -1
    best = [
        (across[int(np.nanargmax(sign * row))], along[i])
        for i, row in enumerate(grid)
        if np.isfinite(row).sum() > 1
    ]  # fmt: skip
    return {"x": [x for x, _ in best], "y": [y for _, y in best]}


#: By the trial's state: the mark of a cell, its colour and its name in the legend.
_MARKS = {
    "diverged": ("x", RED, "diverged"),
    "failed": ("diamond", RED, "failed"),
    "running": ("circle-open", GREY, "training"),
    "pruned": ("line-ew-open", PINK, "stopped early"),
    "stopped": ("line-ns-open", PINK, "stopped"),
}


def _marks(chart: go.Figure, cells: dict[tuple[int, int], Trial], across: Sequence[Any], along: Sequence[Any]) -> None:
    for state, (symbol, color, name) in _MARKS.items():
        own = [(across[j], along[i], trial) for (i, j), trial in cells.items() if trial.state == state]
        if own:
            chart.add_scatter(
                x=[x for x, _, _ in own],
                y=[y for _, y, _ in own],
                customdata=[trial.runs[0] if trial.runs else "" for _, _, trial in own],
                mode="markers",
                marker={"symbol": symbol, "color": color, "size": 10, "line": {"width": 2}},
                name=f"{name} ({len(own)})",
                text=[choice(trial.chosen) for _, _, trial in own],
                hovertemplate=f"%{{text}}<br>{name}<extra></extra>",
            )


def _ratios(chart: go.Figure, x: Dimension, columns: Sequence[Any], rows: Sequence[Any]) -> None:
    """Draw lines along which rate / batch size is the same, a power of ten each."""
    rates, batches = (columns, rows) if x.name == "lr" else (rows, columns)
    first = math.ceil(math.log10(min(rates) / max(batches)))
    powers = [10.0**k for k in range(first, math.floor(math.log10(max(rates) / min(batches))) + 1)]
    xs: list[float | None] = []
    ys: list[float | None] = []
    for ratio in powers[:: max(1, -(-len(powers) // MOST_RATIOS))]:
        # Where the line enters and leaves the map.
        ends = sorted((max(min(rates), ratio * min(batches)), min(max(rates), ratio * max(batches))))
        line = [(rate, rate / ratio) for rate in ends]
        pairs = line if x.name == "lr" else [(batch, rate) for rate, batch in line]
        xs += [*(float(a) for a, _ in pairs), None]
        ys += [*(float(b) for _, b in pairs), None]
    chart.add_scatter(
        x=xs, y=ys, mode="lines", line={"color": GREY, "dash": "dot", "width": 1.5}, hoverinfo="skip",
        name="equal rate / batch size",
    )  # fmt: skip


def _axis(dimension: Dimension, own: Sequence[Any]) -> dict[str, Any]:
    name = label(dimension.name).lower()
    log = logarithmic(dimension, own)
    axis: dict[str, Any] = {"title": {"text": f"{name} (logarithmic)" if log else name, "standoff": 4}}
    axis |= {"fixedrange": True, "showgrid": False, "zeroline": False}
    if not dimension.ordered:
        return {**axis, "type": "category"}
    ticks = own if len(own) <= 12 else own[:: -(-len(own) // 12)]
    axis |= {"tickvals": [float(value) for value in ticks], "ticktext": [number(value) for value in ticks]}
    return {**axis, "type": "log" if log else "linear"}


def _dress(
    chart: go.Figure,
    cells: dict[tuple[int, int], Trial],
    grids: Sequence[NDArray[Any]],
    ridges: Sequence[dict[str, list[Any]]],
    ridge_at: int,
    figure_of: str,
) -> None:
    """Add a frame per epoch, the slider and its play button. The colours stay those of the last epoch."""
    ridged = min(grids[0].shape) > 1
    chart.frames = [
        go.Frame(
            name=str(epoch),
            data=[
                {"type": "heatmap", "z": _lists(grid), "hovertext": _hover(cells, grid.shape, epoch, figure_of)},
                *([{"type": "scatter", **ridge}] if ridged else []),
            ],
            traces=[0, *([ridge_at] if ridged else [])],
        )
        for epoch, (grid, ridge) in enumerate(zip(grids, ridges, strict=True), 1)
    ]
    epochs = {str(epoch): str(epoch) for epoch in range(1, len(grids) + 1)}
    chart.update_layout(plots.player(epochs, "after epoch ", 700, True, 0.12, 56))
