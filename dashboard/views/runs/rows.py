"""Runs as rows of a table, and as lines of a chart."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from core.runs import states
from core.runs.store import Run
from dashboard import lab
from dashboard.colors import line_style
from dashboard.components.chart import Line
from dashboard.components.run_table import Column
from dashboard.words import config_in_full, differences, run_title, state, state_color

#: Seconds for which the rows that everybody gets are cached.
FRESH_SECONDS = 0.8
NO_OWNER = "nobody"

RUN = Column("run", "Run", "run", classes="run")
STATE = Column("state", "State", "state")
CURVE = Column("curve", "Loss", "curve", sort="", classes="wide")
OWNER = Column("owner", "Owner", "text", classes="owner wide")
BEST = Column("best", "Validation", "percent", "descending", "right strong")
TEST = Column("test", "Test", "percent", "descending", "right middle")
EPOCHS = Column("epochs", "Epochs", "number", "descending", "right wide")
SECONDS = Column("seconds", "Trained", "seconds", classes="right wide")
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
    return {
        "id": run.id,
        "label": title,
        "search": " ".join((title, short, run.state, owner, run.notes, *run.tags)).lower(),
        "facets": {"state": [run.state], "owner": [owner], "tag": list(run.tags)},
        "order": {"run": run.number, "state": states.STATES.index(run.state)},
        "run": {
            "name": title,
            "settings": config_in_full(run.config, bool(run.name)) if settings is None else settings,
            "tags": list(run.tags),
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


def style(run: Run) -> tuple[str, str]:
    """Return the run's colour and dash, the same on every page that draws it among others."""
    return line_style(run.number - 1)


def names(runs: Sequence[Run]) -> list[str]:
    """Return the runs' titles, each with only the settings that are not the same in all of them."""
    apart = differences([run.config for run in runs]) if len(runs) > 1 else [""] * len(runs)
    titles = [f"#{run.number} {run.name}".strip() for run in runs]
    return [f"{title} · {settings}" if settings else title for title, settings in zip(titles, apart, strict=True)]


def lines(runs: Sequence[Run]) -> list[Line]:
    """One line per run."""
    return [Line(name, (run.id,), *style(run)) for name, run in zip(names(runs), runs, strict=True)]
