"""Runs, configs, states and figures in words, the same on every page.

dashboard/components/shared/format.js is the twin in the browser; tests/fixtures/words.json holds the two equal.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, TypeGuard

import streamlit as st
from torch import nn

# Pages know it from here.
from core.hyperparameters import counted as counted
from core.hyperparameters import number
from core.optimizers import OPTIMIZERS
from core.runs import states
from core.runs.store import Run
from core.sweep.race import differing
from core.training.config import RunConfig
from core.training.network import Network
from core.training.schedules import SCHEDULES

#: The colour of a state's badge, in Streamlit's names.
STATE_COLORS = {
    "queued": "orange",
    "running": "blue",
    "paused": "orange",
    "finished": "green",
    "stopped": "gray",
    "diverged": "red",
    "failed": "red",
    "interrupted": "orange",
}
#: Test accuracy of a network that only guesses, at most: the commonest digit is 11.35% of the test digits.
_GUESSING = 0.12
#: A figure that is missing or not finite.
UNKNOWN = "–"  # noqa: RUF001
#: Places where Streamlit's Markdown would change plain text of its own accord, whatever is escaped in it: to a link, a
#: picture (``:smile:``), or a typographical sign (``->``, ``<=``, ``--``).
_AUTOMATIC = re.compile(
    r"(?<=:)(?=//|[\w+-][\w/+-]*:)|(?<=www)(?=\.)|(?<=\w)(?=@\w)|(?<=[<>~-])(?=[=>-])", re.IGNORECASE
)
#: It looks at each stretch of text by itself. A directive without content ends one, and is neither seen nor copied.
_APART = ":small[]"
_ALWAYS = ("lr", "batch_size", "epochs", "schedule")
_IF_CHANGED = (
    "optimizer_params",
    "schedule_params",
    "warmup_steps",
    "patience",
    "weight_decay",
    "label_smoothing",
    "augment",
    "shuffle",
    "loss",
    "validation_split",
    "train_images",
    "label_noise",
    "initialization",
    "seed",
    "device",
)
#: Choices of settings, by the setting's name, as people read them.
_CHOICES = {
    "device": {"auto": "automatic", "cpu": "CPU", "cuda": "GPU", "mps": "GPU"},
    "loss": {"cross_entropy": "cross-entropy", "mse": "mean squared error"},
    "shuffle": {"epoch": "every epoch", "once": "once", "none": "never", "by-label": "by label"},
    "initialization": {"glorot": "Glorot", "he": "He"},
    "bias_optimizer": {"adamw": "AdamW", "sgd": "SGD"},
    "line_search": {"strong_wolfe": "strong Wolfe", "none": "none"},
}
_PHRASES: dict[str, Any] = {
    "lr": "rate {}",
    "batch_size": "batch {}",
    "shuffle": "shuffled: {}",
    "initialization": "first weights: {}",
    "patience": "early-stopping patience {}",
}


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and isfinite(value)


def _rounded(value: float, digits: int) -> Decimal:
    """Round to so many decimals; ties away from 0 as in a browser, where Python's formats take the even digit."""
    return Decimal(float(value)).quantize(Decimal(1).scaleb(-digits), context=Context(prec=400, rounding=ROUND_HALF_UP))


def percent(share: float | None, digits: int = 2) -> str:
    """Return a share from 0 to 1 as percent: ``97.32%``; a dash for None."""
    return f"{_rounded(100 * share, digits)}%" if _known(share) else UNKNOWN


def interval(low: float, high: float) -> str:
    """Two shares from 0 to 1 as percent: ``97.00 to 97.61%``."""
    return f"{percent(low).removesuffix('%')} to {percent(high)}"


def probability(value: float) -> str:
    """Return a probability to a tenth of a percent, never rounded to certainty: at most ``> 99.9%``."""
    if value >= 0.9995:
        return "> 99.9%"
    return percent(value, 1) if value >= 0.0005 else "< 0.1%"


