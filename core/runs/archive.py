"""The archive: rows, labels, bin, events and files of all runs, whatever state they are in."""

import contextlib
import dataclasses
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from core.files import harmless
from core.runs import branching, run_files
from core.runs.history import History
from core.runs.record import Listener, Record
from core.runs.states import Removed
from core.runs.store import Run, Store, read_event

#: Seconds that deleted runs stay in the bin.
BIN_SECONDS = 7 * 24 * 3600.0
LONGEST_NAME, LONGEST_NOTES, MOST_TAGS = 100, 10_000, 20

Live = dict[str, Any]


class Archive:
    """The runs of one lab home, to look at, label, bin and purge. Every method may be called from any thread.

    Args:
        store, record: of the home.
        files: the folder of the runs' files, one folder per run.
        lock: guards store and record.
        live: returns those fields of runs that are in memory alone or newer there, by run id.
    """

    def __init__(
        self, store: Store, record: Record, files: Path, lock: threading.RLock, live: Callable[[], dict[str, Live]]
    ) -> None:
        self._store, self._record, self._files, self._lock, self._live = store, record, files, lock, live

    @property
    def trouble(self) -> str:
        """One sentence where the lab cannot record events, else ""."""
        return self._record.trouble

    def edit(
        self, run_id: str, *, name: str | None = None, notes: str | None = None, tags: Iterable[str] | None = None
    ) -> None:
        """Change a run's labels; None leaves a part as it is.

        Raises:
            ValueError: if there is no such run, a text is too long, or it cannot be recorded.
        """
        labels = checked_labels(name=name, notes=notes, tags=tags)
        with self._lock:
            self.existing(run_id)
            if labels:
                self._write_now(self._store.update, run_id, **labels)

    def rename_owner(self, owner: str, before: str, name: str) -> None:
        """Put ``name`` on the owner's runs, those in the bin too, that have the owner's name ``before``.

        Raises:
            ValueError: if it cannot be recorded.
        """
        with self._lock:
            for run in (*self._store.runs(-1), *self._store.runs(-1, deleted=True)):
                if (run.owner, run.owner_name) == (owner, before):
                    self._write_now(self._store.update, run.id, owner_name=name)

    def delete(self, run_ids: Iterable[str]) -> None:
        """Put runs into the bin, where they stay for at least ``BIN_SECONDS``: later ones then remove them.

        Raises:
            ValueError: if one of them trains or waits; nothing is deleted then.
        """
        with self._lock:
            runs = [self.existing(run_id) for run_id in run_ids]
            for run in runs:
                if run.going:
                    raise ValueError(
                        f"A run must be over or paused to be deleted, but run #{run.number} is {run.state}."
                    )
            for run in runs:
                self._write_now(self._store.update, run.id, deleted=time.time())
                self._record.tell(run.id, Removed().to_dict())
            # Not only where the lab starts: one may run for months.
            self.purge_old()

    def restore(self, run_ids: Iterable[str]) -> None:
        """Take runs back out of the bin."""
        with self._lock:
            for run_id in run_ids:
                self.existing(run_id)
                self._write_now(self._store.update, run_id, deleted=None)

    def purge(self, run_ids: Iterable[str]) -> None:
        """Remove runs that are in the bin, and their files, for good; others stay."""
        with self._lock:
            for run_id in run_ids:
                run = self.existing(run_id)
                if run.deleted is not None and not run.going:
                    self._write_now(self._store.remove, run_id)
                    self._record.forget(run_id)
                    self._record.tell(run_id, Removed().to_dict())
                    shutil.rmtree(self._files / run_id, ignore_errors=True)

    def purge_old(self) -> None:
        """Remove the runs that have been in the bin for ``BIN_SECONDS``; where the disk refuses it, they stay."""
        oldest = time.time() - BIN_SECONDS
        # Nobody has asked for it: neither the lab's start nor another action may fail with it.
        with contextlib.suppress(ValueError):
            self.purge(run.id for run in self._store.runs(limit=-1, deleted=True) if (run.deleted or 0) < oldest)

    def run(self, run_id: str) -> Run | None:
        """Return the run, or None if there is no such run."""
        with self._lock:
            run = self._store.run(run_id)
            return self._with_live([run])[0] if run else None

    def existing(self, run_id: str) -> Run:
        """Return the run.

        Raises:
            ValueError: if there is no such run.
        """
        run = self.run(run_id)
        if run is None:
            raise ValueError(f"run must be one that the lab has, got run = {run_id[:100]}.")
        return run

    def runs(self, limit: int = 50, deleted: bool = False) -> list[Run]:
        """Return the latest runs, newest first; or those in the bin."""
        with self._lock:
            return self._with_live(self._store.runs(limit, deleted))

    def children(self, run_id: str) -> list[Run]:
        """Return the runs that were forked from this one, oldest first, without those in the bin."""
        with self._lock:
            return self._with_live(self._store.children(run_id))

    def changes(self, after: int) -> tuple[int, set[str]]:
        """Return the number of the latest change, and the runs that got events, or are gone, since ``after``."""
        with self._lock:
            return self._record.changes(after)

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with the run's id and each event that is recorded from now on, and ``Removed``.

        It is called from the threads that record, so it must return at once and raise nothing.
        """
        with self._lock:
            self._record.listen(listener)

    def started_by(self, sweep: str) -> list[Run]:
        """Return the runs that were started together under this id, those in the bin too, oldest first."""
        with self._lock:
            return self._with_live(self._store.started_by(sweep))

    def in_states(self, states: Iterable[str]) -> list[Run]:
        """Return the runs in one of ``states``, those in the bin too."""
        with self._lock:
            return self._with_live(self._store.in_states(states))

    def messages(self, run_id: str, after: int = -1) -> list[str] | None:
        """Viewers' messages: the run's events after sequence number ``after``, each as JSON text, ``seq`` in it.

        Returns:
            None if there is no such run.
        """
        with self._lock:
            return self._record.messages(run_id, after)

    def newest(self, run_id: str) -> int:
        """Return the number of the run's latest event; -1 before there is one, or if there is no such run."""
        with self._lock:
            return self._record.newest(run_id)

    def events(self, run_id: str, kinds: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return the recorded events of the run, as ``Store.timed_events``, which needs no lock but its own."""
        return self._store.timed_events(run_id, kinds)

    def history(self, run_id: str) -> History:
        """History of the run, folded from its recorded events; empty if there is no such run."""
        with self._lock:
            bodies = self._store.events(run_id)
        return History(map(read_event, bodies))

    def branch_rate(self, run_id: str) -> float | None:
        """Return the rate that a branch was given; None for one that keeps its parent's, and for any other run."""
        return branching.own_rate(self._files / run_id)

    def parameters_file(self, run_id: str) -> Path | None:
        """Return the file of the run's final parameters, or None."""
        return self._file(run_id, run_files.PARAMETERS)

    def best_file(self, run_id: str) -> Path | None:
        """Return the file of the parameters of the epoch with the lowest validation loss so far, or None."""
        return self._file(run_id, run_files.BEST)

    def checkpoint_file(self, run_id: str) -> Path | None:
        """Return the file of the run's newest whole checkpoint, or None."""
        return self._file(run_id, run_files.CHECKPOINT)

    def _file(self, run_id: str, name: str) -> Path | None:
        run = self.run(run_id)
        path = self._files / run.id / name if run else None
        return path if path and path.exists() else None

    def _with_live(self, runs: list[Run]) -> list[Run]:
        live = self._live()
        return [dataclasses.replace(run, **live[run.id]) if run.id in live else run for run in runs]

    def _write_now(self, operation: Callable[..., None], *arguments: Any, **columns: Any) -> None:
        """Write a change that a person asked for: it is refused where it cannot be recorded, not kept for later.

        Raises:
            ValueError: if it cannot be recorded.
        """
        try:
            # First what waits to be written: events of a run that is removed before them would have no row.
            self._record.flush()
            if not self.trouble:
                operation(*arguments, **columns)
        except sqlite3.Error as error:
            raise ValueError(f"The change could not be saved on the lab's disk: {error}.") from None
        if self.trouble:
            raise ValueError(self.trouble)


def checked_labels(
    name: str | None = None, notes: str | None = None, tags: Iterable[str] | None = None
) -> dict[str, Any]:
    """Return the given labels as columns of a run: printable, without blanks around them, name and tags on one line.

    Raises:
        ValueError: if a text is too long, or there are too many tags.
    """
    labels: dict[str, Any] = {}
    for key, text, longest in (("name", name, LONGEST_NAME), ("notes", notes, LONGEST_NOTES)):
        if text is not None:
            if len(text) > longest:
                raise ValueError(f"{key} must have at most {longest} characters, got {len(text)} characters.")
            labels[key] = harmless(text.strip()) if key == "notes" else _one_line(text)
    if tags is not None:
        labels["tags"] = list(dict.fromkeys(filter(None, map(_one_line, tags))))
        if len(labels["tags"]) > MOST_TAGS or any(len(tag) > LONGEST_NAME for tag in labels["tags"]):
            raise ValueError(f"tags must be at most {MOST_TAGS}, of at most {LONGEST_NAME} characters each.")
    return labels


def _one_line(text: str) -> str:
    return harmless(" ".join(text.split()))
