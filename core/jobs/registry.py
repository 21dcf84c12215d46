"""Jobs by key: all requests for a key share one job."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

R = TypeVar("R")

WAITING = "Waiting for its turn"
#: Seconds that ``close`` waits for the threads: a report comes a few times per second, and nothing is lost without it.
CLOSE_SECONDS = 1.0


class Cancelled(BaseException):  # not an error, and no ``except Exception`` of a job may swallow it
    """Raised inside a job's work when its result is no longer wanted."""


@dataclass(frozen=True)
class Kind:
    """A kind of job, with a thread and a queue of its own.

    Args:
        name: unique; of the thread.
        patience: seconds without a request after which a job is dropped.
        remembered: finished jobs that stay in memory, the most recently requested ones.
    """

    name: str
    patience: float
    remembered: int


@dataclass(frozen=True, eq=False)
class Status(Generic[R]):
    """State of a job at one moment.

    Args:
        started: it waits for its turn, runs or is done; False before the first start and after a cancel.
        stage: current activity, for people; "" when done.
        share: of the stage, 0 to 1.
        result: the whole result when done, or a preliminary one; None before there is one.
        revision: number of results so far.
        failure: one sentence, or "".
        done: with a result or with a failure.
    """

    started: bool = False
    stage: str = ""
    share: float = 0.0
    result: R | None = None
    revision: int = 0
    failure: str = ""
    done: bool = False


