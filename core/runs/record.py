"""The record: every event of every run, in the store, and in memory as messages to viewers."""

import itertools
import json
import sqlite3
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from core.runs import feed
from core.runs.states import sets_rate
from core.runs.store import Store, read_event

#: Takes a run's id and an event of it.
Listener = Callable[[str, dict[str, Any]], object]

#: Number of runs whose messages to viewers stay in memory.
REMEMBERED_RUNS = 64


class Record:
    """The writing side of the store. Writes that fail wait in memory, in order, until they succeed.

    Not safe for several threads at once: its owner has a lock.

    Attributes:
        trouble: one sentence while writes wait, else "".
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        #: By run, the messages to viewers; of the ``REMEMBERED_RUNS`` that viewers asked for last, and of those with
        #: events that wait to be written.
        self._feeds: OrderedDict[str, list[str]] = OrderedDict()
        #: By run that has been asked for or got events, the number of its next event, and its steps.
        self._ends: dict[str, tuple[int, int]] = {}
        self._unwritten: deque[Callable[[], None]] = deque()
        #: The number of the latest change of each run that has changed in this process, the latest last.
        self._changes: OrderedDict[str, int] = OrderedDict()
        self._serial = 0
        self._batch: list[Callable[[], None]] | None = None
        self._listeners: list[Listener] = []
        self.trouble = ""

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with each event that is appended from now on; it must return at once and raise nothing."""
        self._listeners.append(listener)

    def append(self, run_id: str, event: dict[str, Any]) -> None:
        """Append the event to the store, and to the messages to viewers.

        Raises:
            LookupError: if there is no such run.
            sqlite3.DatabaseError: if the store is damaged.
        """
        if (end := self._end(run_id)) is None:
            raise LookupError(f"There is no run {run_id}.")
        seq, steps = end
        self.write(self._store.append, run_id, seq, json.dumps(event, separators=(",", ":")), time.time())
        self._ends[run_id] = seq + 1, steps
        if sets_rate(event):
            self.update(run_id, rate_by_hand=True)
        # A run that no viewer asked for has no messages, so that any number of runs can train at once. One whose event
        # could not be written has, since the store lacks it; this is the first, or it would have them already.
        if run_id not in self._feeds and (self._unwritten or self._batch is not None):
            self._load(run_id)
        if run_id in self._feeds:
            self._feeds[run_id].append(feed.message(seq, event, steps))
        self._note(run_id)
        self.tell(run_id, event)

    def tell(self, run_id: str, event: dict[str, Any]) -> None:
        """Call the listeners with an event of the run, which is not recorded here."""
        for listener in self._listeners:
            listener(run_id, event)

    def changes(self, after: int) -> tuple[int, set[str]]:
        """Return the number of the latest change, and the runs that got events, or are gone, since ``after``."""
        new = itertools.takewhile(lambda change: change[1] > after, reversed(self._changes.items()))
        return self._serial, {run_id for run_id, _ in new}

    def update(self, run_id: str, **columns: Any) -> None:
        """Set columns of the run."""
        self.write(self._store.update, run_id, **columns)

    def write(self, operation: Callable[..., None], *arguments: Any, **columns: Any) -> None:
        """Write to the store, after the pending writes."""
        if self._batch is not None:
            self._batch.append(lambda: operation(*arguments, **columns))
            return
        self._unwritten.append(lambda: operation(*arguments, **columns))
        self.flush()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make one write of all the writes inside, for a change of many runs."""
        writes: list[Callable[[], None]] = []
        self._batch = writes
        try:
            yield
        finally:
            self._batch = None
            if writes:
                self.write(self._store.together, writes)
            self._trim()

    def flush(self) -> None:
        """Retry the pending writes, in order, until one fails."""
        while self._unwritten:
            try:
                self._unwritten[0]()
            except sqlite3.OperationalError as error:
                self.trouble = f"The lab cannot record what happens: {error}. Runs go on; free some space on its disk."
                return
            except sqlite3.Error:
                # A damaged page: trying again would fail for ever, and hold up what all other runs write.
                self._unwritten.popleft()
                raise
            self._unwritten.popleft()
        self.trouble = ""

    def messages(self, run_id: str, after: int = -1) -> list[str] | None:
        """Return the run's messages to viewers after number ``after``, one per event; None if there is no such run.

        They are read from the store if they are not in memory.
        """
        if run_id not in self._feeds:
            if (end := self._end(run_id)) is None:
                return None
            # A viewer of more runs than are remembered asks for each after its latest event, again and again.
            if after >= 0:
                bodies = enumerate(self._store.events(run_id, after), after + 1)
                return [feed.message(seq, read_event(body), end[1]) for seq, body in bodies]
            self._load(run_id)
        self._feeds.move_to_end(run_id)
        messages = self._feeds[run_id][max(-1, after) + 1 :]
        self._trim()
        return messages

    def newest(self, run_id: str) -> int:
        """Return the number of the run's latest event; -1 before there is one, or if there is no such run."""
        end = self._end(run_id)
        return end[0] - 1 if end else -1

    def _end(self, run_id: str) -> tuple[int, int] | None:
        """Return the number of the run's next event, and its steps; None if there is no such run."""
        if run_id not in self._ends:
            if (run := self._store.run(run_id)) is None:
                return None
            self._ends[run_id] = self._store.length(run_id), run.config.span.steps
        return self._ends[run_id]

    def _load(self, run_id: str) -> None:
        """Bring the run's messages into memory."""
        steps, bodies = self._ends[run_id][1], self._store.events(run_id)
        self._feeds[run_id] = [feed.message(seq, read_event(body), steps) for seq, body in enumerate(bodies)]

    def _trim(self) -> None:
        # Never while writes wait: some of these events may be in memory alone.
        while len(self._feeds) > REMEMBERED_RUNS and not self._unwritten and self._batch is None:
            self._feeds.popitem(last=False)

    def forget(self, run_id: str) -> None:
        """Drop the run's messages from memory."""
        self._feeds.pop(run_id, None)
        self._ends.pop(run_id, None)
        self._note(run_id)

    def _note(self, run_id: str) -> None:
        self._serial += 1
        self._changes[run_id] = self._serial
        self._changes.move_to_end(run_id)
