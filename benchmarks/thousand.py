"""A thousand runs in training at once: ``python -m benchmarks.thousand [--rates 200 400 ...] [--workers 1000]``.

The server has the lab's own store, service, feed and routes. Its workers, behind the seam of ``core.runs.workers``,
train nothing: each plays the messages of one short run that was trained before, over and over with the runs that it is
given, at its share of the rate. A viewer on as many WebSocket connections as it needs, in a process of its own, follows
all runs in training. For each rate, in events of all runs per second:

- the rate that was reached, and the runs that ended per second;
- the lag from the moment at which an event was due, whether or not its player was in time, until the viewer has the
  frame with it, on the machine's one monotonic clock, over all events that were due in the measured time;
- the time of the threads that record, by part, for each event: ``store`` is SQLite's, ``feed`` the messages to viewers,
  ``queue`` the order of the runs that wait, ``rest`` what else the scheduler does, waiting for the service's lock too;
- the server's use of one core.

It ends at the first rate that is not reached, or whose lags are above a second.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse
from websockets.asyncio.client import connect

from benchmarks.measure import machine
from benchmarks.playing import PARTS, Players, record
from benchmarks.viewers import get, serve_stream, wait
from core.paths import ROOT
from core.runs import scheduler, states
from core.training.config import RunConfig
from dashboard import lab, stream

COMMAND = [sys.executable, "-m", "benchmarks.thousand"]
#: Time between the first event at a rate and the measured time.
SETTLE_SECONDS = 3.0
#: Time after the measured time for the last of its events to arrive.
LATE_SECONDS = 2.0
SLOWEST_SECONDS = 1.0


def serve(port: int, workers: int, script: Path) -> None:
    """Serve the lab without its pages, with players for workers."""
    players: list[Players] = []
    going: list[asyncio.Task[None]] = []

    def pool(size: int, threads: int, *answers: Any) -> Players:
        players.append(Players(workers, json.loads(script.read_text()), *answers))
        return players[0]

    scheduler.Pool = pool  # type: ignore[assignment, misc]
    #: When each event of each run was due; nan for those that nobody sent.
    due: dict[str, list[float]] = {}

    def note(run_id: str, _: dict[str, Any]) -> None:
        due.setdefault(run_id, []).append(getattr(players[0].current, "due", np.nan))

    async def fill(request: Request) -> JSONResponse:
        """Let as many runs wait as there are workers, so that no player is ever without one; the ids of the running."""
        configs = [RunConfig(seed=seed) for seed in range(workers)]
        while len(lab.service().positions()) < workers:
            await asyncio.to_thread(lab.service().submit_group, configs)
        if not going:
            going.append(asyncio.create_task(asyncio.to_thread(players[0].go_ahead)))
        if not going[0].done():
            return JSONResponse([])
        running = await asyncio.to_thread(lab.service().in_states, (states.RUNNING,))
        return JSONResponse([run.id for run in running])

    async def play(request: Request) -> JSONResponse:
        players[0].rate = float(request.query_params["rate"])
        return JSONResponse("")

    async def figures(request: Request) -> JSONResponse:
        parts = {name: part.seconds for name, part in PARTS.items()}
        counts = {"events": players[0].events, "ended": players[0].ended}
        return JSONResponse({"cpu": time.process_time(), "parts": parts, **counts, "now": time.monotonic()})

    async def times(request: Request) -> JSONResponse:
        begin, end = float(request.query_params["begin"]), float(request.query_params["end"])
        wanted = {
            run_id: {seq: moment for seq, moment in enumerate(moments) if begin <= moment < end}
            for run_id, moments in list(due.items())
        }
        return JSONResponse({run_id: moments for run_id, moments in wanted.items() if moments})

    serve_stream(port, {"/fill": fill, "/play": play, "/figures": figures, "/times": times}, note)


async def watch(port: int, rate: float, seconds: float) -> dict[str, Any]:
    """Follow all runs in training while events come at the rate; returns lags and the server's figures."""
    address = f"127.0.0.1:{port}"
    while not (running := await asyncio.to_thread(get, address, "fill")):
        await asyncio.sleep(0.5)
    shares = [running[first : first + stream.MOST_RUNS] for first in range(0, len(running), stream.MOST_RUNS)]
    arrivals: dict[str, list[tuple[int, float]]] = {run_id: [] for run_id in running}
    following = [asyncio.create_task(follow(address, share, arrivals)) for share in shares]
    # The viewer first gets what the runs have had, which is no part of the lag.
    while not all(arrivals.values()):
        await asyncio.sleep(0.1)
    await asyncio.to_thread(get, address, f"play?rate={rate}")
    await asyncio.sleep(SETTLE_SECONDS)
    before = await asyncio.to_thread(get, address, "figures")
    await asyncio.sleep(seconds)
    after = await asyncio.to_thread(get, address, "figures")
    await asyncio.sleep(LATE_SECONDS)
    await asyncio.to_thread(get, address, "play?rate=0")
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    due = await asyncio.to_thread(get, address, f"times?begin={before['now']}&end={after['now']}")
    return {"lags": lags(due, arrivals), "before": before, "after": after, "followed": len(running)}


