"""The settings that a sweep varies: a list of values or a range for each, entered above the form of what all share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.hyperparameters import Hyperparameter, number
from core.optimizers import OPTIMIZERS
from core.sweep import race, space
from core.sweep.space import Dimension
from core.training.config import BATCH_SIZE
from dashboard import address, fields, forms
from dashboard.views.sweep.wording import label, value_in_words
from dashboard.words import literal

VALUES, RANGE = "Values", "Range"
_NAMES = "vary.names"
#: The settings that vary before anyone has chosen: those of the first map.
FIRST = ("lr", "batch_size")
#: Values that are worth trying, where the bounds of a setting say little of them.
_USUAL: dict[str, tuple[Any, ...]] = {
    "batch_size": (32, 64, 128, 256, 512, 1024),
    "epochs": (1, 2, 5, 10),
    "warmup_steps": (0, 100, 500),
    "validation_split": (0.1, 0.2, 0.4),
    "seed": (0, 1, 2, 3, 4),
    "weight_decay": (0.0, 1e-5, 1e-4, 1e-3, 1e-2),
    "train_images": (100, 1000, 10_000),
    "label_noise": (0.0, 0.1, 0.2, 0.4),
    "label_smoothing": (0.0, 0.05, 0.1, 0.2),
    "patience": (0, 1, 2, 4),
    "optimizer": ("sgd", "momentum", "rmsprop", "adam"),
    "schedule": ("constant", "exponential", "cosine", "one_cycle"),
}
_STATE = address.State("vary.", {})


@dataclass(frozen=True)
class _Usual:
    """Values that a setting varies over unless others are entered: a list, and a range where it can have one."""

    kind: str
    values: tuple[Any, ...]
    low: float = 0.0
    high: float = 0.0
    log: bool = False


def names() -> list[str]:
    """Return the varied settings that exist with the form's optimizer and schedule."""
    kept: Sequence[str] = st.session_state.setdefault(_NAMES, FIRST)
    return [name for name in kept if _row(name)]


def fill(dimensions: Sequence[Dimension]) -> None:
    """Let these settings vary, over these values; in a callback, or before the form is drawn."""
    st.session_state[_NAMES] = tuple(dimension.name for dimension in dimensions)
    for dimension in dimensions:
        name = dimension.name
        _STATE[f"{name}.kind"] = RANGE if dimension.is_range else VALUES
        if dimension.is_range:
            for end in ("low", "high", "points"):
                _STATE[f"{name}.{end}"] = number(getattr(dimension, end))
            _STATE[f"{name}.log"] = dimension.log
        else:
            _STATE[f"{name}.values"] = _entered(name, dimension.values)


def texts() -> list[str]:
    """Return the varied settings as ``core.sweep.text`` reads them."""
    return [_text(name) for name in names()]


def vary_button(name: str) -> None:
    """Draw the button below a field of the form that lets its setting vary."""
    if name != "device":
        st.button(
            "vary",
            key=f"vary.on.{name}",
            type="tertiary",
            help=f"Vary the {literal(label(name).lower())}: several values, or a range.",
            on_click=_vary,
            args=(name,),
        )


def _vary(name: str) -> None:
    """Let a setting vary; a callback. What was entered for it may be wrong, and is not shown any more."""
    st.session_state[_NAMES] = (*names(), name)
    if not forms.read().config and (row := _row(name)) and name == row.name:
        forms.put(name, row.default)


def _fix(name: str) -> None:
    st.session_state[_NAMES] = tuple(own for own in names() if own != name)


def _row(name: str) -> Hyperparameter | None:
    """Return what the registries say of a setting; None where the form's choices do not have it."""
    optimizers = _entered_list("optimizer") if "optimizer" in _kept() else [forms.optimizer()]
    schedules = _entered_list("schedule") if "schedule" in _kept() else [forms.schedule()]
    try:
        return space.rows(name, optimizers, schedules)[0]
    except ValueError:
        return None


def _kept() -> Sequence[str]:
    kept: Sequence[str] = st.session_state.get(_NAMES, FIRST)
    return kept


def _entered_list(name: str) -> list[str]:
    return list(_STATE.get(f"{name}.values", list(_USUAL[name])))


