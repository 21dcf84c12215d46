"""The live stream of runs' events to browsers, and plotly.js for the components that draw them.

``/lab/live`` first says which server process this is: ``{"lab": token}``. A client then says which runs it wants and
the last event it has of each, ``{"runs": {id: seq}}``, -1 for none, as often as it likes. For each it gets
``{"run": id, "events": [...], "over": bool}`` with what it lacks, at once and perhaps empty, then with what comes, at
most every 100 ms; ``over`` says that the run has ended and that this was all. So a dropped connection loses and
doubles nothing. Under another token the events may be others (a server that was killed may have lost its last ones),
so a client then starts from -1.

One task asks the service for all watched runs; a frame is encoded once for all viewers at the same place. Nothing is
queued for a viewer: one that reads slowly is behind in its run's list, and gets fewer, larger frames. One that takes
nothing for ``PATIENCE_SECONDS`` is cut off; it comes back by itself when it wakes.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Mapping
from importlib.resources import files

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.runs import states
from dashboard import lab

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.1
#: How often the service is asked: what comes after a pause of the interval is on its way this soon.
POLL_SECONDS = 0.02
#: How often it is asked for a run that is over: somebody may resume it.
OVER_POLL_SECONDS = 1.0
#: Characters of events in one frame, unless a single event has more.
LARGEST_FRAME = 64 * 1024
#: How long a frame may wait for a client that does not read.
PATIENCE_SECONDS = 10.0
#: Runs that one client may watch at once.
MOST_RUNS = 256
#: Frames of one run kept for others who are at the same place.
KEPT_FRAMES = 8
TOKEN = secrets.token_hex(8)
_TRANSPORT = "descent.transport"


class Viewer:
    """One client: the last event that it has of each run that it wants, and whether there may be more for it."""

    def __init__(self) -> None:
        self.wanted: dict[str, int] = {}
        self.unanswered: set[str] = set()
        self.woken = asyncio.Event()


class Watch:
    """A run that somebody watches: all that the service has told of it."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.viewers: set[Viewer] = set()
        self.messages: list[str] = []
        self.unknown = self.over = False
        self.asked: float | None = None
        self._told = -INTERVAL_SECONDS
        self._frames: dict[int, tuple[str, int]] = {}

    def due(self, now: float) -> bool:
        """Whether it is time to ask the service again."""
        return self.asked is None or not self.over or now - self.asked >= OVER_POLL_SECONDS

    def take(self, news: list[str] | None, now: float) -> None:
        """What the service has of the run beyond what is here; None if there is no such run."""
        self.unknown = news is None
        if news or self.asked is None:
            self.messages += news or []
            self._frames.clear()
        for message in news or []:
            if '"event":"State"' in message:
                self.over = json.loads(message)["state"] in states.OVER
        self.asked = now

    def tell(self, now: float) -> None:
        """Wake the viewers that lack something, unless they were woken less than the interval ago."""
        if now - self._told < INTERVAL_SECONDS:
            return
        last = len(self.messages) - 1
        for viewer in self.viewers:
            if self.unknown or viewer.wanted[self.run_id] < last or self.run_id in viewer.unanswered:
                viewer.woken.set()
                self._told = now

    def frame(self, after: int) -> tuple[str, int]:
        """The events after number ``after`` as one frame, as many as fit, and the number of the last one."""
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
    """The runs that somebody watches. One task asks the service for all of them, while there are any."""

    def __init__(self) -> None:
        self.watches: dict[str, Watch] = {}
        self._task: asyncio.Task[None] | None = None
        self._hurry: asyncio.Event

    def follow(self, viewer: Viewer, wanted: Mapping[str, int]) -> None:
        """From now on the viewer wants these runs and no others, after the event that it has of each."""
        for run_id in set(viewer.wanted) - set(wanted):
            self.leave(viewer, run_id)
        viewer.wanted, viewer.unanswered = dict(wanted), set(wanted)
        for run_id in wanted:
            self.watches.setdefault(run_id, Watch(run_id)).viewers.add(viewer)
        viewer.woken.set()
        if not self.watches:
            return
        if self._task is None or self._task.done():
            self._hurry = asyncio.Event()
            self._task = asyncio.create_task(self._ask())
        self._hurry.set()

    def leave(self, viewer: Viewer, run_id: str) -> None:
        """The viewer wants no more of the run."""
        watch = self.watches.get(run_id)
        if watch:
            watch.viewers.discard(viewer)
            if not watch.viewers:
                del self.watches[run_id]

    async def _ask(self) -> None:
        while self.watches:
            now = time.monotonic()
            known = {run_id: len(watch.messages) - 1 for run_id, watch in self.watches.items() if watch.due(now)}
            self._hurry.clear()
            try:
                news = await asyncio.to_thread(_news, known) if known else {}
            except Exception:
                log.exception("the viewers wait: the service did not answer")
                await asyncio.sleep(1)
                continue
            for run_id in known:
                # Somebody may have left meanwhile, and come back to a new watch.
                watch = self.watches.get(run_id)
                if watch and len(watch.messages) - 1 == known[run_id]:
                    watch.take(news[run_id], now)
            for watch in list(self.watches.values()):
                watch.tell(time.monotonic())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), POLL_SECONDS)


