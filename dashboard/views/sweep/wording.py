"""Settings, trials and sizes of a sweep in words."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.sweep.settings import Estimate, Settings
from core.sweep.space import OF_OPTIMIZER, OF_SCHEDULE, Dimension
from core.sweep.view import Summary, Trial, View
from dashboard import fields
from dashboard.words import counted, duration, in_words, percent, settings_in_common

#: The colour of a sweep's badge, in Streamlit's names.
COLORS = {"running": "blue", "paused": "orange", "stopped": "gray", "finished": "green", "failed": "red"}
#: By the state of a trial with figures that did not reach its last epoch: what is said after them.
EARLY = {"pruned": ", stopped early", "stopped": ", stopped", "running": ", training"}
TONES = {**COLORS, "waiting": "orange", "pruned": "gray", "diverged": "red"}


def bare(name: str) -> str:
    """Return a setting's own name, without the prefix of an optimizer's or a schedule's parameter."""
    return name.removeprefix(OF_OPTIMIZER).removeprefix(OF_SCHEDULE)


def label(name: str) -> str:
    """Return the label of a varied setting."""
    own = bare(name)
    return fields.label(own, "" if own == name else "own")


def value_in_words(name: str, value: Any) -> str:
    """Return a varied setting's value as people read it."""
    return in_words(bare(name), value)


def axis_value(dimension: Dimension, value: Any) -> Any:
    """Return a value's place on the axis of its setting: itself for a number, its words for another."""
    return float(value) if dimension.ordered else value_in_words(dimension.name, value)


def choice(chosen: Mapping[str, Any]) -> str:
    """Return a choice of settings in one line: ``learning rate 0.001 · batch size 64``."""
    return " · ".join(f"{label(name).lower()} {value_in_words(name, value)}" for name, value in chosen.items())


def result(trial: Trial) -> str:
    """Return what became of a trial: ``97.31% after epoch 2``, ``diverged``, ``training``."""
    if trial.state in ("diverged", "failed"):
        return trial.state
    if not trial.accuracies:
        return "training" if trial.state == "running" else trial.state
    return f"{percent(trial.accuracy)} after epoch {trial.epochs}{EARLY.get(trial.state, '')}"


def title(summary: Summary) -> str:
    """Return a sweep's name: its owner's, or the settings that it varies."""
    return summary.name or varied(summary.settings)


def varied(settings: Settings) -> str:
    """Return the varied settings in one line: ``Learning rate x batch size``."""
    names = [label(name) for name in settings.space.names]
    if len(names) > 3:
        return f"{len(names)} settings: {', '.join(name.lower() for name in names)}"
    return " x ".join([names[0], *(name.lower() for name in names[1:])])


def in_common(sweep: View) -> str:
    """Return in one line the settings that do not vary."""
    return _in_common(sweep.id, len(sweep.trials), sweep)


# Each figure of a sweep says it, to all who look.
@st.cache_resource(max_entries=64, show_spinner=False)
def _in_common(sweep_id: str, trials: int, _sweep: View) -> str:
    return settings_in_common([_sweep.settings.space.base, *(trial.config for trial in _sweep.trials)])


def size(estimate: Estimate, settings: Settings) -> str:
    """Return what a sweep takes: ``54 runs, about 45 s on 2 workers``."""
    runs = counted(estimate.runs, "run")
    if settings.seeds > 1:
        runs = f"{estimate.trials:,} settings x {settings.seeds} seeds = {runs}"
    about = "at most about" if settings.prune else "about"
    guess = "" if estimate.measured else ", by the figures of another machine"
    return f"{runs}, {about} {duration(estimate.seconds)} on {counted(estimate.workers, 'worker')}{guess}"
