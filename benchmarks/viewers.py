"""Lag and cost of many viewers of a run in training: ``python -m benchmarks.viewers [--viewers 300] [--runs 256]``.

Real WebSocket connections over loopback, all from one client process, to a server with the lab's own routes,
middleware and service, and a worker of one thread for each core. In interleaved pairs a run is watched by one viewer
(the baseline) and by many. With ``--runs``, each viewer also follows so many runs that are over, less this one; it has
their events before the run trains.

- Every viewer must get every event once and in order; otherwise this ends with an error.
- The lag is from the moment at which the service has an event until a viewer has the frame with it, on the machine's
  one monotonic clock, over all viewers and all events that came after the viewer's first frame of the training.
- The training time is the run's own, from its first step to its last. The viewers' client takes its share of the same
  cores, so the difference is an upper bound of the server's cost.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio
from core.paths import ROOT
from core.runs import feed, states
from core.runs.store import Store
from core.training.config import RunConfig
from dashboard import access, lab, stream, visitors

START_SECONDS = 60


def serve(port: int) -> None:
    """Serve the lab without its pages, and record the time of each event of the newest run, by its number."""
    noted: dict[int, float] = {}
    encode = feed.message

    def noting(seq: int, *arguments: Any) -> str:
        text = encode(seq, *arguments)
        # Runs that are over are read before the newest one trains, and have fewer events.
        noted[seq] = time.monotonic()
        return text

    feed.message = noting  # type: ignore[assignment]

    async def start(request: Request) -> JSONResponse:
        """Start a run and pause it at once: ``/go`` lets it train."""
        noted.clear()
        config = RunConfig(epochs=int(request.query_params["epochs"]))
        run_id = await asyncio.to_thread(lab.service().submit, config)
        await asyncio.to_thread(lab.service().command, run_id, "pause")
        while lab.service().existing(run_id).state != states.PAUSED:
            await asyncio.sleep(0.05)
        return JSONResponse(run_id)

    async def go(request: Request) -> JSONResponse:
        await asyncio.to_thread(lab.service().command, request.query_params["run"], "resume")
        return JSONResponse("")

    async def times(request: Request) -> JSONResponse:
        return JSONResponse({"noted": [noted[seq] for seq in sorted(noted)], "cpu": time.process_time()})

    serve_stream(port, {"/start": start, "/go": go, "/times": times})


def serve_stream(port: int, answers: Mapping[str, Any], listener: Callable[..., None] | None = None) -> None:
    """Serve the lab without its pages.

    Args:
        answers: the benchmark's own, by path.
        listener: hears of all events.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        lab.start()
        if listener:
            lab.service().listen(listener)
        yield
        lab.stop()

    routes = [*stream.routes, *(Route(path, answer) for path, answer in answers.items())]
    middleware = access.middleware + stream.middleware + visitors.middleware
    app = Starlette(routes=routes, middleware=middleware, lifespan=lifespan)
    uvicorn.run(app, port=port, log_level="error", ws="websockets-sansio", access_log=False)


def fill(home: Path, runs: int) -> None:
    """Make a store with so many runs that are over, with the ids ``over1`` and so on."""
    store = Store(home / "lab.sqlite")
    for number in range(1, runs + 1):
        store.add(f"over{number}", RunConfig(), time.time(), states.FINISHED)
        events = [
            {"event": "EpochDone", "epoch": epoch, "step": 750 * (epoch + 1), "train_loss": 0.1, "train_accuracy": 0.9}
            | {"validation_loss": 0.2, "validation_accuracy": 0.9, "seconds": 0.4}
            for epoch in range(5)
        ]
        for seq, event in enumerate([*events, states.State(states.FINISHED).to_dict()]):
            store.append(f"over{number}", seq, json.dumps(event), time.time())
    store.close()


async def watch(port: int, viewers: int, epochs: int, runs: int) -> dict[str, Any]:
    """Connect, start a run, watch it to its end with all viewers."""
    address = f"127.0.0.1:{port}"
    connections = await asyncio.gather(*(connect(f"ws://{address}/lab/live", compression=None) for _ in range(viewers)))
    await asyncio.gather(*(connection.recv() for connection in connections))
    run_id = await asyncio.to_thread(get, address, f"start?epochs={epochs}")
    ask = json.dumps({"runs": {**{f"over{number}": -1 for number in range(1, runs)}, run_id: -1}})
    numbers = await asyncio.gather(*(catch_up(connection, ask, run_id, runs) for connection in connections))
    before = await asyncio.to_thread(get, address, "times")
    known: dict[bytes, list[dict[str, Any]]] = {}
    following = [follow(connection, seq, known) for connection, seq in zip(connections, numbers, strict=True)]
    frames, _ = await asyncio.gather(asyncio.gather(*following), asyncio.to_thread(get, address, f"go?run={run_id}"))
    after = await asyncio.to_thread(get, address, "times")
    await asyncio.gather(*(connection.close() for connection in connections))
    noted = np.array(after["noted"])
    lags = [arrived - noted[first : last + 1] for own in frames for arrived, first, last in own[1:]]
    end = next(event for events in known.values() for event in events if event["event"] == "RunFinished")
    return {
        "lags": np.concatenate(lags).tolist(),
        "seconds": end["seconds"],
        "rate": statistics.median(len(own) / (own[-1][0] - own[0][0]) for own in frames),
        "cpu": after["cpu"] - before["cpu"],
        "frames": sum(map(len, frames)),
    }