def _news(known: Mapping[str, int]) -> dict[str, list[str] | None]:
    """What the service has beyond the known events. Not on the event loop: an old run is read from the disk."""
    service = lab.service()
    return {run_id: service.messages(run_id, after) for run_id, after in known.items()}


broadcast = Broadcast()


async def stream(websocket: WebSocket) -> None:
    """One client, until it goes."""
    await websocket.accept()
    viewer = Viewer()
    listener = asyncio.create_task(_listen(websocket, viewer))
    try:
        await _send(websocket, json.dumps({"lab": TOKEN}))
        while True:
            await viewer.woken.wait()
            if listener.done():
                break
            viewer.woken.clear()
            await _send_new(websocket, viewer)
    except (WebSocketDisconnect, TimeoutError):
        pass
    finally:
        listener.cancel()
        broadcast.follow(viewer, {})


async def _listen(websocket: WebSocket, viewer: Viewer) -> None:
    """Take what the client wants, until it goes or talks nonsense."""
    try:
        while True:
            message = json.loads(await websocket.receive_text())
            wanted = {str(run_id): max(-1, int(seq)) for run_id, seq in message["runs"].items()}
            if len(wanted) > MOST_RUNS:
                raise ValueError(f"runs must be at most {MOST_RUNS}, got {len(wanted)}.")
            broadcast.follow(viewer, wanted)
    except WebSocketDisconnect:
        pass
    except (ValueError, KeyError, TypeError, AttributeError):
        await websocket.close(code=1003)
    finally:
        viewer.woken.set()


async def _send_new(websocket: WebSocket, viewer: Viewer) -> None:
    """Send what the client lacks of its runs. What it says meanwhile replaces ``wanted`` and wakes it again."""
    wanted = viewer.wanted
    for run_id in list(wanted):
        while viewer.wanted is wanted and run_id in wanted:
            watch = broadcast.watches[run_id]
            if watch.unknown:
                del wanted[run_id]
                broadcast.leave(viewer, run_id)
                await _send(websocket, f'{{"run":{json.dumps(run_id)},"events":[{{"event":"Unknown"}}],"over":true}}')
            elif watch.asked is not None and (wanted[run_id] < len(watch.messages) - 1 or run_id in viewer.unanswered):
                frame, last = watch.frame(wanted[run_id])
                viewer.unanswered.discard(run_id)
                wanted[run_id] = last
                await _send(websocket, frame)
            else:
                break


async def _send(websocket: WebSocket, text: str) -> None:
    """Raises TimeoutError where the client does not read."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await websocket.send_text(text)
    except TimeoutError:
        if transport := websocket.scope.get(_TRANSPORT):
            transport.abort()
        raise


class Transports:
    """Middleware that lays a WebSocket's transport where ``stream`` finds it.

    Closing a connection waits until the client has read what is on its way. One that never does would stay, and the
    server would wait for it when it ends; ASGI has no word for cutting it off, uvicorn's transport has.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


async def plotly_js(request: Request) -> FileResponse:
    """plotly.js out of the Python package, so that no page needs the internet."""
    path = str(files("plotly") / "package_data" / "plotly.min.js")
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "public, max-age=604800"})


middleware = [Middleware(Transports)]
routes = [WebSocketRoute("/lab/live", stream), Route("/lab/plotly.min.js", plotly_js)]
