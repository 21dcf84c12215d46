"""The record: every event of every run, in the store, and in memory as messages to viewers."""

import json
import sqlite3
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from core.runs import feed
from core.runs.store import Store

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
        self._feeds: OrderedDict[str, list[str]] = OrderedDict()
        self._unwritten: deque[Callable[[], None]] = deque()
        self.trouble = ""

    def append(self, run_id: str, event: dict[str, Any]) -> None:
        """Append the event to the store, and to the messages to viewers."""
        messages = self.messages(run_id)
        run = self._store.run(run_id)
        assert messages is not None
        assert run is not None
        seq = len(messages)
        self.write(self._store.append, run_id, seq, json.dumps(event, separators=(",", ":")), time.time())
        messages.append(feed.message(seq, event, run.config.span.steps))

    def update(self, run_id: str, **columns: Any) -> None:
        """Set columns of the run."""
        self.write(self._store.update, run_id, **columns)

    def write(self, operation: Callable[..., None], *arguments: Any, **columns: Any) -> None:
        """Write to the store, after the pending writes."""
        self._unwritten.append(lambda: operation(*arguments, **columns))
        self.flush()

    def flush(self) -> None:
        """Retry the pending writes, in order, until one fails."""
        while self._unwritten:
            try:
                self._unwritten[0]()
            except sqlite3.OperationalError as error:
                self.trouble = f"The lab cannot record what happens: {error}. Runs go on; free some space on its disk."
                return
            self._unwritten.popleft()
        self.trouble = ""

    def messages(self, run_id: str) -> list[str] | None:
        """Return the run's messages to viewers, one per event; None if there is no such run.

        They are read from the store if they are not in memory.
        """
        if run_id not in self._feeds:
            run = self._store.run(run_id)
            if run is None:
                return None
            steps = run.config.span.steps
            bodies = self._store.events(run_id)
            self._feeds[run_id] = [feed.message(seq, json.loads(body), steps) for seq, body in enumerate(bodies)]
            # Never while writes wait: some of these events may be in memory alone.
            while len(self._feeds) > REMEMBERED_RUNS and not self._unwritten:
                self._feeds.popitem(last=False)
        self._feeds.move_to_end(run_id)
        return self._feeds[run_id]

    def forget(self, run_id: str) -> None:
        """Drop the run's messages from memory."""
        self._feeds.pop(run_id, None)
