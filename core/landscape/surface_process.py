"""The grids of a study in a process of its own, for a lab whose workers are on other machines.

``python -m core.landscape.surface_process`` is that process. It gets the plane alone: the paths of the runs would be a
hundred times as large.
"""

import os
import queue
import tempfile
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import data, devices
from core.jobs import Report
from core.jobs.process import Files, Message, run_module, serve
from core.landscape import grid as grids
from core.landscape.grid import Grid, Tick
from core.landscape.planes import Plane
from core.landscape.study import Range, Study

#: Two, so that a large grid takes seconds; not more, since others train on the same machine meanwhile.
THREADS = min(2, os.cpu_count() or 1)
_PLANE = "plane.npz"


def surface(
    report: Report[Any], study: Study, tick: Tick, plane: Plane, x: Range, y: Range
) -> Generator[Grid, None, None]:
    """Yield the grids of ``core.landscape.grid.refined``, computed by the process.

    Args:
        report: of the job.
        tick: called with the share of each grid that is done.

    Raises:
        ValueError: if the process could not do it, in one sentence.
        OSError: if the plane cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="descent-") as folder:
        np.savez(Path(folder, _PLANE), **{name: tensor.numpy() for name, tensor in vars(plane).items()})
        request = {"folder": folder, "study": study.to_dict(), "x": x, "y": y}
        with run_module(__name__, request, report, Files(needed=(_PLANE,))) as messages:
            for message in messages:
                if "share" in message:
                    tick(message["share"])
                else:
                    yield Grid(**{name: np.array(values) for name, values in message.items()})


def _compute(request: Message) -> Iterator[Message]:
    """Yield shares and grids, each grid as lists."""
    devices.prepare_cpu(1)
    study = Study.from_dict(request["study"])
    with np.load(Path(request["folder"], _PLANE), allow_pickle=False) as arrays:
        plane = Plane(**{name: torch.from_numpy(arrays[name]) for name in arrays.files})
    digits = study.digits(data.load())
    made: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def compute() -> None:
        def tick(share: float) -> None:
            made.put({"share": share})

        try:
            for grid in grids.refined(plane, request["x"], request["y"], study.size, digits, study.loss, tick, THREADS):
                made.put({name: values.tolist() for name, values in vars(grid).items()})
        finally:
            made.put({})

    # A tick comes in the middle of a grid: the thread of the messages is another one.
    with ThreadPoolExecutor(1, initializer=devices.prepare_cpu, initargs=(1,)) as pool:
        computing = pool.submit(compute)
        yield from iter(made.get, {})
        computing.result()


if __name__ == "__main__":
    serve(_compute)
