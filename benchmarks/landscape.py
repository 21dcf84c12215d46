"""Speed of the loss on a plane: ``python -m benchmarks.landscape [--repeats 3] [--threads 2]``.

A grid of 51 x 51 points on all 10,000 test images by the first layer's linearity, against a plain evaluation of such
points, network by network, in the same run: of every 25th, spread over the whole grid, and scaled up. The plane is
the principal one of a run. Figures are wall seconds and CPU seconds: median (lowest to highest).

``--beside`` measures instead a page's script meanwhile: a loop of plain Python alone, beside a grid in a thread of the
same process, as in the lab, and beside a grid in another process.
"""

import argparse
import multiprocessing
import threading
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.measure import interleaved, machine, median_and_range, paired_ratio
from core import data, devices
from core.analysis.evaluation import evaluate
from core.landscape import Plane, evaluate_grid, pca, random_plane
from core.training.config import RunConfig
from core.training.events import EpochDone
from core.training.network import Network, to_flat
from core.training.trainer import Trainer

SIDE, EVERY, THREADS = 51, 25, 2


def principal_plane() -> tuple[Plane, np.ndarray, np.ndarray]:
    """Return the plane of a run's epochs, and the two axes of the grid."""
    trainer = Trainer(RunConfig(epochs=2))
    points = [to_flat(trainer.network)]
    points += [to_flat(trainer.network) for event in trainer.events() if isinstance(event, EpochDone)]
    trajectory = torch.stack(points)
    plane = pca([trajectory])
    seen = plane.project(trajectory)
    half = 0.65 * float(max(seen.a.max() - seen.a.min(), seen.b.max() - seen.b.min()))
    return plane, *(np.linspace(m - half, m + half, SIDE) for m in (float(seen.a.mean()), float(seen.b.mean())))


def loop() -> float:
    """Seconds of a fixed piece of plain Python, about the length of a page's script."""
    started = time.perf_counter()
    sum(i * i for i in range(400_000))
    return time.perf_counter() - started


def grids_until(stopped: Callable[[], bool]) -> None:
    """Grids, one after another, computed as in the lab."""
    devices.prepare_cpu(1)
    axis = np.linspace(-1, 1, SIDE)
    plane, digits = random_plane(to_flat(Network())), data.load().test

    def tick(share: float) -> None:
        if stopped():
            raise InterruptedError

    try:
        while True:
            evaluate_grid(plane, axis, axis, digits, tick=tick, threads=THREADS)
    except InterruptedError:
        pass


def beside(repeats: int) -> None:
    def with_thread() -> float:
        stop = threading.Event()
        work = threading.Thread(target=grids_until, args=(stop.is_set,))
        work.start()
        time.sleep(1)
        seconds = loop()
        stop.set()
        work.join()
        return seconds

    def with_process() -> float:
        context = multiprocessing.get_context("spawn")
        stop = context.Event()
        work = context.Process(target=grids_until, args=(stop.is_set,))
        work.start()
        # Until it has imported torch and computes.
        time.sleep(8)
        seconds = loop()
        stop.set()
        work.join()
        return seconds

    figures = interleaved({"alone": loop, "thread": with_thread, "process": with_process}, repeats)
    for name, seconds in figures.items():
        print(
            f"  {name:8} {median_and_range(seconds)}, {paired_ratio(seconds, figures['alone'])} times as long as alone"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--beside", action="store_true", help="measure a page's script beside a grid")
    options = parser.parse_args()
    devices.prepare_cpu(options.threads)
    print(machine())
    if options.beside:
        beside(options.repeats)
        return
    plane, x, y = principal_plane()
    digits = data.load().test
    spots = [divmod(k, SIDE) for k in range(0, SIDE * SIDE, EVERY)]
    found: dict[str, np.ndarray] = {}
    processor: dict[str, list[float]] = {"identity": [], "plain": []}

    def by_identity() -> None:
        grid = evaluate_grid(plane, x, y, digits, threads=options.threads)
        found["identity"] = np.array([grid.loss[i, j] for i, j in spots])

    def plain() -> None:
        # The grid's threads have set this process's matrix products to one thread.
        devices.prepare_cpu(options.threads)
        losses, network = [], Network()
        for i, j in spots:
            torch.nn.utils.vector_to_parameters(plane.point(x[j], y[i]), network.parameters())
            losses.append(evaluate(network, digits).loss)
        found["plain"] = np.array(losses)

    def timed(name: str, work: Callable[[], None], points: int) -> Callable[[], float]:
        def run() -> float:
            wall, own = time.perf_counter(), time.process_time()
            work()
            scale = SIDE * SIDE / points
            processor[name].append(scale * (time.process_time() - own))
            return scale * (time.perf_counter() - wall)

        return run

    figures = interleaved(
        {"identity": timed("identity", by_identity, SIDE * SIDE), "plain": timed("plain", plain, len(spots))},
        options.repeats,
    )
    print(f"{SIDE} x {SIDE} points, {len(digits)} images, n = {options.repeats}")
    for name, seconds in figures.items():
        print(f"  {name:9} {median_and_range(seconds, 2)}, processor {median_and_range(processor[name][1:], 2)}")
    print(f"  plain takes {paired_ratio(figures['plain'], figures['identity'])} times as long")
    error = np.abs(found["identity"] - found["plain"]) / np.maximum(1, found["plain"])
    print(f"  largest difference of {len(spots)} losses from {found['plain'].min():.3f} to {found['plain'].max():.1f}: "
          f"{error.max():.1e} of max(1, loss)")  # fmt: skip


if __name__ == "__main__":
    main()
