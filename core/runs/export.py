"""Runs as CSV and as JSON, from their recorded events; a step that was trained twice counts once."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import pairwise
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
#: Of so many first steps, code that trains a run knows the lab's losses; later ones tell more of rounding than of it.
CHECKED_STEPS = 500
#: Epochs at a run's end that tell how unsteady its accuracy is.
LAST_EPOCHS = 10
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


def recipe_of(
    run: Run, find: Callable[[str], Run | None], events: Callable[[str], Events], rate: Callable[[str], float | None]
) -> Recipe:
    """Return the recipe of a run, with those of the runs that it goes on from, as far as the lab still has them.

    Args:
        find, events, rate: return what is known by a run's id: its row, its recorded events and its own rate.
    """
    parent = parent_of(run, find)
    before = recipe_of(parent, find, events, rate) if parent else None
    return recipe(run, events(run.id), before, rate(run.id))


def parent_of(run: Run, find: Callable[[str], Run | None]) -> Run | None:
    """Return the run that this one goes on from, if the lab still has it."""
    return find(run.parent) if run.parent and run.parent_step is not None else None


def recipe(run: Run, events: Events, parent: Recipe | None = None, own_rate: float | None = None) -> Recipe:
    """Return all that code needs to know of a run (``core.models.code``): what it has done so far.

    Args:
        parent: the recipe of its parent, for a run that goes on from one.
        own_rate: its own, which it began with, as ``branching.own_rate``.
    """
    history = History(events)
    steps, losses, rates = history.steps.tolist(), history.losses.tolist(), history.learning_rates.tolist()
    diverged = history.diverged is not None
    ended = run.state in states.RESUMABLE
    plan, before, origin = history.plan, None, "another run" if run.first_step else ""
    if parent and parent.whole and run.parent_step is not None:
        before = _up_to(run.parent_step, parent)
        origin = f"{parent.title[:1].lower()}{parent.title[1:]} after {run.parent_step:,} steps"
        if own_rate is None:
            # The parent ends before it takes the step for which it was given another rate.
            plan = [*((run.first_step, rate) for step, rate in parent.plan if step == run.parent_step), *plan]
    elif origin and steps:
        plan = [*_rate_in_force(run, rates[0]), *plan]
    # A run that began from another's checkpoint lacks the first steps.
    begun = before.losses if before else ()
    own = losses if before or (steps and steps[0] == 0) else []
    validated = [epoch.validation_accuracy for epoch in history.epochs[-LAST_EPOCHS:]]
    falls = [a - b for a, b in pairwise(validated) if a is not None and b is not None]
    return Recipe(
        title=f"Run #{run.number}",
        config=run.config,
        steps=(steps[-1] + 1 if diverged else history.step) if ended or diverged else None,
        plan=plan,
        losses=[*begun, *own[: CHECKED_STEPS - len(begun)]],
        last_rate=rates[-1] if rates and (ended or run.over) else None,
        test_accuracy=history.test_accuracy,
        fall=max(0.0, *falls) if falls else 0.0,
        diverged=diverged,
        first_step=run.first_step,
        origin=origin,
        before=before,
        own_rate=own_rate,
    )


def _rate_in_force(run: Run, first: float) -> list[tuple[int, float]]:
    """Return the rate that the schedule of a run started from, as if set at step 0, where it is not the config's.

    Args:
        first: the rate of the run's own first step.
    """
    config = run.config
    if config.schedule_spec.reacts:
        return []
    (planned,) = config.planned_rates([run.first_step])
    # Every schedule's rates are multiples of the one that it starts from.
    return [] if not planned or math.isclose(first, planned) else [(0, config.lr * first / planned)]


def _up_to(step: int, recipe: Recipe) -> Recipe:
    """Return the recipe of the first ``step`` steps alone."""
    plan = [(at, rate) for at, rate in recipe.plan if at < step]
    losses = recipe.losses[:step]
    return replace(recipe, steps=step, plan=plan, losses=losses, last_rate=None, test_accuracy=None, diverged=False)


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