class Report(Generic[R]):
    """One attempt at a job, as its work sees it: call it to report progress, a few times per second."""

    def __init__(self, job: "Job[R]") -> None:
        self.job = job
        self.cancelled = False
        self._on_cancel: Callable[[], object] = lambda: None

    def __call__(self, stage: str, share: float = 0.0, result: R | None = None) -> None:
        """Publish where the work is, and a preliminary result if there is a new one.

        Raises:
            Cancelled: if the result is no longer wanted.
        """
        self.job.publish(self, stage, share, result)

    @property
    def elsewhere(self) -> Any:
        """The starter of processes on other machines, as ``process.Elsewhere``; None where all is done on this one."""
        return self.job._jobs.elsewhere

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call ``callback`` once when the job is cancelled: for work that waits and so cannot report.

        Raises:
            Cancelled: if it has been already.
        """
        self._on_cancel = callback
        # In this order: a cancel between the two lines is seen by one of them.
        if self.cancelled:
            raise Cancelled

    def cancel(self) -> None:
        self.cancelled = True
        self._on_cancel()


#: Computes a job's result in a background thread. A ValueError or OSError becomes the job's failure.
Work = Callable[[Report[R]], R]


class Job(Generic[R]):
    """One piece of background work, shared by everybody who asks for it. Made by ``Jobs.get``.

    Every method may be called from any thread.
    """

    def __init__(self, jobs: "Jobs", kind: Kind, key: Hashable, work: Work[R], result: R | None) -> None:
        self.kind, self.key, self.work = kind, key, work
        self._jobs = jobs
        self._attempt: Report[R] | None = None
        self._status: Status[R] = Status() if result is None else Status(True, "", 1.0, result, 1, "", True)
        self.last_request = jobs.clock()

    def status(self) -> Status[R]:
        """Return the current state. Asking keeps the job from being dropped."""
        self.last_request = self._jobs.clock()
        return self._status

    def start(self) -> None:
        """Queue the work unless it is under way or done."""
        with self._jobs.lock:
            self.last_request = self._jobs.clock()
            if self._status.started:
                return
            if self._jobs.closed:
                self._status = Status(True, failure="The lab is closing.", done=True)
                return
            self._status = Status(True, WAITING)
            self._attempt = Report(self)
            self._jobs.enqueue(self._attempt)

    def retry(self) -> None:
        """Start anew after a failure; nothing otherwise, so two people who press the button retry it once."""
        with self._jobs.lock:
            if self._status.failure:
                self._status = Status()
                self.start()

    def cancel(self) -> None:
        """Drop the work for everybody; ``start`` begins anew. Nothing if it is done."""
        with self._jobs.lock:
            if self._attempt and not self._status.done:
                attempt, self._attempt, self._status = self._attempt, None, Status()
                attempt.cancel()

    def wait(self, watch: Callable[[Status[R]], object] = lambda status: None, pause: float = 0.1) -> R:
        """Start the job, wait until it is done, and return its result.

        Args:
            watch: called with every status; raises to stop waiting.

        Raises:
            ValueError: the job's failure.
        """
        while True:
            self.start()
            status = self.status()
            if status.failure:
                raise ValueError(status.failure)
            if status.done:
                assert status.result is not None
                return status.result
            watch(status)
            time.sleep(pause)

    def publish(self, attempt: Report[R], stage: str, share: float, result: R | None = None) -> None:
        """Take a report of the running attempt; only ``Report`` and ``Jobs`` call it."""
        with self._jobs.lock:
            if not attempt.cancelled and self._jobs.clock() - self.last_request > self.kind.patience:
                self.cancel()
            if attempt.cancelled:
                raise Cancelled
            now = self._status
            if result is not None and result is not now.result:
                now = replace(now, result=result, revision=now.revision + 1)
            self._status = replace(now, stage=stage, share=share)

    def finish(self, attempt: Report[R], result: R | None, failure: str = "") -> None:
        """End the running attempt; only ``Jobs`` calls it."""
        with self._jobs.lock:
            # A result that is there stays, even without a recent request.
            self.last_request = self._jobs.clock()
            self.publish(attempt, "", 1.0, result)
            self._status = replace(self._status, failure=failure, done=True)


class Jobs:
    """All jobs of a lab: one at a time per kind, the others wait.

    Args:
        clock: monotonic seconds.
        elsewhere: starts processes of jobs on other machines, as ``process.Elsewhere``.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, elsewhere: Any = None) -> None:
        self.clock, self.elsewhere = clock, elsewhere
        # Reentrant: a report on a job without requests cancels that job.
        self.lock = threading.RLock()
        self.closed = False
        self._jobs: dict[tuple[Kind, Hashable], Job[Any]] = {}
        self._queues: dict[Kind, queue.SimpleQueue[Report[Any] | None]] = {}
        self._threads: list[threading.Thread] = []

    def get(self, kind: Kind, key: Hashable, work: Work[R], load: Callable[[], R | None] = lambda: None) -> Job[R]:
        """Return the job of a key, made on the first call; not started.

        Args:
            key: names all that the result depends on.
            work: called in the kind's thread.
            load: reads a result from the disk, or returns None; with a result the job is done from the beginning.
        """
        with self.lock:
            if existing := self._jobs.get((kind, key)):
                return existing
        # Outside the lock: reading takes a while.
        result = load()
        with self.lock:
            job = self._jobs.setdefault((kind, key), Job(self, kind, key, work, result))
            self._trim(kind, job)
            return job

    def close(self) -> None:
        """Cancel all work, end its processes and wait for its threads."""
        with self.lock:
            self.closed = True
            for job in self._jobs.values():
                job.cancel()
            for waiting in self._queues.values():
                waiting.put(None)
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def enqueue(self, attempt: Report[Any]) -> None:
        """Give an attempt to its kind's thread, which starts with the first one; only ``Job`` calls it."""
        kind = attempt.job.kind
        if kind not in self._queues:
            self._queues[kind] = queue.SimpleQueue()
            # A daemon, since work between two reports must not hold up the end of the process.
            thread = threading.Thread(target=self._work, args=(self._queues[kind],), daemon=True, name=kind.name)
            self._threads.append(thread)
            thread.start()
        self._queues[kind].put(attempt)

    def _work(self, waiting: "queue.SimpleQueue[Report[Any] | None]") -> None:
        while (attempt := waiting.get()) is not None:
            job = attempt.job
            try:
                try:
                    attempt(WAITING)
                    result, failure = job.work(attempt), ""
                except (ValueError, OSError) as error:
                    result, failure = None, str(error)
                except Exception as error:
                    logging.getLogger(__name__).exception("A job failed: %s %s", job.kind.name, job.key)
                    result, failure = None, f"An unexpected error ended this: {type(error).__name__}."
                job.finish(attempt, result, failure)
            except Cancelled:
                pass

    def _trim(self, kind: Kind, new: Job[Any]) -> None:
        """Forget jobs beyond those that are remembered, unfinished ones that nobody started first."""
        idle = [job for job in self._jobs.values() if job.kind == kind and job is not new and _idle(job)]
        idle.sort(key=lambda job: (job._status.done, job.last_request))
        for job in idle[: -kind.remembered]:
            del self._jobs[kind, job.key]


def _idle(job: Job[Any]) -> bool:
    return job._status.done or not job._status.started
