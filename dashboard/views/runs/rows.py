"""Runs as rows of a table, and as lines of a chart."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from core.runs import states
from core.runs.store import Run
from dashboard import branching, lab
from dashboard.colors import line_style
from dashboard.components.chart import Line
from dashboard.components.run_table import Column
from dashboard.words import config_in_full, differences, ending, in_words, run_title, state, state_color

#: Seconds for which the rows that everybody gets are cached.
FRESH_SECONDS = 0.8
NO_OWNER = "nobody"
#: Address of a view's rows, to which its name is appended.
SOURCE = "/lab/runs?view="

RUN = Column("run", "Run", "run", classes="run")
STATE = Column("state", "State", "state")
CURVE = Column("curve", "Loss", "curve", sort="", classes="wide")
OWNER = Column("owner", "Owner", "text", classes="owner wide")
BEST = Column("best", "Best validation", "percent", "descending", "right strong")
TEST = Column("test", "Test", "percent", "descending", "right middle")
EPOCHS = Column("epochs", "Epochs", "number", "descending", "right wide")
SECONDS = Column("seconds", "Trained in", "seconds", classes="right wide")
CREATED = Column("created", "Started", "when", "descending", "right wide")


_latest: dict[tuple[int, bool], tuple[float, list[Run]]] = {}
_texts: dict[str, tuple[float, bytes]] = {}
_cache_lock = threading.RLock()


def latest(limit: int, deleted: bool = False) -> list[Run]:
    """Return the latest runs, read once for all viewers; -1 for all."""
    with _cache_lock:
        read_at, runs = _latest.get((limit, deleted), (-FRESH_SECONDS, []))
        if time.monotonic() - read_at >= FRESH_SECONDS:
            runs = lab.service().runs(limit, deleted)
            _latest[limit, deleted] = time.monotonic(), runs
        return runs


def forget() -> None:
    """Drop the cached rows, after a change."""
    with _cache_lock:
        _latest.clear()
        _texts.clear()


def text(view: str, write: Callable[[], list[dict[str, Any]]]) -> bytes:
    """Rows of a view of all runs as JSON, written once for all viewers."""
    with _cache_lock:
        written_at, body = _texts.get(view, (-FRESH_SECONDS, b""))
        if time.monotonic() - written_at >= FRESH_SECONDS:
            body = json.dumps(write(), separators=(",", ":")).encode()
            _texts[view] = time.monotonic(), body
        return body


def row(run: Run, settings: str | None = None, **more: Any) -> dict[str, Any]:
    """Return the run as ``run_table`` takes it.

    Args:
        settings: stands under its name; its config in short unless given.
        more: further values.
    """
    color, dash = style(run)
    title, owner, short = run_title(run), run.owner_name or NO_OWNER, config_in_full(run.config)
    marks = branching.marks(run)
    return {
        "id": run.id,
        "label": title,
        "search": " ".join(
            (title, short, *marks, ending(run.state, run.test_accuracy), owner, run.notes, *run.tags)
        ).lower(),
        "fields": _fields(run, owner),
        "facets": {"state": [run.state], "owner": [owner], "tag": list(run.tags)},
        "order": {"run": run.number, "state": states.STATES.index(run.state)},
        "run": {
            "name": title,
            "settings": config_in_full(run.config, bool(run.name)) if settings is None else settings,
            "tags": [*marks, *run.tags],
            "color": color,
            "dash": dash,
        },
        "state": {"text": state(run), "tone": state_color(run)},
        "curve": [None if loss is None else float(f"{loss:.3g}") for loss in run.curve],
        "owner": owner,
        "best": run.best_validation_accuracy,
        "test": run.test_accuracy,
        "epochs": run.epoch,
        "seconds": run.seconds,
        "created": run.created,
        **more,
    }


def _fields(run: Run, owner: str) -> dict[str, Any]:
    """Return what the filter knows by its field: ``batch:64``."""
    config = run.config
    return {
        "run": run.number,
        "name": run.name,
        "optimizer": [config.optimizer, config.optimizer_spec.label],
        "rate": config.lr,
        "batch": config.batch_size,
        "epochs": config.epochs,
        "schedule": [config.schedule, config.schedule_spec.label],
        "seed": config.seed,
        "loss": [config.loss, in_words("loss", config.loss)],
        "shuffle": [config.shuffle, in_words("shuffle", config.shuffle)],
        "decay": config.weight_decay,
        "state": run.state,
        "owner": owner,
        "tag": list(run.tags),
    }


def group(runs: Sequence[Run], **more: Any) -> dict[str, Any]:
    """Return runs that differ in nothing but the seed as one row.

    Args:
        runs: the best first, whose name the row has.
        more: further values.
    """
    first = runs[0]
    owners = list(dict.fromkeys(run.owner_name or NO_OWNER for run in runs))
    alike = config_in_full(replace(first.config, seed=0), bool(first.name)) if len(runs) > 1 else None
    made = row(first, alike, **more)
    best, test = ([value for run in runs if (value := getattr(run, name)) is not None] for name in _SPREAD)
    made |= {
        "best": best,
        "test": test,
        "owner": ", ".join(owners),
        "epochs": max(run.epoch for run in runs),
        "seconds": fmean(run.seconds or 0 for run in runs),
    }
    made["order"] |= {name: fmean(made[name]) if made[name] else None for name in ("best", "test")}
    if len(runs) > 1:
        made["compare"] = ",".join(run.id for run in runs)
        made["run"]["tags"] = [f"{len(runs)} seeds", *made["run"]["tags"]]
    return made


_SPREAD = ("best_validation_accuracy", "test_accuracy")


def style(run: Run) -> tuple[str, str]:
    """Return the run's colour and dash, the same on every page that draws it among others."""
    return line_style(run.number - 1)


def names_apart(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Return the runs' titles, and for each the settings that are not the same in all of them."""
    apart = differences([run.config for run in runs]) if len(runs) > 1 else [""] * len(runs)
    return [(f"#{run.number} {run.name}".strip(), settings) for run, settings in zip(runs, apart, strict=True)]


def names(runs: Sequence[Run]) -> list[str]:
    """Return the runs' titles, each with only the settings that are not the same in all of them."""
    return [" · ".join(filter(None, both)) for both in names_apart(runs)]


def lines(runs: Sequence[Run]) -> list[Line]:
    """One line per run."""
    return [Line(name, (run.id,), *style(run)) for name, run in zip(names(runs), runs, strict=True)]
