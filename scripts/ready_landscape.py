"""Make dashboard/views/landscape/ready.npz, the picture that the Landscape page begins with.

Run from the project's root: ``python -m scripts.ready_landscape``. It runs the race that the page offers in a lab of
its own, replays the runs, and computes their common plane as the page does, with the page's first settings.
"""

import os
import tempfile
import time
from dataclasses import replace

import numpy as np
import torch

from core import data, devices
from core.landscape import result_file
from core.landscape.planes import Plane
from core.landscape.study import Path2D, Study, Track, compute
from dashboard import lab
from dashboard.views.landscape import items, new_runs, ready


def named(track: Track) -> Track:
    """Return the track without the number of a run that no other lab has."""
    return replace(track, item=f"ready:{track.about['optimizer']}", label=track.label.partition(" ")[2])


def small(path: Path2D) -> Path2D:
    """Return the path in single precision, as the browser gets it."""
    arrays = {name: getattr(path, name) for name in result_file.PATH_ARRAYS if name != "steps"}
    return replace(path, **{name: values.astype(np.float32) for name, values in arrays.items()})


def main() -> None:
    """Train, compute, write, and print what came of it."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["DESCENT_HOME"] = home
        lab.start()
        try:
            ids = lab.service().submit_group(new_runs.RACE)
            while not all(run and run.over for run in map(lab.service().run, ids)):
                time.sleep(0.1)
            study = Study(items=tuple(items.pinned(f"run:{run_id}") for run_id in ids))
            tracks = [named(track) for track in items.gather(study, lambda share: None)]
        finally:
            lab.stop()
    devices.prepare_cpu(os.cpu_count() or 1)
    study = replace(study, items=tuple(track.item for track in tracks))
    *_, result = compute(study, tracks, data.load())
    assert result.grid is not None
    nothing = torch.empty(0)
    grid = result.grid
    grid = replace(grid, loss=grid.loss.astype(np.float32), accuracy=grid.accuracy.astype(np.float32))
    paths = tuple(small(path) for path in result.paths)
    result_file.save(replace(result, plane=Plane(nothing, nothing, nothing), paths=paths, grid=grid), ready.PATH)
    held, walks = f"{result.explained:.1%}", f"{result.baseline:.1%}"
    print(f"{ready.PATH.stat().st_size:,} bytes; the plane holds {held} of the movement, of random walks {walks}.")
    for path in result.paths:
        print(f"{path.label}: {path.accuracy[-1]:.2%} of {study.images:,} {study.part} images")


if __name__ == "__main__":
    main()
