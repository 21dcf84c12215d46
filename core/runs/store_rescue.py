"""The rescue of a damaged store: what is whole goes into a new one, and the damaged file stays beside it."""

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from core.runs.store import SCHEMA_VERSION, Store

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
                row = old.execute("SELECT * FROM runs WHERE rowid = ?", (number,)).fetchone()
                events = row and old.execute("SELECT * FROM events WHERE run = ? ORDER BY seq", (row[0],)).fetchall()
            except sqlite3.DatabaseError:
                lost += 1
                continue
            if row is None:
                missing += 1
                if missing > GAP:
                    break
                continue
            missing = 0
            # Without its last events a run would look whole and not be: their numbers are a row without a gap.
            if [event[1] for event in events] != list(range(len(events))):
                lost += 1
                continue
            with target:
                target.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(row))})", row)
                target.executemany(f"INSERT INTO events VALUES ({', '.join('?' * 4)})", events)
            kept += 1
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return kept, lost


def _remove(path: Path) -> None:
    for part in _PARTS:
        Path(f"{path}{part}").unlink(missing_ok=True)
