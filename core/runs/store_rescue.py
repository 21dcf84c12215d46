"""The rescue of a damaged store: what is whole goes into a new one, and the damaged file stays beside it."""

import contextlib
import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from core.runs.migrations import SCHEMA_VERSION
from core.runs.store import COLUMNS, Store, read_event, read_run

log = logging.getLogger(__name__)

#: Rows are read one by one up to this number, since a damaged table may not tell how many it has.
MOST_ROWS = 1_000_000
#: So many missing rows in a row end the search: rows of purged runs are missing too.
GAP = 10_000
#: The parts of a store: the file, and what SQLite keeps beside it.
_PARTS = ("", "-wal", "-shm")


def open_store(path: Path) -> Store:
    """Open or make the store at ``path``; a damaged one is replaced by one with all runs of it that are whole.

    Raises:
        ValueError: if it is not a store, is of a newer version, or is damaged and what is whole could not be copied. A
            damaged one is then where it was.
        OSError: if the files could not be moved.
    """
    store = Store(path)
    damage = store.damage()
    if not damage:
        return store
    store.close()
    new, aside = (
        path.with_name(f"{path.name}.new"),
        path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"),
    )
    _remove(new)
    try:
        kept, lost = _copy(path, new)
    except sqlite3.Error as error:
        _remove(new)
        raise ValueError(
            f"{path} is damaged ({damage}), and what is whole of it could not be copied: {error}. Nothing was changed."
        ) from None
    for part in _PARTS:
        if (old := Path(f"{path}{part}")).exists():
            old.rename(f"{aside}{part}")
    new.rename(path)
    log.warning(
        "%s was damaged (%s): %d runs are whole and were kept, %d were lost. The damaged file is %s.",
        path, damage, kept, lost, aside.name,
    )  # fmt: skip
    return Store(path)


def _copy(path: Path, new: Path) -> tuple[int, int]:
    """Copy each run that can be read with all of its events into a new store at ``new``.

    Returns:
        The numbers of runs that were copied and that were not.
    """
    Store(new).close()
    kept = lost = missing = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as old, closing(sqlite3.connect(new)) as target:
        (version,) = target.execute("PRAGMA user_version").fetchone()
        assert version == SCHEMA_VERSION
        for number in range(1, MOST_ROWS):
            try:
                row = old.execute(f"SELECT {COLUMNS} FROM runs WHERE rowid = ?", (number,)).fetchone()
                events = row and _whole(old, row)
            except sqlite3.DatabaseError:
                lost += 1
                continue
            if row is None:
                missing += 1
                if missing > GAP:
                    break
                continue
            missing = 0
            try:
                with target:
                    target.execute(f"INSERT INTO runs ({COLUMNS}) VALUES ({', '.join('?' * len(row))})", row)
                    target.executemany("INSERT INTO events (run, seq, body, at) VALUES (?, ?, ?, ?)", events)
            # A number or a text in the place of the other, or another run's id.
            except sqlite3.IntegrityError:
                lost += 1
            else:
                kept += 1
        with contextlib.suppress(sqlite3.DatabaseError), target:
            numbers = old.execute("SELECT last FROM numbers").fetchall()
            target.executemany("UPDATE numbers SET last = max(last, ?)", numbers)
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return kept, lost


def _whole(old: sqlite3.Connection, row: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the events of the run of this row.

    Raises:
        sqlite3.DatabaseError: if the row or one of them is damaged, or one is missing.
    """
    read_run(row)
    events = old.execute("SELECT run, seq, body, at FROM events WHERE run = ? ORDER BY seq", (row[0],)).fetchall()
    for _, _, body, _ in events:
        read_event(body)
    # Without its last events a run would look whole and not be: their numbers are a row without a gap.
    if [seq for _, seq, _, _ in events] != list(range(len(events))):
        raise sqlite3.DatabaseError("events are missing")
    return events


def _remove(path: Path) -> None:
    for part in _PARTS:
        Path(f"{path}{part}").unlink(missing_ok=True)