async def catch_up(connection: ClientConnection, ask: str, run_id: str, runs: int) -> int:
    """Ask for all runs, and wait for what they have had; returns the number of the last event of the one to train."""
    await connection.send(ask)
    seq = -1
    over = 0
    while seq < 0 or over < runs - 1:
        frame = json.loads(await connection.recv())
        over += frame["over"]
        if frame["run"] == run_id and frame["events"]:
            seq = frame["events"][-1]["seq"]
    return seq


async def follow(
    connection: ClientConnection, seq: int, known: dict[bytes, list[dict[str, Any]]]
) -> list[tuple[float, int, int]]:
    """Follow a run to its end: the arrival times of the frames, and the numbers of their first and last events."""
    frames: list[tuple[float, int, int]] = []
    over = False
    while not over:
        text = await connection.recv(decode=False)
        arrived = time.monotonic()
        if text not in known:
            known[text] = json.loads(text)["events"]
        events = known[text]
        numbers = [event["seq"] for event in events]
        if numbers != list(range(seq + 1, seq + 1 + len(numbers))):
            raise SystemExit(f"A viewer that had event {seq} got {numbers}.")
        if events:
            frames.append((arrived, numbers[0], numbers[-1]))
            seq = numbers[-1]
        over = text.endswith(b'"over":true}')
    return frames


def get(address: str, path: str) -> Any:
    with urllib.request.urlopen(f"http://{address}/{path}", timeout=START_SECONDS) as answer:
        return json.load(answer)


def measure(port: int, viewers: int, epochs: int, runs: int) -> dict[str, Any]:
    """One run, watched from a process of its own."""
    arguments = ["--watch", str(port), "--viewers", str(viewers), "--epochs", str(epochs), "--runs", str(runs)]
    told = subprocess.run([*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    result: dict[str, Any] = json.loads(told)
    return result


COMMAND = [sys.executable, "-m", "benchmarks.viewers"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument(
        "--runs", type=int, default=1, help="runs that each viewer follows, the one in training included"
    )
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--watch", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
    elif options.watch:
        print(json.dumps(asyncio.run(watch(options.watch, options.viewers, options.epochs, options.runs))))
    else:
        compare(options.viewers, options.pairs, options.epochs, options.runs)


def compare(viewers: int, pairs: int, epochs: int, runs: int) -> None:
    print(machine(), flush=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        fill(Path(home), runs - 1)
        environment = {**os.environ, "DESCENT_HOME": home, "DESCENT_WORKERS": str(os.cpu_count())}
        server = subprocess.Popen([*COMMAND, "--serve", str(port)], cwd=ROOT, env=environment)
        try:
            wait(server, port)
            results: dict[str, list[dict[str, Any]]] = {"one": [], "many": []}

            def seconds(kind: str, count: int) -> float:
                results[kind].append(measure(port, count, epochs, runs))
                return float(results[kind][-1]["seconds"])

            figures = interleaved(
                {"one": lambda: seconds("one", 1), "many": lambda: seconds("many", viewers)}, repeats=pairs
            )
        finally:
            server.terminate()
            server.wait(30)
    for kind, count in (("one", 1), ("many", viewers)):
        # The first round warms up.
        counted = results[kind][1:]
        lags = 1000 * np.concatenate([result["lags"] for result in counted])
        p50, p95, p99 = np.percentile(lags, [50, 95, 99])
        rate = statistics.median(result["rate"] for result in counted)
        cost = 1e6 * sum(result["cpu"] for result in counted) / sum(result["frames"] for result in counted)
        print(f"{count:4} viewers of {runs} runs:")
        print(f"{'':13} lag p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, most {lags.max():.0f} ms")
        print(f"{'':13} {len(lags)} lags; all events came once and in order; {rate:.1f} frames per second each")
        print(f"{'':13} the server took {cost:.0f} us of one core for each frame, the recording of the run included")
        print(f"{'':13} training {median_and_range(figures[kind])} s, n = {pairs}")
    ratio = paired_ratio(figures["many"], figures["one"])
    print(f"training with {viewers} viewers takes {ratio} times as long as with one")


def wait(server: subprocess.Popen[bytes], port: int, path: str = "times") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            get(f"127.0.0.1:{port}", path)
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The server did not start.")


if __name__ == "__main__":
    main()
