"""Speed of a full store: ``python -m benchmarks.store [--runs 2000] [--points 1000] [--repeats 11]``.

Lists all runs as the Runs page does, and reads one run's curve as a viewer gets it, thinned with its smallest and
largest losses kept. The baseline is SQLite alone, reading the same rows.
"""

import argparse
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio
from core.runs import feed, states
from core.runs.store import Store
from core.training.config import RunConfig

BLOCK = 50


def fill(store: Store, runs: int, points: int) -> None:
    draw = random.Random(0)
    for number in range(runs):
        run_id = f"{number:016x}"
        config = RunConfig(lr=draw.uniform(1e-4, 1e-2), seed=number)
        curve = [round(draw.random(), 4) for _ in range(32)]
        store.add(
            run_id, config, 0.0, states.FINISHED, owner_name="Ada", tags=["course"], curve=curve, test_accuracy=0.97
        )
        for seq, first in enumerate(range(0, points, BLOCK)):
            losses = [draw.random() for _ in range(BLOCK)]
            block = {"event": "StepsDone", "first_step": first, "losses": losses, "learning_rates": [config.lr] * BLOCK}
            store.append(run_id, seq, json.dumps({**block, "images_per_second": 1e5}), 0.0)


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=11)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lab.sqlite"
        store = Store(path)
        filling = seconds(lambda: fill(store, options.runs, options.points))
        store.close()
        first = Store(path)
        cold = seconds(lambda: first.runs(options.runs))
        plain = sqlite3.connect(path)
        some = f"{options.runs // 2:016x}"

        def curve() -> None:
            bodies = first.events(some)
            for seq, body in enumerate(bodies):
                feed.message(seq, json.loads(body), options.points)

        figures = interleaved(
            {
                "listing": lambda: seconds(lambda: first.runs(options.runs)),
                "listing, SQLite alone": lambda: seconds(
                    plain.execute("SELECT * FROM runs ORDER BY number DESC").fetchall
                ),
                "one curve": lambda: seconds(curve),
                "one curve, SQLite alone": lambda: seconds(
                    plain.execute("SELECT body FROM events WHERE run = ? ORDER BY seq", (some,)).fetchall
                ),
            },
            options.repeats,
        )
        plain.close()
        first.close()
    print(machine())
    print(f"{options.runs} runs of {options.points} points, n = {options.repeats}, filled in {filling:.1f} s; seconds:")
    print(f"  the first listing of a new process: {cold:.3f}")
    for name, values in figures.items():
        print(f"  {name}: {median_and_range(values, 4)}")
    for name in ("listing", "one curve"):
        print(f"  {name} / SQLite alone: {paired_ratio(figures[name], figures[f'{name}, SQLite alone'])}")


if __name__ == "__main__":
    main()
