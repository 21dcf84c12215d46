"""The live stream of runs' events to browsers.

``/lab/live`` first sends the token of this server process: ``{"lab": token}``. A client then sends the runs that it
wants and the number of the last event that it has of each, ``{"runs": {id: seq}}``, -1 for none, as often as it
likes. For each it gets ``{"run": id, "events": [...], "over": bool}`` with what it lacks, at once and perhaps empty,
then with each new event, at most every 100 ms; ``over``: the run has ended, and these were its last events. So a
dropped connection loses and doubles nothing. Under another token the events may be others (a server that was killed
may have lost its last ones), so a client then starts from -1.

One task polls the service for all runs that have subscribers; a frame is encoded once for all subscribers at the same
event. There is no queue per subscriber: a slow one falls behind in its run's list, and gets fewer, larger frames. One
that reads nothing for ``PATIENCE_SECONDS`` is cut off; its browser reconnects when it wakes.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Mapping

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
#: The same for a run that is over, which somebody may resume.
OVER_POLL_SECONDS = 1.0
#: Characters of events in one frame, unless a single event has more.
LARGEST_FRAME = 64 * 1024
#: Longest time that a frame waits for a client that does not read.
PATIENCE_SECONDS = 10.0
#: Runs that one client may subscribe to at once.
MOST_RUNS = 256
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
        self.unknown = self.over = False
        self.polled: float | None = None
        self._published = -INTERVAL_SECONDS
        self._frames: dict[int, tuple[str, int]] = {}

    def due(self, now: float) -> bool:
        """Return True if it is time to poll the service again."""
        return self.polled is None or not self.over or now - self.polled >= OVER_POLL_SECONDS

    def extend(self, new: list[str] | None, now: float) -> None:
        """Add the service's new messages of the run; None if there is no such run."""
        self.unknown = new is None
        if new or self.polled is None:
            self.messages += new or []
            self._frames.clear()
        for message in new or []:
            if '"event":"State"' in message:
                self.over = json.loads(message)["state"] in states.OVER
        self.polled = now

    def publish(self, now: float) -> None:
        """Wake the subscribers that lack something, unless they were woken less than the interval ago."""
        if now - self._published < INTERVAL_SECONDS:
            return
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
            self._frames[after] = f'{{"run":{json.dumps(self.run_id)},"events":[{events}],"over":{over}}}', end - 1
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
        while self.subscriptions:
            now = time.monotonic()
            known = {
                run_id: len(subscription.messages) - 1
                for run_id, subscription in self.subscriptions.items()
                if subscription.due(now)
            }
            self._poll_now.clear()
            try:
                new = await asyncio.to_thread(_new_messages, known) if known else {}
            except Exception:
                log.exception("the stream waits: the service did not answer")
                await asyncio.sleep(1)
                continue
            for run_id in known:
                # Meanwhile its last subscriber may have gone, and come back to a new subscription.
                subscription = self.subscriptions.get(run_id)
                if subscription and len(subscription.messages) - 1 == known[run_id]:
                    subscription.extend(new[run_id], now)
            for subscription in list(self.subscriptions.values()):
                subscription.publish(time.monotonic())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poll_now.wait(), POLL_SECONDS)


def _new_messages(known: Mapping[str, int]) -> dict[str, list[str] | None]:
    """Return the service's messages after the known ones. Not for the event loop: an old run is read from the disk."""
    service = lab.service()
    return {run_id: service.messages(run_id, after) for run_id, after in known.items()}


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
    """Receive the runs that the client wants, until it goes or sends anything else."""
    try:
        while True:
            message = json.loads(await websocket.receive_text())
            positions = {str(run_id): max(-1, int(seq)) for run_id, seq in message["runs"].items()}
            if len(positions) > MOST_RUNS:
                raise ValueError(f"runs must be at most {MOST_RUNS}, got {len(positions)}.")
            broadcast.subscribe(subscriber, positions)
    except WebSocketDisconnect:
        pass
    except (ValueError, KeyError, TypeError, AttributeError):
        await websocket.close(code=1003)


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
            elif subscription.polled is not None and (
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
