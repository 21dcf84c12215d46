"""The live stream of runs' events to browsers.

``/lab/live`` first sends the token of this server process: ``{"lab": token}``. A client then sends the runs that it
wants and the number of the last event that it has of each, ``{"runs": {id: seq}}``, -1 for none, as often as it
likes. For each it gets ``{"run": id, "events": [...], "over": bool, "position": number}`` with what it lacks, at once
and perhaps empty, then with each new event, at most every 100 ms; ``over``: the run has ended, and these were its last
events; ``position``: its place in the queue from 1, null unless it waits. So a dropped connection loses and doubles
nothing. Under another token the events may be others (a server that was killed
may have lost its last ones), so a client then starts from -1.

One task polls the service for those runs that have subscribers and have changed; a run that cannot be read is tried
again later, and delays no other. A frame is encoded once for all subscribers at the same event. There is no queue per
subscriber: a slow one falls behind in its run's list, and gets fewer, larger frames. One that reads nothing for
``PATIENCE_SECONDS`` is cut off; its browser reconnects when it wakes.
"""

import asyncio
import contextlib
import json
import logging
import math
import re
import secrets
import time
from collections.abc import Collection, Mapping

from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.runs import states
from dashboard import lab

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.1
#: Time between two polls of the service: the delay of an event that comes after a pause of the interval.
POLL_SECONDS = 0.02
#: Time until a run whose events could not be read is tried again.
RETRY_SECONDS = 5.0
#: Characters of events in one frame, unless a single event has more.
LARGEST_FRAME = 64 * 1024
#: Longest time that a frame waits for a client that does not read.
PATIENCE_SECONDS = 10.0
#: Runs that one client may subscribe to at once, and characters of the message that says which.
MOST_RUNS, LARGEST_MESSAGE = 256, 64 * 1024
_RUN_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
#: Encoded frames of one run kept for other subscribers at the same event.
KEPT_FRAMES = 8
TOKEN = secrets.token_hex(8)
_TRANSPORT = "descent.transport"


class Subscriber:
    """One client, and the number of the last event that it has of each of its runs."""

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        #: Runs without a frame since the request: the first one is sent even if it is empty.
        self.unanswered: set[str] = set()
        self.wake = asyncio.Event()


class Subscription:
    """A run that somebody follows: its events so far, as JSON, and its subscribers."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.subscribers: set[Subscriber] = set()
        self.messages: list[str] = []
        self.position: int | None = None
        #: Its messages have been read; no frame is sent before.
        self.read = False
        self.unknown = self.over = False
        #: There is something to publish.
        self.changed = False
        #: The time to read it though it has not changed: now at first, and some time after a failure.
        self.retry_at = -math.inf
        self._published = -INTERVAL_SECONDS
        self._frames: dict[int, tuple[str, int]] = {}

    def extend(self, new: list[str] | None) -> None:
        """Add the service's new messages of the run; None if there is no such run."""
        self.changed = self.changed or not self.read or bool(new) or new is None
        self.read, self.unknown, self.retry_at = True, new is None, math.inf
        if new:
            self.messages += new
            self._frames.clear()
        for message in new or []:
            if '"event":"State"' in message:
                self.over = json.loads(message)["state"] in states.OVER

    def postpone(self, now: float, error: Exception) -> None:
        """Read it again later. Only the first failure is logged."""
        if not math.isfinite(self.retry_at):
            log.error("the stream waits: the service did not answer for run %s", self.run_id, exc_info=error)
        self.retry_at = now + RETRY_SECONDS

    def move(self, position: int | None) -> None:
        """Set the run's place in the queue; each subscriber gets a frame with another one, if need be an empty one."""
        if position != self.position:
            self.position, self.changed = position, True
            self._frames.clear()
            for subscriber in self.subscribers:
                subscriber.unanswered.add(self.run_id)

    def publish(self, now: float) -> None:
        """Wake the subscribers that lack something, unless they were woken less than the interval ago."""
        if not self.changed or now - self._published < INTERVAL_SECONDS:
            return
        self.changed = False
        last = len(self.messages) - 1
        for subscriber in self.subscribers:
            if self.unknown or subscriber.positions[self.run_id] < last or self.run_id in subscriber.unanswered:
                subscriber.wake.set()
                self._published = now

    def frame(self, after: int) -> tuple[str, int]:
        """Return the events after number ``after`` as one frame, as many as fit, and the number of the last one."""
        if after not in self._frames:
            end, size = after + 1, 0
            while end < len(self.messages) and (end == after + 1 or size + len(self.messages[end]) <= LARGEST_FRAME):
                size += len(self.messages[end])
                end += 1
            over = json.dumps(self.over and end >= len(self.messages))
            events = ",".join(self.messages[after + 1 : end])
            if len(self._frames) == KEPT_FRAMES:
                del self._frames[next(iter(self._frames))]
            head = f'"run":{json.dumps(self.run_id)},"position":{json.dumps(self.position)}'
            self._frames[after] = f'{{{head},"events":[{events}],"over":{over}}}', end - 1
        return self._frames[after]


