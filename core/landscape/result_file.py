"""A landscape's result as a file: an NPZ that any NumPy reads, arrays and one JSON text called ``about``."""

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.files import write_atomically
from core.landscape.grid import Grid
from core.landscape.planes import Plane
from core.landscape.study import FORMAT_VERSION, Path2D, Result, Study

#: Arrays of each path in the file, and of the whole.
PATH_ARRAYS = ("steps", "epochs", "curve", "a", "b", "distance", "true", "accuracy", "shown")
GRID_ARRAYS = ("x", "y", "loss", "accuracy")
PLANE_ARRAYS = ("origin", "u", "v")
SHARES = ("explained", "baseline")


def save(result: Result, path: Path) -> None:
    """Write the result to ``path``.

    Raises:
        OSError: if it cannot be written.
    """
    write_atomically(path, npz(result))


def npz(result: Result) -> bytes:
    """Content of the file of a result that is done."""
    assert result.grid is not None
    # JSON has no NaN.
    shares = {name: value if math.isfinite(value := getattr(result, name)) else None for name in SHARES}
    about = {
        "format_version": FORMAT_VERSION,
        "study": result.study.to_dict(),
        **shares,
        "paths": [{"item": path.item, "label": path.label, "about": path.about} for path in result.paths],
    }
    arrays: dict[str, Any] = {"about": np.array(json.dumps(about))}
    arrays |= {name: getattr(result.grid, name) for name in GRID_ARRAYS}
    arrays |= {name: getattr(result.plane, name).numpy() for name in PLANE_ARRAYS}
    for i, path in enumerate(result.paths):
        arrays |= {f"path{i}_{name}": getattr(path, name) for name in PATH_ARRAYS}
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def load(path: Path) -> Result | None:
    """Read what ``save`` wrote; None if the file is missing, damaged, or of another version."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays["about"]))
        study = Study.from_dict(about["study"])
        paths = tuple(
            Path2D(**values, **{name: arrays[f"path{i}_{name}"] for name in PATH_ARRAYS})
            for i, values in enumerate(about["paths"])
        )
        plane = Plane(*(torch.from_numpy(arrays[name]) for name in PLANE_ARRAYS))
        grid = Grid(*(arrays[name] for name in GRID_ARRAYS))
        explained, baseline = (math.nan if about[name] is None else about[name] for name in SHARES)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
    return Result(study, plane, paths, grid, explained, baseline, done=True)
