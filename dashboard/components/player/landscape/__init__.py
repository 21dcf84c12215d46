"""The player of the Landscape page: runs' paths on the network's loss surface, over one moment of training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.landscape.study import Path2D, Result
from dashboard.colors import HUES, OPTIMIZER_COLORS, OPTIMIZER_DASHES
from dashboard.components.modules import component_script
from dashboard.components.player import page
from dashboard.components.player.page import pack
from dashboard.components.standalone import Part

_FOLDER = Path(__file__).parent

#: Titles of the two directions by kind of plane. Lengths are those of parameter space, but for a random plane's.
AXES = {
    "pca": ("first principal direction", "second principal direction"),
    "three": ("towards the second point", "at a right angle, towards the third"),
    "random": ("first random direction", "second random direction"),
}


_component = st.components.v2.component(
    "descent_landscape_player",
    html=(_FOLDER / "landscape.html").read_text(),
    css=page.style(_FOLDER),
    js=component_script("player/landscape/landscape.js"),
    # plotly.js puts its style sheet into the document's head, where a shadow root would not see it.
    isolate_styles=False,
)


def landscape_player(scene: dict[str, Any], key: str, on_inspect_change: Callable[[], None]) -> None:
    """Show a scene; the moment to measure the sharpness at arrives as ``session_state[key].inspect``, in epochs."""
    _component(data=scene, key=key, on_inspect_change=on_inspect_change)


def waiting_scene(stage: str, share: float) -> dict[str, Any]:
    """Scene without paths yet: the stage of the work, and its progress from 0 to 1."""
    return {"stage": stage, "share": share}


def scene_of(
    result: Result, revision: int, stage: str = "", share: float = 1.0, live: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Scene as JSON types; arrays as base64 float32.

    Args:
        live: a run that trains now: ``color``, and its points so far, ``a``, ``b`` and ``distance``.
    """
    grid = result.grid
    if grid is None:
        x, y = (_around(np.concatenate([getattr(path, name) for path in result.paths])) for name in ("a", "b"))
        flat = np.zeros((2, 2))
        n, loss, accuracy = 2, flat + 1.0, flat
    else:
        x, y = (float(grid.x[0]), float(grid.x[-1])), (float(grid.y[0]), float(grid.y[-1]))
        n, loss, accuracy = len(grid.x), grid.loss, grid.accuracy
    colors = _colors(result.paths)
    return {
        "id": result.study.key,
        "revision": f"{result.study.key} {revision}",
        "stage": stage,
        "share": share,
        "domain": [*x, *y],
        "axes": AXES[result.study.plane],
        # Runs move at a right angle to random directions: their nearest points are all the centre, which says nothing.
        "rail": result.study.plane == "random",
        "n": n,
        "loss": pack(loss),
        "accuracy": pack(accuracy),
        "paths": [_path(path, *colors[path.item]) for path in result.paths],
        "live": live,
    }


def still(scene: dict[str, Any]) -> Part:
    """Return the player of a scene for a page that stands alone."""
    return page.still(_FOLDER, scene)


def _colors(paths: tuple[Path2D, ...]) -> dict[str, tuple[str, str]]:
    """Colour and dash per item: its optimizer's, unless another item of the picture has that colour already."""
    chosen: dict[str, tuple[str, str]] = {}
    for path in paths:
        name = path.about.get("optimizer", "")
        own = OPTIMIZER_COLORS.get(name, HUES[0]), OPTIMIZER_DASHES.get(name, "solid")
        taken = {color for color, _ in chosen.values()}
        free = [color for color in HUES if color not in taken]
        chosen[path.item] = (free[0], own[1]) if own[0] in taken and free else own
    return chosen


def _path(path: Path2D, color: str, dash: str) -> dict[str, Any]:
    points = (path.epochs, path.a, path.b, path.distance, path.true, path.shown, path.accuracy)
    return {
        "item": path.item,
        "label": path.label,
        "model": not path.about,
        "color": color,
        "dash": dash,
        "points": pack(np.stack(points)),
        "curve": pack(path.curve),
    }


def _around(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.2 * (high - low) or 1.0
    return low - margin, high + margin
