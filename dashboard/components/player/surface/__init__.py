"""The player of the Surfaces page: walks on a two-parameter function."""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.hyperparameters import number
from core.surfaces import Point, Surface, Walk
from core.training.config import RunConfig
from dashboard.colors import OPTIMIZER_COLORS, OPTIMIZER_DASHES
from dashboard.components.modules import component_script
from dashboard.components.player import page
from dashboard.components.player.page import pack
from dashboard.components.standalone import Part

_FOLDER = Path(__file__).parent
#: Points along each side of the two grids, for contours and surface.
FINE, COARSE = 161, 71
#: Contours on a log scale span this many decades below the highest value.
DECADES = 5
#: Higher values are drawn as this one: they are sent in 32 bits, and differences of two must fit into these.
LARGEST = float(np.finfo(np.float32).max) / 4
#: A walk that ends with a smaller gradient norm, in the surface's unit of f, has settled.
SETTLED = 1e-3


_component = st.components.v2.component(
    "descent_surface_player",
    html=(_FOLDER / "surface.html").read_text(),
    css=page.style(_FOLDER),
    js=component_script("player/surface/surface.js"),
    # plotly.js puts its style sheet into the document's head, where a shadow root would not see it.
    isolate_styles=False,
)


def surface_player(
    scene: dict[str, Any], key: str, on_starts_change: Callable[[], None], on_inspect_change: Callable[[], None]
) -> None:
    """Show a scene; a start that is set arrives as ``session_state[key].starts``, a step to inspect as ``.inspect``."""
    _component(data=scene, key=key, on_starts_change=on_starts_change, on_inspect_change=on_inspect_change)


def scene_of(
    surface: Surface, name: str, configs: Sequence[RunConfig], starts: Sequence[Point], walked: Walk
) -> dict[str, Any]:
    """Scene as JSON types; arrays as base64 float32."""
    scene = {
        "surface": _heights(surface, name),
        "starts": [list(point) for point in starts],
        "steps": len(walked.values) - 1,
        "paths": [
            _path(surface, config, walked, k, i, len(starts) > 1)
            for k, config in enumerate(configs)
            for i in range(len(starts))
        ],
    }
    scene["revision"] = hashlib.sha256(json.dumps(scene).encode()).hexdigest()[:16]
    return scene


def still(scene: dict[str, Any]) -> Part:
    """Return the player of a scene for a page that stands alone."""
    return page.still(_FOLDER, scene)


def csv_of(configs: Sequence[RunConfig], starts: Sequence[Point], walked: Walk) -> str:
    """CSV of every point of every walk, one per line."""
    lines = ["optimizer,lr,start,step,x,y,f,gradient_norm"]
    slopes = walked.slopes
    for k, config in enumerate(configs):
        for i in range(len(starts)):
            last = int(walked.diverged[k, i])
            for t in range(len(walked.values) if last < 0 else last + 1):
                x, y = walked.points[t, :, k, i].tolist()
                f, slope = float(walked.values[t, k, i]), float(slopes[t, k, i])
                lines.append(f"{config.optimizer},{number(config.lr)},{i + 1},{t},{x!r},{y!r},{f!r},{slope!r}")
    return "\n".join(lines) + "\n"


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Surface: repr})
def _heights(surface: Surface, name: str) -> dict[str, Any]:
    fine = surface.heights(FINE)
    finite = fine[np.isfinite(fine)]
    low, high = finite.min(), finite.max()
    floor = 10.0**-DECADES * float(high - surface.minimum)

    def shown(heights: NDArray[np.float64]) -> NDArray[np.float64]:
        # A pole is as high as all that is drawn; a hole is only where f has no value.
        heights = heights.clip(low, high)
        if surface.log_levels:
            gaps = np.maximum(heights - surface.minimum, 0.0)
            # Below the floor the tangent goes on: a logarithm has no lowest value.
            return np.log10(np.maximum(gaps, floor)) + np.minimum(gaps / floor - 1.0, 0.0) / math.log(10.0)
        return heights.clip(-LARGEST, LARGEST)

    return {
        "id": name,
        "label": surface.label,
        "formula": ", ".join([surface.formula, *(f"{name} = {number(at)}" for name, at in surface.constants.items())]),
        "domain": list(surface.domain),
        "minima": [list(point) for point in surface.minima],
        "minimum": surface.minimum,
        "log": surface.log_levels,
        # From this f - minimum on, heights are its logarithm.
        "floor": floor,
        "fine": {"n": FINE, "z": pack(shown(fine))},
        "coarse": {"n": COARSE, "z": pack(shown(surface.heights(COARSE)))},
    }


def _path(surface: Surface, config: RunConfig, walked: Walk, k: int, i: int, several: bool) -> dict[str, Any]:
    x, y = walked.points[:, 0, k, i], walked.points[:, 1, k, i]
    values = walked.values[:, k, i]
    left, diverged = int(walked.left[k, i]), int(walked.diverged[k, i])
    reached = int(walked.reached(surface)[k, i])
    reach = np.append(walked.effective_steps[:, k, i], np.nan)
    # In the order of QUANTITIES in scene.js.
    data = pack(np.stack((x, y, values - surface.minimum, walked.slopes[:, k, i], surface.distance(x, y), reach)))
    finite = values[np.isfinite(values)]
    return {
        "optimizer": config.optimizer,
        "name": config.optimizer_spec.label,
        "label": config.optimizer_spec.label + (f", start {i + 1}" if several else ""),
        "color": OPTIMIZER_COLORS[config.optimizer],
        "dash": OPTIMIZER_DASHES[config.optimizer],
        "rate": number(float(f"{config.lr:.3g}")),
        "data": data,
        "left": left,
        "diverged": diverged,
        "reached": reached,
        "final": float(values[-1]) if np.isfinite(values[-1]) else None,
        "best": float(finite.min()) if finite.size else None,
        "fate": _fate(left, diverged, reached, float(walked.slopes[-1, k, i]) / surface.unit),
    }


def _fate(left: int, diverged: int, reached: int, slope: float) -> str:
    words = ["starts outside the domain"] if left == 0 else []
    if diverged >= 0:
        return ", ".join([*words, f"diverged at step {diverged}"])
    other = "settled elsewhere" if slope < SETTLED else "still on its way"
    words.append("reached the minimum" if reached >= 0 else other)
    if left > 0:
        words.append(f"left the domain at step {left}")
    return ", ".join(words)
