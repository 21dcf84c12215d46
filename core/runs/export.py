"""Runs as CSV and as JSON, from their recorded events; what was trained twice counts once."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from core.runs import history
from core.runs.store import Run

EPOCH_FIELDS = ("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
#: A row a step; on the row of an epoch's last step, that epoch's figures. Steps and epochs count from 0.
CSV_COLUMNS = ("run", "number", "name", "step", "loss", "learning_rate", *EPOCH_FIELDS)
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Of the run's row, these stand elsewhere, or are of the moment.
_LEFT_OUT = ("config", "environment", "curve", "place", "position", "stalled")

Events = Iterable[dict[str, Any]]


def csv_lines(runs: Iterable[tuple[Run, Events]]) -> Iterator[str]:
    """The runs as CSV, piece by piece: the header, then each run's lines; ``CSV_COLUMNS`` says what is in them.

    Args:
        runs: each with its recorded events, in order. Text that a spreadsheet would take for a formula gets a quote
            before it.
    """
    yield _csv([CSV_COLUMNS])
    for run, events in runs:
        told = history.effective(events)
        ended = {event["step"] - 1: [event[name] for name in EPOCH_FIELDS] for event in _kind(told, "EpochDone")}
        named = (run.id, run.number, spreadsheet_text(run.name))
        nothing = [None] * len(EPOCH_FIELDS)
        points = _points(told)
        rows = zip(points["step"], points["loss"], points["learning_rate"], strict=True)
        yield _csv((*named, step, loss, rate, *ended.get(step, nothing)) for step, loss, rate in rows)


def record(run: Run, events: Events) -> dict[str, Any]:
    """Everything about a run as one JSON value: what its row says, ``config``, ``environment``, ``epochs``,
    ``commands`` and ``states``, each with its time ``at`` where the events have one, and ``points``: ``step``, ``loss``
    and ``learning_rate``, of equal length. What is not finite is None."""
    told = history.effective(events)
    row = {f.name: getattr(run, f.name) for f in fields(run) if f.name not in _LEFT_OUT}
    whole = {
        **row,
        "tags": list(run.tags),
        "config": run.config.to_dict(),
        "environment": run.environment,
        "epochs": [_body(event) for event in _kind(told, "EpochDone")],
        "commands": [_body(event) for event in _kind(told, "CommandApplied")],
        "states": [_body(event) for event in _kind(told, "State")],
        "points": _points(told),
    }
    finite_whole: dict[str, Any] = finite(whole)
    return finite_whole


def json_text(runs: Iterable[tuple[Run, Events]]) -> str:
    """The runs as one JSON list of ``record``."""
    return json.dumps([record(run, events) for run, events in runs], allow_nan=False, indent=1)


def finite(value: Any) -> Any:
    """The value without what JSON does not have: NaN and infinities become None."""
    if isinstance(value, Mapping):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def spreadsheet_text(text: str) -> str:
    """The text, with a quote before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _points(told: list[dict[str, Any]]) -> dict[str, list[Any]]:
    points: dict[str, list[Any]] = {"step": [], "loss": [], "learning_rate": []}
    for event in _kind(told, "StepsDone"):
        points["step"] += range(event["first_step"], event["first_step"] + len(event["losses"]))
        points["loss"] += event["losses"]
        points["learning_rate"] += event["learning_rates"]
    return points


def _kind(told: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in told if event["event"] == kind]


def _body(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "event"}


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
