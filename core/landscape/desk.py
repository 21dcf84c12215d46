"""Studies worked on in the background, one after another, and kept as files named by what they depend on."""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core import devices
from core.data import Mnist
from core.landscape import study as studies
from core.landscape.grid import Tick
from core.landscape.study import Result, Study, Track

#: A study that nobody has asked for in this time is dropped: its page was closed, or asks for something else.
PATIENCE_SECONDS = 20.0
#: Two, so that a large grid takes seconds; not more, since others train and look at pages meanwhile.
THREADS = min(2, os.cpu_count() or 1)
#: Finished studies that stay in memory.
REMEMBERED = 8

#: Finds a study's runs and models; told how to report the share done. Raises ValueError with a sentence if it cannot.
Gather = Callable[[Study, Tick], Sequence[Track]]


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a study is.

    Args:
        result: what is known so far; None in the beginning.
        revision: grows with every new result.
        stage: what is going on, for people; "" when it is over.
        share: of the stage, 0 to 1.
        failed: one sentence, or "".
    """

    result: Result | None = None
    revision: int = 0
    stage: str = "Waiting for its turn"
    share: float = 0.0
    failed: str = ""

    @property
    def over(self) -> bool:
        return bool(self.failed) or (self.result is not None and self.result.done)


class _DroppedError(Exception):
    """Nobody waits for the study any more."""


class Desk:
    """Works in one thread of this process; torch lets the others run while it computes.

    Args:
        folder: where results are kept; made when the first one is.
        gather: called in the desk's thread.
        mnist: called in the desk's thread.
        clock: monotonic seconds.
    """

    def __init__(
        self, folder: Path, gather: Gather, mnist: Callable[[], Mnist], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._gather, self._mnist, self._clock = folder, gather, mnist, clock
        self._lock = threading.Lock()
        self._progress: dict[str, Progress] = {}
        self._asked: dict[str, float] = {}
        self._queue: queue.SimpleQueue[Study | None] = queue.SimpleQueue()
        self._closed = False
        threading.Thread(target=self._work, daemon=True, name="landscapes").start()

    def close(self) -> None:
        """Drop what is being worked on."""
        self._closed = True
        self._queue.put(None)

    def path(self, study: Study) -> Path:
        """Where the study's result is kept, or will be."""
        return self._folder / f"{study.key}.npz"

    def ask(self, study: Study) -> Progress:
        """How far the study is; the first call starts it. It goes on as long as somebody asks."""
        with self._lock:
            self._asked[study.key] = self._clock()
            if study.key in self._progress:
                return self._progress[study.key]
        kept = studies.load(self.path(study))
        with self._lock:
            if study.key not in self._progress:
                self._progress[study.key] = Progress(kept, 1, "") if kept else Progress()
                if not kept:
                    self._queue.put(study)
            return self._progress[study.key]

    def forget(self, study: Study) -> None:
        """Let the next ``ask`` start anew: after a failure."""
        with self._lock:
            if study.key in self._progress and self._progress[study.key].over:
                del self._progress[study.key]

    def _work(self) -> None:
        # One torch thread: beside runs that train, more would wait for each other (benchmarks/LOG.md).
        devices.prepare_cpu(1)
        while (study := self._queue.get()) is not None:
            try:
                self._one(study)
            except _DroppedError:
                with self._lock:
                    del self._progress[study.key]
            except Exception as error:
                if not isinstance(error, (ValueError, OSError)):
                    logging.getLogger(__name__).exception("A landscape failed")
                with self._lock:
                    self._progress[study.key] = Progress(stage="", failed=str(error) or type(error).__name__)

    def _one(self, study: Study) -> None:
        def tick(stage: str) -> Tick:
            return lambda share: self._tell(study, stage=stage, share=share)

        tick("Replaying the runs")(0.0)
        tracks = self._gather(study, tick("Replaying the runs"))
        results = studies.compute(study, tracks, self._mnist(), tick("Computing the loss"), THREADS)
        for revision, result in enumerate(results, 1):
            if result.done:
                studies.save(result, self.path(study))
            self._tell(study, result=result, revision=revision, stage="" if result.done else "Computing the loss")
        self._trim()

    def _tell(self, study: Study, **news: Any) -> None:
        with self._lock:
            if self._closed or self._clock() - self._asked[study.key] > PATIENCE_SECONDS:
                raise _DroppedError
            now = self._progress[study.key]
            self._progress[study.key] = replace(now, **news)

    def _trim(self) -> None:
        with self._lock:
            over = sorted((key for key, p in self._progress.items() if p.over), key=self._asked.__getitem__)
            for key in over[:-REMEMBERED]:
                del self._progress[key], self._asked[key]
