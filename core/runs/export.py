"""Runs as CSV and as JSON, from their recorded events; a step that was trained twice counts once."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from core.files import harmless
from core.models.code.recipe import Recipe
from core.runs import states
from core.runs.history import Body, History
from core.runs.store import Run

EPOCH_FIELDS = ("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
#: A row per step; on the row of an epoch's last step, that epoch's figures. Steps and epochs count from 0.
#: ``parent`` is the run that it left or went on from, ``parent_step`` the number of its steps before that.
CSV_COLUMNS = ("run", "number", "name", "step", "loss", "learning_rate", *EPOCH_FIELDS, "parent", "parent_step")
#: The last step at which a loss agrees with that of other code closely; rounding grows from step to step.
CHECKED_STEP = 99
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Fields of the run's row that have a place of their own in the record, or are of the moment.
_LEFT_OUT = ("config", "environment", "curve", "place", "position", "request", "stalled")

Events = Iterable[Body]


def csv_lines(runs: Iterable[tuple[Run, Events]]) -> Iterator[str]:
    """Yield runs as CSV, piece by piece: the header, then each run's lines, with ``CSV_COLUMNS``.

    Args:
        runs: each with its recorded events, in order. Text that a spreadsheet would take for a formula gets a quote
            before it.
    """
    yield _csv([CSV_COLUMNS])
    for run, events in runs:
        history = History(events)
        ended = {epoch["step"] - 1: [epoch[name] for name in EPOCH_FIELDS] for epoch in history.of("EpochDone")}
        label = (run.id, run.number, spreadsheet_text(harmless(run.name)))
        empty = [None] * len(EPOCH_FIELDS)
        rows = zip(*_points(history).values(), strict=True)
        origin = (run.parent, run.parent_step)
        yield _csv((*label, step, loss, rate, *ended.get(step, empty), *origin) for step, loss, rate in rows)


def record(run: Run, events: Events) -> dict[str, Any]:
    """Everything about a run as one JSON value: its row, ``config``, ``environment``, ``epochs``, ``commands`` and
    ``states``, each with its time ``at`` where the events have one, and ``points``: ``step``, ``loss`` and
    ``learning_rate``, of equal length. A number that is not finite is None."""
    history = History(events)
    row = {f.name: getattr(run, f.name) for f in fields(run) if f.name not in _LEFT_OUT}
    whole = {
        **row,
        "tags": list(run.tags),
        "config": run.config.to_dict(),
        "environment": run.environment,
        "epochs": [_without_kind(body) for body in history.of("EpochDone")],
        "commands": [_without_kind(body) for body in history.of("CommandApplied")],
        "states": [_without_kind(body) for body in history.of("State")],
        "points": _points(history),
    }
    finite_whole: dict[str, Any] = finite(whole)
    return finite_whole


def json_text(runs: Iterable[tuple[Run, Events]]) -> str:
    """Return runs as one JSON list, a ``record`` per run."""
    return json.dumps([record(run, events) for run, events in runs], allow_nan=False, indent=1)


def recipe(run: Run, events: Events, parent: Recipe | None = None, rate: float | None = None) -> Recipe:
    """Return all that code needs to know of a run (``core.models.code``): what it has done so far.

    Args:
        parent: the recipe of its parent, for a run that goes on from one.
        rate: its own, which it began with, as ``branching.own_rate``.
    """
    history = History(events)
    steps, losses = history.steps.tolist(), history.losses.tolist()
    diverged = history.diverged is not None
    # A run that began from another's checkpoint lacks the first steps.
    begins = bool(steps) and steps[0] == 0
    shown = {0, min(CHECKED_STEP, len(losses) - 1)} if begins else set()
    ended = run.state in states.RESUMABLE
    plan, before, origin = history.plan, None, "another run" if run.first_step else ""
    if parent and parent.whole and run.parent_step is not None:
        before = _up_to(run.parent_step, parent)
        origin = f"{parent.title[:1].lower()}{parent.title[1:]} after {run.parent_step:,} steps"
        shown = set()
        if rate is None:
            # The parent ends before it takes the step for which it was given another rate.
            plan = [*((run.first_step, rate) for step, rate in parent.plan if step == run.parent_step), *plan]
    return Recipe(
        title=f"Run #{run.number}",
        config=run.config,
        steps=(steps[-1] + 1 if diverged else history.step) if ended or diverged else None,
        plan=plan,
        losses=before.losses if before else {step: losses[step] for step in shown},
        train_loss=history.train_loss if history.epochs and run.over else None,
        test_accuracy=history.test_accuracy,
        diverged=diverged,
        first_step=run.first_step,
        origin=origin,
        before=before,
        rate=rate,
    )


def _up_to(step: int, recipe: Recipe) -> Recipe:
    """Return the recipe of the first ``step`` steps alone."""
    plan = [(at, rate) for at, rate in recipe.plan if at < step]
    losses = {at: loss for at, loss in recipe.losses.items() if at < step}
    return replace(recipe, steps=step, plan=plan, losses=losses, train_loss=None, test_accuracy=None, diverged=False)


def finite(value: Any) -> Any:
    """Return the value with None for NaN and infinities, which JSON lacks."""
    if isinstance(value, Mapping):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def spreadsheet_text(text: str) -> str:
    """Return the text, with a quote before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _points(history: History) -> dict[str, list[Any]]:
    return {
        "step": history.steps.tolist(),
        "loss": history.losses.tolist(),
        "learning_rate": history.learning_rates.tolist(),
    }


def _without_kind(body: Body) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "event"}


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