async def follow(address: str, runs: list[str], arrivals: dict[str, list[tuple[int, float]]]) -> None:
    """Follow these runs; adds the number of the last event of each frame, and its time."""
    async with connect(f"ws://{address}/lab/live", compression=None, max_size=None) as connection:
        await connection.recv()
        await connection.send(json.dumps({"runs": dict.fromkeys(runs, -1)}))
        while True:
            text = await connection.recv()
            arrived = time.monotonic()
            frame = json.loads(text)
            if frame["events"]:
                arrivals[frame["run"]].append((frame["events"][-1]["seq"], arrived))


def lags(due: dict[str, dict[str, float]], arrivals: dict[str, list[tuple[int, float]]]) -> list[float]:
    """Return the lag of each event in ``due`` of a run that was followed; infinite for one that did not arrive."""
    found = []
    for run_id in due.keys() & arrivals.keys():
        seqs, moments = np.array(arrivals[run_id] or [(-1, 0.0)]).T
        for seq, moment in due[run_id].items():
            place = int(np.searchsorted(seqs, int(seq)))
            found.append(float(moments[place]) - moment if place < len(seqs) else np.inf)
    return found


def measure(port: int, rate: float, seconds: float) -> dict[str, Any]:
    """One rate, watched from a process of its own."""
    arguments = ["--watch", str(port), "--rates", str(rate), "--seconds", str(seconds)]
    answer = subprocess.run([*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    result: dict[str, Any] = json.loads(answer)
    return result


def report(rate: float, result: dict[str, Any]) -> bool:
    """Print one rate's figures; returns False if it was too much."""
    before, after = result["before"], result["after"]
    seconds, events = after["now"] - before["now"], after["events"] - before["events"]
    found = np.array(result["lags"])
    p50, p95, p99 = np.percentile(found, [50, 95, 99], method="higher") * 1e3
    reached = events / seconds
    parts = {name: (after["parts"][name] - before["parts"][name]) / events * 1e6 for name in after["parts"]}
    parts["rest"] -= sum(time for name, time in parts.items() if name != "rest")
    ended, cores = (after["ended"] - before["ended"]) / seconds, (after["cpu"] - before["cpu"]) / seconds
    print(f"{rate:.0f} events/s: {reached:.0f} reached, {ended:.1f} runs/s ended; load {os.getloadavg()[0]:.0f}")
    print(f"  lag p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms, n = {len(found)}, {np.isinf(found).sum()} lost")
    shares = ", ".join(f"{name} {time:.0f}" for name, time in parts.items())
    print(f"  us per event: {shares}; {cores:.2f} cores", flush=True)
    return bool(reached > 0.95 * rate and p95 < SLOWEST_SECONDS * 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    rates = [200.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 20000.0]
    parser.add_argument("--rates", type=float, nargs="+", default=rates, help="events of all runs per second")
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=15.0, help="measured time of each rate")
    parser.add_argument("--epochs", type=int, default=5, help="of the run that is played")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--script", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--watch", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.workers, options.script)
    elif options.watch:
        print(json.dumps(asyncio.run(watch(options.watch, options.rates[0], options.seconds))))
    else:
        ramp(options.rates, options.workers, options.seconds, options.epochs)


def ramp(rates: list[float], workers: int, seconds: float, epochs: int) -> None:
    """Measure one rate after the other."""
    print(machine(), flush=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        script = Path(home) / "script.json"
        messages, trained = record(RunConfig(epochs=epochs, device="cpu"))
        script.write_text(json.dumps(messages))
        print(f"{workers} runs play one of {len(messages)} messages, which trained in {trained:.1f} s", flush=True)
        command = [*COMMAND, "--serve", str(port), "--workers", str(workers), "--script", str(script)]
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "DESCENT_HOME": home, "DESCENT_WORKERS": "1"})
        try:
            wait(server, port, "figures")
            for rate in rates:
                if not report(rate, measure(port, rate, seconds)):
                    break
        finally:
            server.terminate()
            server.wait(60)


if __name__ == "__main__":
    main()
