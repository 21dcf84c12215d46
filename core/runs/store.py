"""The store: all runs and their events, in one SQLite file.

One process writes it, the service's. A run is a row; its events are JSON texts, in the order of their numbers from 0.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.runs.migrations import MIGRATIONS, SCHEMA_VERSION
from core.runs.states import GOING, OVER, RESUMABLE, STATES
from core.training.config import RunConfig

COLUMNS = (
    "id, number, name, config, created, state, message, validation_accuracy, test_loss, test_accuracy, owner, "
    "owner_name, notes, tags, parent, place, started, ended, step, epoch, best_validation_accuracy, seconds, exact, "
    "environment, curve, deleted, sweep, parent_step, first_step, rate_by_hand, request"
)
#: Columns of JSON, and what is in them.
_JSON = {"tags": list, "environment": dict, "curve": list, "request": dict}


@dataclass(frozen=True)
class Run:
    """A row of the store. Times are unix seconds, for people to read; the code decides nothing by them.

    Args:
        id: opaque.
        number: 1 for the lab's first run, and so on; that of a removed run is not given again.
        message: one sentence where the state needs one, else "".
        validation_accuracy: of the latest epoch, from 0 to 1; None before it or without a split.
        owner: opaque, of the visitor who started it; ``owner_name`` is the visitor's display name then.
        parent: the id of the run that it left or went on from, or is a fork of.
        place: its order among its owner's waiting runs.
        started, ended: times of its first step and of its latest end.
        step, epoch: numbers of steps and of whole epochs that its parameters have had.
        seconds: of training.
        exact: training the config again gives it bit for bit, as far as is known.
        environment: hardware, versions and threads that it was trained with.
        curve: a small picture of its training loss: means over equal shares of its steps, None for those to come.
        deleted: time at which it went to the bin.
        sweep: opaque, the same for runs that were started together; "" for a run alone.
        parent_step: the parent's step after which it left; None for a fork, which begins anew.
        first_step: the number of steps that its parameters had had when it began; another one than ``parent_step``
            where its epochs have other numbers of steps than its parent's.
        rate_by_hand: its learning rate was set by hand at a step.
        request: further keys of the job that it waits for, or has had last, as core.runs.worker describes it.
        position: its place in the queue of all from 1; None when it does not wait.
        stalled: its worker sends no heartbeat.
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
    owner: str = ""
    owner_name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    parent: str | None = None
    place: int = 0
    started: float | None = None
    ended: float | None = None
    step: int = 0
    epoch: int = 0
    best_validation_accuracy: float | None = None
    seconds: float | None = None
    exact: bool = True
    environment: dict[str, Any] = field(default_factory=dict)
    curve: list[float | None] = field(default_factory=list)
    deleted: float | None = None
    sweep: str = ""
    parent_step: int | None = None
    first_step: int = 0
    rate_by_hand: bool = False
    request: dict[str, Any] = field(default_factory=dict)
    position: int | None = None
    stalled: bool = False

    @property
    def going(self) -> bool:
        return self.state in GOING

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def resumable(self) -> bool:
        return self.state in RESUMABLE

    @property
    def plain(self) -> bool:
        """True if its config says all of its training: from the config's first weights on, at the config's rates."""
        return self.parent_step is None and not self.first_step and not self.rate_by_hand