class Broadcast:
    """The runs that somebody follows. One task polls the service for all of them, while there are any."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self._task: asyncio.Task[None] | None = None
        self._poll_now: asyncio.Event

    def subscribe(self, subscriber: Subscriber, positions: Mapping[str, int]) -> None:
        """Subscribe to these runs and to no others, each after the number of the last event that the client has."""
        for run_id in set(subscriber.positions) - set(positions):
            self.unsubscribe(subscriber, run_id)
        subscriber.positions, subscriber.unanswered = dict(positions), set(positions)
        for run_id in positions:
            self.subscriptions.setdefault(run_id, Subscription(run_id)).subscribers.add(subscriber)
        subscriber.wake.set()
        if not self.subscriptions:
            return
        if self._task is None or self._task.done():
            self._poll_now = asyncio.Event()
            self._task = asyncio.create_task(self._poll())
        self._poll_now.set()

    def unsubscribe(self, subscriber: Subscriber, run_id: str) -> None:
        """End one subscription."""
        subscription = self.subscriptions.get(run_id)
        if subscription:
            subscription.subscribers.discard(subscriber)
            if not subscription.subscribers:
                del self.subscriptions[run_id]

    async def _poll(self) -> None:
        self._serial = 0
        while self.subscriptions:
            self._poll_now.clear()
            try:
                await self._read_changes()
            except Exception:
                log.exception("the stream waits: the service did not answer")
                await asyncio.sleep(1)
                continue
            for subscription in list(self.subscriptions.values()):
                subscription.publish(time.monotonic())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poll_now.wait(), POLL_SECONDS)

    async def _read_changes(self) -> None:
        """Get what is new of the runs that have changed, that nobody followed before, or that could not be read."""
        now = time.monotonic()
        known = {run_id: len(subscription.messages) - 1 for run_id, subscription in self.subscriptions.items()}
        due = {run_id for run_id, subscription in self.subscriptions.items() if subscription.retry_at <= now}
        self._serial, new, positions = await asyncio.to_thread(_changes, self._serial, known, due)
        for run_id, subscription in self.subscriptions.items():
            # Meanwhile its last subscriber may have gone, and come back to a new subscription.
            if run_id in new and len(subscription.messages) - 1 == known[run_id]:
                messages = new[run_id]
                if isinstance(messages, Exception):
                    subscription.postpone(now, messages)
                else:
                    subscription.extend(messages)
            subscription.move(positions.get(run_id))


Messages = list[str] | None


def _changes(
    serial: int, known: Mapping[str, int], due: Collection[str]
) -> tuple[int, dict[str, Messages | Exception], dict[str, int]]:
    """Ask the service; not in the event loop, since an old run is read from the disk.

    Each run is asked for by itself, so that one that cannot be read, for whatever reason, stops no other.

    Returns:
        The serial number of its latest change; the new messages of runs that changed after ``serial`` or are due, or
        the error; and the places of waiting runs.
    """
    service = lab.service()
    latest, changed = service.changes(serial)
    new: dict[str, Messages | Exception] = {}
    for run_id in known.keys() & (changed | set(due)):
        try:
            new[run_id] = service.messages(run_id, known[run_id])
        except Exception as error:
            new[run_id] = error
    return latest, new, service.positions()


broadcast = Broadcast()


async def stream(websocket: WebSocket) -> None:
    """Serve one client until it goes."""
    await websocket.accept()
    subscriber = Subscriber()
    tasks = [asyncio.create_task(work(websocket, subscriber)) for work in (_listen, _publish)]
    try:
        # When one ends, the other does too: a frame must not wait for a client that has gone.
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        broadcast.subscribe(subscriber, {})


async def _publish(websocket: WebSocket, subscriber: Subscriber) -> None:
    """Send what the client lacks whenever there is something new, until it goes or does not read."""
    try:
        await _send(websocket, json.dumps({"lab": TOKEN}))
        while True:
            await subscriber.wake.wait()
            subscriber.wake.clear()
            await _send_new(websocket, subscriber)
    except (WebSocketDisconnect, TimeoutError):
        pass


async def _listen(websocket: WebSocket, subscriber: Subscriber) -> None:
    """Receive the runs that the client wants, until it goes or sends anything else, which closes the connection."""
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            broadcast.subscribe(subscriber, _requested(message.get("text") or ""))
    except ValueError as error:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(1003, str(error))


def _requested(text: str) -> dict[str, int]:
    """Read a client's message.

    Returns:
        The id of each run that it wants, and the number of the last event that it has of it, from -1.

    Raises:
        ValueError: with the reason for which its connection is closed, of at most 123 bytes.
    """
    if len(text) > LARGEST_MESSAGE:
        raise ValueError(f"A message has at most {LARGEST_MESSAGE} characters.")
    try:
        message = json.loads(text)
    # Nested deeper than Python's own limit.
    except (ValueError, RecursionError):
        raise ValueError("A message is JSON.") from None
    runs = message.get("runs") if isinstance(message, dict) else None
    if not isinstance(runs, dict) or not all(type(seq) is int and -1 <= seq < 2**53 for seq in runs.values()):
        raise ValueError('A message is {"runs": {id: number of the last event}}, -1 for none.')
    if len(runs) > MOST_RUNS:
        raise ValueError(f"A message names at most {MOST_RUNS} runs.")
    if not all(_RUN_ID.fullmatch(run_id) for run_id in runs):
        raise ValueError("A run's id has 1 to 64 letters, digits, _ and -.")
    return runs


async def _send_new(websocket: WebSocket, subscriber: Subscriber) -> None:
    """Send the events that the client lacks; a new request of its own replaces ``positions`` and wakes it again."""
    positions = subscriber.positions
    for run_id in list(positions):
        while subscriber.positions is positions and run_id in positions:
            subscription = broadcast.subscriptions[run_id]
            if subscription.unknown:
                del positions[run_id]
                broadcast.unsubscribe(subscriber, run_id)
                await _send(websocket, f'{{"run":{json.dumps(run_id)},"events":[{{"event":"Unknown"}}],"over":true}}')
            elif subscription.read and (
                positions[run_id] < len(subscription.messages) - 1 or run_id in subscriber.unanswered
            ):
                frame, last = subscription.frame(positions[run_id])
                subscriber.unanswered.discard(run_id)
                positions[run_id] = last
                await _send(websocket, frame)
            else:
                break


async def _send(websocket: WebSocket, text: str) -> None:
    """Send a frame; TimeoutError if the client does not read."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await websocket.send_text(text)
    except TimeoutError:
        if transport := websocket.scope.get(_TRANSPORT):
            transport.abort()
        raise


class Transports:
    """Middleware that puts a WebSocket's transport into its scope, for ``stream``.

    Closing a connection waits until the client has read what was sent. One that never does would stay, and the server
    would wait for it at its own end; ASGI has no message that cuts a client off, uvicorn's transport has ``abort``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


middleware = [Middleware(Transports)]
routes = [WebSocketRoute("/lab/live", stream)]