def _usual(name: str, row: Hyperparameter) -> _Usual:
    """Return what a setting varies over at first, by its registry's bounds."""
    if name == "lr":
        rate = OPTIMIZERS[forms.optimizer()].lr
        rates = tuple(race.rates_around(rate))
        return _Usual(RANGE, rates, float(f"{rate / 100:.3g}"), min(row.high, float(f"{rate * 100:.3g}")), True)
    if isinstance(row.default, bool):
        return _Usual(VALUES, ("false", "true"))
    if row.choices:
        return _Usual(VALUES, _USUAL.get(name, row.choices))
    if isinstance(row.default, (tuple, str)):
        return _Usual(VALUES, (row.default,))
    low, high = row.low, row.high
    if not math.isfinite(high) or high > 1000 * max(row.default, 1):
        low, high = max(low, row.default / 10), max(row.default, 0.1) * 10
    high = high - (high - low) / 100 if row.open_high else high
    low = low + (high - low) / 100 if row.open_low else low
    low, high = (round(end) if isinstance(row.default, int) else float(f"{end:.3g}") for end in (low, high))
    values = _USUAL.get(name, (low, row.default, high))
    low, high = (min(values), max(values)) if name in _USUAL else (low, high)
    kind = VALUES if name in _USUAL else RANGE
    return _Usual(kind, tuple(dict.fromkeys(values)), low, high, low > 0 and high >= 100 * low)


def _entered(name: str, values: Sequence[Any]) -> Any:
    """Return values as their widget holds them: a list of words, or text."""
    row = _row(name)
    if (row and (row.choices or isinstance(row.default, bool))) or name == "batch_size":
        return [number(value).lower() if isinstance(value, bool) else number(value) for value in values]
    between = "; " if row and isinstance(row.default, tuple) else ", "
    return between.join(map(number, values))


def editor(name: str) -> None:
    """Draw the values or the range of a varied setting."""
    row = _row(name)
    assert row
    usual = _usual(name, row)
    ranged = not (row.choices or isinstance(row.default, (bool, tuple, str)))
    words = label(name)
    with st.container(border=True, gap="xsmall", key=f"varied-{name}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{literal(words)}**")
            if ranged:
                st.segmented_control(
                    f"{literal(words)}: list or range",
                    required=True,
                    label_visibility="collapsed",
                    **_STATE.many(f"{name}.kind", [RANGE, VALUES], usual.kind),
                )
            st.button(
                "",
                icon=":material/close:",
                key=f"vary.off.{name}",
                type="tertiary",
                help=f"Do not vary the {literal(words.lower())}.",
                on_click=_fix,
                args=(name,),
            )
        if ranged and _STATE.get(f"{name}.kind", usual.kind) == RANGE:
            low, high, points = st.columns(3, wrap=False)
            low.text_input("From", **_STATE.text(f"{name}.low", number(usual.low)), help=fields.help_text(row))
            high.text_input("To", **_STATE.text(f"{name}.high", number(usual.high)))
            points.text_input(
                "Steps", **_STATE.text(f"{name}.points", number(space.POINTS.default)), help=space.POINTS.help
            )
            st.checkbox("Logarithmic", **_STATE.text(f"{name}.log", usual.log))
        else:
            _values(name, row, usual)


def _values(name: str, row: Hyperparameter, usual: _Usual) -> None:
    default = _entered(name, usual.values)
    arguments: dict[str, Any] = {"label_visibility": "collapsed"}
    if isinstance(default, list):
        known = list(forms.BATCH_SIZES) if row is BATCH_SIZE else list(row.choices) or default
        st.multiselect(
            f"{literal(label(name))}: values",
            **_STATE.many(
                f"{name}.values", list(dict.fromkeys([*known, *_STATE.get(f"{name}.values", default)])), default
            ),
            format_func=lambda value: _option(name, row, value),
            accept_new_options=row is BATCH_SIZE,
            **arguments,
        )
    else:
        st.text_input(
            f"{literal(label(name))}: values",
            **_STATE.text(f"{name}.values", default),
            help=fields.help_text(row),
            **arguments,
        )


def _option(name: str, row: Hyperparameter, value: str) -> str:
    return value_in_words(name, value == "true") if isinstance(row.default, bool) else value_in_words(name, value)


def _text(name: str) -> str:
    """Return a varied setting as ``core.sweep.text`` reads it."""
    row = _row(name)
    assert row
    usual = _usual(name, row)
    if _STATE.get(f"{name}.kind", usual.kind) == RANGE:
        low, high = (_STATE.get(f"{name}.{end}", number(getattr(usual, end))) for end in ("low", "high"))
        points = _STATE.get(f"{name}.points", number(space.POINTS.default))
        log = ":log" if _STATE.get(f"{name}.log", usual.log) else ""
        return f"{name}={low}:{high}{log}:{points}"
    entered = _STATE.get(f"{name}.values", _entered(name, usual.values))
    return f"{name}={','.join(entered) if isinstance(entered, list) else entered}"