class Store:
    """The open store. Every method may be called from any thread; those that write raise ``sqlite3.Error`` where
    the disk refuses, and have then changed nothing."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open or make the store at ``path``.

        Args:
            read_only: open one that is there, to look while another process may write; nothing is changed.

        Raises:
            ValueError: if it was made by a newer version of the lab, or is no store; to be read only, if it is not
                there, or of an older version.
        """
        self._lock = threading.RLock()
        if read_only and not path.exists():
            raise ValueError(f"{path} could not be opened: there are no runs.")
        path.parent.mkdir(parents=True, exist_ok=True)
        place = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        try:
            self._db = sqlite3.connect(place, uri=True, check_same_thread=False, isolation_level=None, timeout=5.0)
        except sqlite3.Error as error:
            raise ValueError(f"{path} could not be opened: {error}.") from None
        try:
            if read_only:
                self._check_version(path, at_least=SCHEMA_VERSION)
            else:
                self._open(path)
        # A damaged schema may be no text at all.
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._db.close()
            raise ValueError(f"{path} could not be opened: {error}.") from None
        except ValueError:
            self._db.close()
            raise

    def _open(self, path: Path) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        version = self._check_version(path)
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")

    def _check_version(self, path: Path, at_least: int = 0) -> int:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise ValueError(f"{path} must have a schema version of at most {SCHEMA_VERSION}, got version {version}.")
        if version < at_least:
            raise ValueError(
                f"{path} must have a schema version of {at_least}, got version {version}; starting the lab updates it."
            )
        return int(version)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def add(self, run_id: str, config: RunConfig, created: float, state: str, **columns: Any) -> None:
        """Add a run; ``columns`` as for ``update``."""
        named = {"id": run_id, "config": _config_text(config), "created": created, "state": state}
        columns = {"name": "", **named, **columns}
        self._execute(
            f"INSERT INTO runs (number, {', '.join(columns)}) "
            # A rescued store may lack the last number.
            "VALUES (coalesce((SELECT last FROM numbers), (SELECT max(number) FROM runs), 0) + 1, "
            f"{', '.join('?' * len(columns))})",
            _plain(columns),
        )

    def update(self, run_id: str, **columns: Any) -> None:
        """Set columns of a run; names are the schema's."""
        assignments = ", ".join(f"{name} = ?" for name in columns)
        self._execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*_plain(columns), run_id))

    def append(self, run_id: str, seq: int, body: str, at: float) -> None:
        """Add the run's event number ``seq``, of unix time ``at``."""
        self._execute("INSERT INTO events (run, seq, body, at) VALUES (?, ?, ?, ?)", (run_id, seq, body, at))

    def remove(self, run_id: str) -> None:
        """Delete the run and its events."""
        self._execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def damage(self) -> str:
        """Return the first fault of the file or of a run's row, or ""."""
        try:
            (message,) = self._execute("PRAGMA quick_check(1)", ())[0]
            for deleted in (False, True):
                self.runs(-1, deleted)
        except sqlite3.DatabaseError as error:
            return str(error)
        return "" if message == "ok" else str(message)

    def together(self, writes: Iterable[Callable[[], None]]) -> None:
        """Do all these writes of this store's, or none of them."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for write in writes:
                    write()
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk has ended the transaction already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def run(self, run_id: str) -> Run | None:
        rows = self._execute(f"SELECT {COLUMNS} FROM runs WHERE id = ?", (run_id,))
        return read_run(rows[0]) if rows else None

    def runs(self, limit: int, deleted: bool = False) -> list[Run]:
        """Return the latest runs, newest first; or the latest in the bin."""
        where = "deleted IS NOT NULL" if deleted else "deleted IS NULL"
        rows = self._execute(f"SELECT {COLUMNS} FROM runs WHERE {where} ORDER BY number DESC LIMIT ?", (limit,))
        return [read_run(row) for row in rows]

    def of_config(self, config: RunConfig, limit: int) -> list[Run]:
        """Return the latest runs with just these settings, newest first, without those in the bin."""
        where = "config = ? AND deleted IS NULL ORDER BY number DESC LIMIT ?"
        rows = self._execute(f"SELECT {COLUMNS} FROM runs WHERE {where}", (_config_text(config), limit))
        return [read_run(row) for row in rows]

    def children(self, run_id: str) -> list[Run]:
        """Return the runs that were forked from this one and are not in the bin, oldest first."""
        where = "parent = ? AND deleted IS NULL"
        rows = self._execute(f"SELECT {COLUMNS} FROM runs WHERE {where} ORDER BY number", (run_id,))
        return [read_run(row) for row in rows]

    def started_by(self, sweep: str) -> list[Run]:
        """Return the runs of a sweep, those in the bin too, oldest first."""
        rows = self._execute(f"SELECT {COLUMNS} FROM runs WHERE sweep = ? ORDER BY number", (sweep,))
        return [read_run(row) for row in rows]

    def in_states(self, states: Iterable[str]) -> list[Run]:
        """Return the runs in one of ``states``, in the order of their places, then oldest first."""
        values = tuple(states)
        marks = ", ".join("?" * len(values))
        rows = self._execute(f"SELECT {COLUMNS} FROM runs WHERE state IN ({marks}) ORDER BY place, number", values)
        return [read_run(row) for row in rows]

    def events(self, run_id: str, after: int = -1) -> list[str]:
        """Return the JSON texts of the run's events after number ``after``, in order."""
        sql = "SELECT body FROM events WHERE run = ? AND seq > ? ORDER BY seq"
        return [body for (body,) in self._execute(sql, (run_id, after))]

    def length(self, run_id: str) -> int:
        """Return the number of the run's events."""
        return int(self._execute("SELECT coalesce(max(seq) + 1, 0) FROM events WHERE run = ?", (run_id,))[0][0])

    def timed_events(self, run_id: str, kinds: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return the run's events, in order, each with ``at``: its time in unix seconds, None where a lab did not
        record it yet.

        Args:
            kinds: names of events; all unless given. Few are read faster than all.
        """
        rows = self._execute("SELECT body, at FROM events WHERE run = ? ORDER BY seq", (run_id,))
        starts = tuple(f'{{"event":"{kind}"' for kind in kinds) or ("",)
        return [{**read_event(body), "at": at} for body, at in rows if body.startswith(starts)]

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def _plain(columns: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(json.dumps(value) if name in _JSON else value for name, value in columns.items())


def _config_text(config: RunConfig) -> str:
    return json.dumps(config.to_dict())


@lru_cache(maxsize=4096)
def _config(text: str) -> RunConfig:
    return RunConfig.from_dict(json.loads(text))


def read_run(row: tuple[Any, ...]) -> Run:
    """Return the run of a row of ``COLUMNS``.

    Raises:
        sqlite3.DatabaseError: if the row is damaged; SQLite does not know what its texts mean.
    """
    values = dict(zip(COLUMNS.split(", "), row, strict=True))
    try:
        values["config"] = _config(values["config"])
        values |= {name: json.loads(values[name]) for name in _JSON}
    except (ValueError, TypeError, AttributeError) as error:
        raise sqlite3.DatabaseError(f"the row of run {row[0]!a} is damaged, {error}") from None
    if values["state"] not in STATES or not all(isinstance(values[name], kind) for name, kind in _JSON.items()):
        raise sqlite3.DatabaseError(f"the row of run {row[0]!a} is damaged")
    values |= {"tags": tuple(values["tags"]), "exact": bool(values["exact"])}
    values["rate_by_hand"] = bool(values["rate_by_hand"])
    return Run(**values)


def read_event(body: str) -> dict[str, Any]:
    """Return the event of a text of the store.

    Raises:
        sqlite3.DatabaseError: if it is damaged.
    """
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    if not isinstance(event, dict) or "event" not in event:
        raise sqlite3.DatabaseError("an event is damaged")
    return event
