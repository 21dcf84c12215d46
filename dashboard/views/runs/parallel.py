"""Parallel coordinates: one line per run, through its settings to its results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.hyperparameters import number
from core.runs.export import finite
from core.sweep.race import differing
from core.training.config import RunConfig
from dashboard import fields
from dashboard.plots import LOGARITHMIC
from dashboard.words import in_words

HEIGHT = 360
#: The share of an axis that a number on it fills.
ROOM = 0.04


def parallel(
    configs: Sequence[RunConfig], results: Mapping[str, Sequence[float | None]], colors: Sequence[str]
) -> go.Figure:
    """Plot the settings in which the runs differ, then their results.

    Args:
        configs: of n runs, at least one.
        results: by title, one figure per run; a run without it is drawn at the bottom of that axis, and saved without.
        colors: hexadecimal, one per run.
    """
    settings = {name: [_told(name, getattr(config, name)) for config in configs] for name in differing(configs)}
    known: dict[str, list[float | None]] = finite(results)
    axes = [_setting_axis(name, values) for name, values in settings.items()]
    axes += [_result_axis(title, values) for title, values in known.items() if any(v is not None for v in values)]
    n = len(colors)
    shades = (
        [(i / max(n - 1, 1), color) for i, color in enumerate(colors)] if n > 1 else [(0, colors[0]), (1, colors[0])]
    )
    figure = go.Figure(
        go.Parcoords(
            line={"color": np.arange(n, dtype=float), "colorscale": shades, "cmin": 0, "cmax": max(n - 1, 1)},
            dimensions=axes,
            meta={**{fields.label(name): values for name, values in settings.items()}, **known},
            labelangle=0,
            unselected={"line": {"opacity": 0.08}},
        )
    )
    figure.update_layout(height=HEIGHT, margin={"l": 92, "r": 56, "t": 56, "b": 24})
    return figure


def _setting_axis(name: str, settings: Sequence[Any]) -> dict[str, Any]:
    label = fields.label(name)
    if not any(isinstance(value, str) for value in settings):
        values = np.array(settings, dtype=float)
        if name in LOGARITHMIC and values.min() > 0:
            values = np.log10(values)
        marks = dict(sorted(zip(values.tolist(), map(number, settings), strict=True)))
        if len(marks) <= 8:
            marks = _apart(marks)
            return _axis(label, values, list(marks), list(marks.values()))
        return _axis(label, values, None, None)
    # Numbers in their order, and words behind them.
    kinds = sorted(set(settings), key=lambda value: (isinstance(value, str), value))
    places = np.array([kinds.index(value) for value in settings], dtype=float)
    return _axis(label, places, list(range(len(kinds))), list(map(number, kinds)))


def _apart(marks: Mapping[float, str]) -> dict[float, str]:
    """Leave out the marks whose numbers would lie over others; the ends stay."""
    places = sorted(marks)
    room = ROOM * (places[-1] - places[0])
    kept = places[:1]
    for at in places[1:-1]:
        if at - kept[-1] >= room and places[-1] - at >= room:
            kept.append(at)
    return {at: marks[at] for at in (*kept, *places[1:][-1:])}


def _told(name: str, value: Any) -> Any:
    """Return a setting as a number, or in words where people read it so, as "all" for 0 training images."""
    word = _word(name, value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and word == number(value) else word


def _word(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {in_words(key, part)}" for key, part in value.items()) or "usual"
    return in_words(name, value)


def _result_axis(title: str, values: Sequence[float | None]) -> dict[str, Any]:
    low = min(value for value in values if value is not None)
    places = np.array([low if value is None else value for value in values])
    share = "accuracy" in title.lower()
    return {**_axis(title, places, None, None), "tickformat": ".2%" if share else ".3~g"}


def _axis(label: str, values: np.ndarray, places: list[float] | None, words: list[str] | None) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    edge = 0.0 if high > low else max(abs(low), 1.0) * 0.01
    axis: dict[str, Any] = {"label": label, "values": values, "range": [low - edge, high + edge]}
    return axis if places is None else {**axis, "tickvals": places, "ticktext": words}
