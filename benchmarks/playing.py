"""Workers that train nothing: they play the messages of a run that was trained before, at any rate."""

import functools
import heapq
import itertools
import math
import queue
import random
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.runs import feed
from core.runs import worker as real
from core.runs.queue import FairQueue
from core.runs.store import Store
from core.runs.workers import Message, Worker, Workers
from core.training.config import RunConfig

#: Threads that send. A pool has one for each worker, a thousand here, which would measure Python's switching instead.
SENDERS = 4


class Part:
    """Time that threads have spent in some functions, those that call each other counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = threading.local()

    def time(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            if getattr(self._inside, "yes", False) or not getattr(SENDING, "yes", False):
                return function(*arguments, **named)
            self._inside.yes = True
            begun = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - begun
                self._inside.yes = False

        return timed


#: ``yes`` in the threads that send: others, such as the viewers', are not timed.
SENDING = threading.local()
PARTS = {"store": Part(), "feed": Part(), "queue": Part(), "rest": Part()}


def record(config: RunConfig) -> tuple[list[Message], float]:
    """Train a run as a worker does; returns its messages, and the seconds that it took."""
    inbox = queue.SimpleQueue[Message | None]()
    out = _Kept(inbox)
    with tempfile.TemporaryDirectory() as folder:
        inbox.put({"run": "played", "config": config.to_dict(), "folder": str(Path(folder) / "run")})
        real.serve(1, inbox, out)
    messages = [message for message in out.messages if message.get("run") == "played"]
    return messages, float(messages[-1]["event"]["seconds"])


class _Kept(real.Outbox):
    """Messages of one run, after which its worker ends."""

    def __init__(self, inbox: real.Inbox) -> None:
        self.messages: list[Message] = []
        self._inbox = inbox

    def send(self, message: Message) -> None:
        self.messages.append(message)
        if message.get("event", {}).get("event") == "RunFinished":
            self._inbox.put(None)


class Player(Worker):
    """A worker, at some message of its run."""

    def __init__(self) -> None:
        super().__init__(False)
        self.ready = True
        self.place = 0

    def send(self, message: Message) -> None:
        pass

    def kill(self) -> None:
        pass


class Players(Workers):
    """Workers that share out ``rate`` evenly: each sends its next message when its turn comes.

    Args:
        count: of workers.
        script: the messages of one run.
        on_message, on_idle, on_lost: as of ``Workers``.

    Attributes:
        rate: messages of all workers per second; 0 to pause.
        current: in a thread that sends, ``due`` is the time at which its message was.
        events, ended: messages and last messages so far.
    """

    def __init__(
        self,
        count: int,
        script: list[Message],
        on_message: Callable[[Message], None],
        on_idle: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        super().__init__(on_message, on_idle, on_lost)
        self._script = script
        self._workers: list[Player] = [Player() for _ in range(count)]
        self.rate, self.current = 0.0, threading.local()
        self._sent, self._over = itertools.count(), itertools.count()
        self.events = self.ended = 0
        self._draw = random.Random(0)
        self._threads = [
            threading.Thread(target=self._play, args=(self._workers[place::SENDERS],), daemon=True)
            for place in range(SENDERS)
        ]

    @property
    def size(self) -> int:
        return len(self._workers)

    def start(self) -> None:
        Store._execute = PARTS["store"].time(Store._execute)  # type: ignore[method-assign]
        feed.message = PARTS["feed"].time(feed.message)
        for name in ("order", "take", "put"):
            setattr(FairQueue, name, PARTS["queue"].time(getattr(FairQueue, name)))
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def go_ahead(self) -> None:
        """Bring each run to a place of its own, drawn by a seed, as fast as that goes."""
        for worker in self._workers:
            for _ in range(self._draw.randrange(2, len(self._script) - 1)):
                self._send_next(worker, math.nan, self._on_message)

    def _play(self, workers: list[Player]) -> None:
        """Send the messages of these workers when they are due."""
        SENDING.yes = True
        send = PARTS["rest"].time(self._on_message)
        while not self._closing.is_set():
            if not (rate := self.rate):
                self._closing.wait(0.05)
                continue
            # Spread over one interval, so that they do not all send at once.
            interval, begun = self.size / rate, time.monotonic()
            due = [(begun + interval * place / len(workers), place) for place in range(len(workers))]
            heapq.heapify(due)
            beat = begun
            while self.rate == rate and not self._closing.is_set():
                if time.monotonic() - beat >= real.HEARTBEAT_SECONDS:
                    beat = time.monotonic()
                    for worker in workers:
                        worker.record_heartbeat()
                moment, place = due[0]
                if (pause := moment - time.monotonic()) > 0:
                    self._closing.wait(min(pause, 0.1))
                    continue
                heapq.heapreplace(due, (moment + interval, place))
                self._send_next(workers[place], moment, send)

    def _send_next(self, worker: Player, moment: float, send: Callable[[Message], None]) -> None:
        if worker.run_id is None:
            return
        message = {**self._script[worker.place], "run": worker.run_id}
        # Before it is sent: the last one brings the worker its next run.
        worker.place = (worker.place + 1) % len(self._script)
        self.current.due = moment
        if not worker.place:
            self.ended = next(self._over) + 1
        send(message)
        self.events = next(self._sent) + 1
