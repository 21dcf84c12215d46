"""The live stream of runs' events to browsers, and plotly.js for the components that draw them.

A client of ``/lab/live`` says which runs it wants and the last event it has of each:
``{"runs": {id: seq}}``, -1 for none, as often as it likes. It gets ``{"run": id, "events": [...]}`` with
what it lacks, then with what comes, at most every 100 ms. So a dropped connection loses and doubles nothing,
and a slow one is sent fewer, larger messages: each client reads the service's lists at its own pace.
"""

import asyncio
import contextlib
import json
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard import lab

INTERVAL_SECONDS = 0.1
#: Messages of one run in one frame: a client that lacks many gets them in pieces.
LARGEST_FRAME = 500


async def stream(websocket: WebSocket) -> None:
    """One client, until it goes."""
    await websocket.accept()
    wanted: dict[str, int] = {}
    asked = asyncio.Event()
    listener = asyncio.create_task(_listen(websocket, wanted, asked))
    try:
        while not listener.done():
            for run_id in list(wanted):
                await _send_new(websocket, wanted, run_id)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), INTERVAL_SECONDS if wanted else None)
            asked.clear()
    except WebSocketDisconnect:
        pass
    finally:
        listener.cancel()


async def _listen(websocket: WebSocket, wanted: dict[str, int], asked: asyncio.Event) -> None:
    """Take what the client wants, until it goes or talks nonsense; ``asked`` tells of each change and of the end."""
    try:
        while True:
            message = json.loads(await websocket.receive_text())
            runs = {str(run_id): int(seq) for run_id, seq in message["runs"].items()}
            for run_id in runs:
                # Reading an old run from the disk may take a while; afterwards it is in memory.
                await asyncio.to_thread(lab.service().messages, run_id)
            wanted.clear()
            wanted.update(runs)
            asked.set()
    except WebSocketDisconnect:
        pass
    except (ValueError, KeyError, TypeError, AttributeError):
        await websocket.close(code=1003)
    finally:
        asked.set()


async def _send_new(websocket: WebSocket, wanted: dict[str, int], run_id: str) -> None:
    """Send what the client lacks of the run, and note that it has it."""
    messages = lab.service().messages(run_id, wanted[run_id])
    if messages is None:
        del wanted[run_id]
        messages = ['{"event":"Unknown"}']
    for start in range(0, len(messages), LARGEST_FRAME):
        part = messages[start : start + LARGEST_FRAME]
        await websocket.send_text(f'{{"run":{json.dumps(run_id)},"events":[{",".join(part)}]}}')
        if run_id in wanted:
            wanted[run_id] += len(part)


async def plotly_js(request: Request) -> FileResponse:
    """plotly.js out of the Python package, so that no page needs the internet."""
    path = str(files("plotly") / "package_data" / "plotly.min.js")
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "public, max-age=604800"})


routes = [WebSocketRoute("/lab/live", stream), Route("/lab/plotly.min.js", plotly_js)]
