"""The store: every run and everything that happened in it, in one SQLite file.

One process writes it, the service's. A run is a row; what happened is its events, one JSON text each, in
the order of their sequence numbers from 0.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import RunConfig
from core.runs.states import OVER

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    config TEXT NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    validation_accuracy REAL,
    test_loss REAL,
    test_accuracy REAL
) STRICT;
CREATE INDEX runs_by_age ON runs (number);
CREATE TABLE events (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
"""
_COLUMNS = "id, number, name, config, created, state, message, validation_accuracy, test_loss, test_accuracy"


@dataclass(frozen=True)
class Run:
    """A run as the store has it.

    Args:
        id: opaque.
        number: 1 for the lab's first run, and so on.
        created: unix seconds, for people to read; nothing is decided by it.
        message: one sentence where the state needs one, else "".
        validation_accuracy: of the latest epoch, from 0 to 1; None before it or without a split.
        position: its place in the queue from 1; None when it does not wait.
    """

    id: str
    number: int
    name: str
    config: RunConfig
    created: float
    state: str
    message: str
    validation_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    position: int | None = None

    @property
    def over(self) -> bool:
        return self.state in OVER


class Store:
    """The open store. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Open or make the store at ``path``.

        Raises:
            ValueError: if it was made by a newer version of the lab.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            self._db.close()
            raise ValueError(f"{path} must have a schema version of at most {SCHEMA_VERSION}, got version {version}.")
        if version < SCHEMA_VERSION:
            self._db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def add(self, run_id: str, name: str, config: RunConfig, created: float, state: str) -> None:
        self._execute(
            "INSERT INTO runs (id, number, name, config, created, state) "
            "VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM runs), ?, ?, ?, ?)",
            (run_id, name, json.dumps(config.to_dict()), created, state),
        )

    def update(self, run_id: str, **columns: Any) -> None:
        """Set columns of a run; names are the schema's."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        self._execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*columns.values(), run_id))

    def append(self, run_id: str, seq: int, body: str) -> None:
        """Add the run's event number ``seq``."""
        self._execute("INSERT INTO events (run, seq, body) VALUES (?, ?, ?)", (run_id, seq, body))

    def run(self, run_id: str) -> Run | None:
        rows = self._execute(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run_id,))
        return _run(rows[0]) if rows else None

    def runs(self, limit: int) -> list[Run]:
        """The latest runs, newest first."""
        rows = self._execute(f"SELECT {_COLUMNS} FROM runs ORDER BY number DESC LIMIT ?", (limit,))
        return [_run(row) for row in rows]

    def in_states(self, states: Iterable[str]) -> list[Run]:
        """The runs in one of ``states``, oldest first."""
        wanted = tuple(states)
        marks = ", ".join("?" * len(wanted))
        rows = self._execute(f"SELECT {_COLUMNS} FROM runs WHERE state IN ({marks}) ORDER BY number", wanted)
        return [_run(row) for row in rows]

    def events(self, run_id: str) -> list[str]:
        """The JSON texts of all the run's events, in order."""
        return [body for (body,) in self._execute("SELECT body FROM events WHERE run = ? ORDER BY seq", (run_id,))]

    def _execute(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def _run(row: tuple[Any, ...]) -> Run:
    run_id, number, name, config, *rest = row
    return Run(run_id, number, name, RunConfig.from_dict(json.loads(config)), *rest)