def loss(value: float | None) -> str:
    """Return a loss to four decimals, never rounded to 0, a large one to fewer, a huge one as a power of ten.

    A dash for None.

    >>> loss(0.0765), loss(123.45678), loss(5924.57), loss(1.25e8)
    ('0.0765', '123.5', '5,925', '1.25e8')
    """
    if not _known(value):
        return UNKNOWN
    if 0 < value < 0.00005:
        return "< 0.0001"
    size = abs(value)
    if size >= 1e6:
        short = Context(prec=3, rounding=ROUND_HALF_UP).create_decimal_from_float(value)
        return f"{short:.2e}".replace("e+", "e")
    return f"{_rounded(value, 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 4):,}"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that fits: ``2.1 s``, ``42 s``, ``13 min``, ``1.5 h``; a dash for None."""
    if not _known(seconds):
        return UNKNOWN
    if seconds < 10:
        return f"{_rounded(seconds, 1)} s"
    if seconds < 90:
        return f"{_rounded(seconds, 0)} s"
    return f"{_rounded(seconds / 60, 0)} min" if seconds < 5400 else f"{_rounded(seconds / 3600, 1)} h"


def size(count: int) -> str:
    """Bytes in the unit that fits: ``408 kB``, ``1.6 MB``."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def not_here(runs: int, models: int = 0) -> str:
    """Return a sentence on what a link names and the lab does not have, as numbers of runs and of models."""
    both = [counted(number, noun) for number, noun in ((runs, "run"), (models, "model")) if number]
    return f"This link names {' and '.join(both)} that this lab does not have."


def date_time(at: float | None) -> str:
    """Return a unix time in the visitor's own time zone: ``7 Nov 2026, 14:05``; "earlier" for None."""
    if at is None:
        return "earlier"
    local = _local(at)
    return f"{local.day} {local:%b %Y, %H:%M}"


def clock_time(at: float | None) -> str:
    """Return a unix time as a time of day in the visitor's time zone: ``14:05:09``."""
    return "earlier" if at is None else f"{_local(at):%H:%M:%S}"


def _local(at: float) -> datetime:
    # Streamlit tells the minutes from the visitor's clock to UTC, positive west of it.
    behind = st.context.timezone_offset or 0
    return datetime.fromtimestamp(at, timezone(-timedelta(minutes=behind)))


def run_title(run: Run) -> str:
    """Return the shortest name of a run: ``#12 my name``, or ``#12 Adam``."""
    return f"#{run.number} {run.name or run.config.optimizer_spec.label}"


def run_line(run: Run) -> str:
    """Return a run in one line: ``#12 my name``, or ``#12 Adam · rate 0.001 · batch 64``."""
    return f"#{run.number} {run.name or config_line(run.config)}"


def run_choice(run: Run) -> str:
    """Return a run in one line for a choice among runs, with its test accuracy once it is known."""
    return run_line(run) if run.test_accuracy is None else f"{run_line(run)} · {percent(run.test_accuracy)}"


def config_line(config: RunConfig) -> str:
    """Return a config in one line: ``Adam · rate 0.001 · batch 64``, and the schedule unless it is constant."""
    names = ("optimizer", "lr", "batch_size", *(("schedule",) if config.schedule != "constant" else ()))
    return " · ".join(setting(config, name) for name in names)


def config_in_full(config: RunConfig, optimizer: bool = True) -> str:
    """Return a config with its epochs, and every setting that is not the optimizer's usual one.

    Args:
        optimizer: name it.
    """
    return _in_words(config, () if optimizer else ("optimizer",))


def settings_in_common(configs: Sequence[RunConfig]) -> str:
    """Return in one line the settings that all configs share, those left out that are their optimizer's usual ones."""
    return _in_words(configs[0], differing(configs))


def _in_words(config: RunConfig, left_out: Sequence[str]) -> str:
    usual = _usual(config.optimizer)
    names = (
        "optimizer",
        *(name for name in _ALWAYS if name != "schedule" or config.schedule != "constant"),
        *(name for name in _IF_CHANGED if getattr(config, name) != getattr(usual, name)),
    )
    return " · ".join(filter(None, (setting(config, name) for name in names if name not in left_out)))


