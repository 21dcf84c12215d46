"""Parallel coordinates: one line per run, through its settings to its results."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.hyperparameters import number
from core.sweep.race import differing
from core.training.config import RunConfig
from dashboard import fields
from dashboard.words import in_words

HEIGHT = 360
#: Settings drawn on a logarithmic axis if all values are above 0.
_LOGARITHMIC = ("lr", "weight_decay", "batch_size")


def parallel(
    configs: Sequence[RunConfig], results: Mapping[str, Sequence[float | None]], colors: Sequence[str]
) -> go.Figure:
    """Plot the settings in which the runs differ, then their results.

    Args:
        configs: of n runs, at least one.
        results: by title, one figure per run; a run without it is drawn at the bottom of that axis.
        colors: hexadecimal, one per run.
    """
    axes: list[dict[str, Any] | None] = [_setting_axis(name, configs) for name in differing(configs)]
    axes += [_result_axis(title, values) for title, values in results.items()]
    n = len(colors)
    shades = (
        [(i / max(n - 1, 1), color) for i, color in enumerate(colors)] if n > 1 else [(0, colors[0]), (1, colors[0])]
    )
    figure = go.Figure(
        go.Parcoords(
            line={"color": np.arange(n, dtype=float), "colorscale": shades, "cmin": 0, "cmax": max(n - 1, 1)},
            dimensions=[axis for axis in axes if axis],
            labelangle=0,
            unselected={"line": {"opacity": 0.08}},
        )
    )
    figure.update_layout(height=HEIGHT, margin={"l": 92, "r": 56, "t": 56, "b": 24})
    return figure


def _setting_axis(name: str, configs: Sequence[RunConfig]) -> dict[str, Any]:
    settings = [getattr(config, name) for config in configs]
    label = fields.label(name)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in settings):
        values = np.array(settings, dtype=float)
        if name in _LOGARITHMIC and values.min() > 0:
            values = np.log10(values)
        marks = dict(sorted(zip(values.tolist(), map(number, settings), strict=True)))
        if len(marks) <= 8:
            return _axis(label, values, list(marks), list(marks.values()))
        return _axis(label, values, None, None)
    words = [_word(name, value) for value in settings]
    kinds = sorted(set(words))
    places = np.array([kinds.index(word) for word in words], dtype=float)
    return _axis(label, places, list(range(len(kinds))), kinds)


def _word(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {in_words(key, part)}" for key, part in value.items()) or "usual"
    return in_words(name, value)


def _result_axis(title: str, values: Sequence[float | None]) -> dict[str, Any] | None:
    """Axis of a result; None if no run has it."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    low = min(known)
    places = np.array([low if value is None or not math.isfinite(value) else value for value in values])
    share = "accuracy" in title.lower()
    return {**_axis(title, places, None, None), "tickformat": ".2%" if share else ".3~g"}


def _axis(label: str, values: np.ndarray, places: list[float] | None, words: list[str] | None) -> dict[str, Any]:
    low, high = float(values.min()), float(values.max())
    edge = 0.0 if high > low else max(abs(low), 1.0) * 0.01
    axis: dict[str, Any] = {"label": label, "values": values, "range": [low - edge, high + edge]}
    return axis if places is None else {**axis, "tickvals": places, "ticktext": words}