@lru_cache
def _usual(optimizer: str) -> RunConfig:
    return RunConfig.recommended(optimizer)


def ending(state: str, test_accuracy: float | None) -> str:
    """Return a run's state; of a finished one also whether its network does no better than guessing."""
    guesses = state == states.FINISHED and _known(test_accuracy) and test_accuracy <= _GUESSING
    return f"{state}, only guesses" if guesses else state


def state_color(run: Run) -> str:
    """Return the colour of the run's badge, in Streamlit's names."""
    if run.stalled or ending(run.state, run.test_accuracy) != run.state:
        return "orange"
    return STATE_COLORS[run.state]


def state(run: Run) -> str:
    """Return the run's state and how far it is: ``running 42%``, ``queued, number 2``, ``finished``."""
    if run.position:
        return f"queued, number {run.position}"
    if run.stalled:
        return "stalled"
    if run.state in (states.RUNNING, states.PAUSED, states.INTERRUPTED, states.STOPPED):
        # Rounded down: 100% is said of a run that is over only.
        return f"{run.state} {100 * run.step // run.config.span.steps}%"
    return ending(run.state, run.test_accuracy)


def differences(configs: Sequence[RunConfig]) -> list[str]:
    """For each config, only the settings that are not the same in all of them."""
    names = differing(configs)
    if not names:
        return ["the same settings"] * len(configs)
    return [" · ".join(filter(None, (setting(config, name) for name in names))) for config in configs]


def setting(config: RunConfig, name: str) -> str:
    """One field of a config; empty for parameters that are at their defaults."""
    value = getattr(config, name)
    if name == "optimizer":
        return config.optimizer_spec.label
    if name == "schedule":
        return config.schedule_spec.label
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {in_words(key, part)}" for key, part in value.items())
    if isinstance(value, bool):
        return name if value else f"no {name}"
    if name == "epochs":
        return counted(value, "epoch")
    if name == "train_images":
        return counted(value, "training image") if value else "all images"
    if name in _PHRASES:
        return str(_PHRASES[name].format(in_words(name, value)))
    return f"{name.replace('_', ' ')} {in_words(name, value)}"


def in_words(name: str, value: Any) -> str:
    """Return a setting's value as people read it.

    >>> in_words("loss", "mse"), in_words("augment", True), in_words("lr", 0.001)
    ('mean squared error', 'yes', '0.001')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "train_images" and not value:
        return "all"
    if name in ("optimizer", "schedule"):
        table: Mapping[str, Any] = OPTIMIZERS if name == "optimizer" else SCHEDULES
        return str(table[value].label) if value in table else str(value)
    return _CHOICES[name].get(value, value) if name in _CHOICES else number(value)


def literal(text: str) -> str:
    """Plain text that Streamlit's Markdown shows as it is."""
    parts = (re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", part) for part in _AUTOMATIC.split(text))
    return _APART.join(parts)


def plain(sentence: str) -> str:
    """Return as plain text what ``literal`` has made Markdown of."""
    return re.sub(r"\\(.)", r"\1", sentence)


def stacked(formula: str) -> str:
    """Return a formula with one equation per line, so that it fits a narrow card."""
    equations = formula.replace(r", \qquad ", r", \quad ").split(r", \quad ")
    return r"\begin{gathered}" + r" \\[0.4em] ".join(equations) + r"\end{gathered}"


def network_table() -> str:
    """Return the network's layers and their numbers of parameters, as Markdown."""
    layers = [layer for layer in Network() if isinstance(layer, nn.Linear)]
    counts = [sum(p.numel() for p in layer.parameters()) for layer in layers]
    rows = [
        f"| {kind} | {layer.in_features} → {layer.out_features} | {count:,} |"
        for kind, layer, count in zip(("Linear, ReLU", "Linear"), layers, counts, strict=True)
    ]
    return "\n".join(
        ["| Layer | Shape | Parameters |", "|---|---|--:|", *rows, f"| **All** | | **{sum(counts):,}** |", ""]
    )
