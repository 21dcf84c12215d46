"""The player: a browser component that plays walks on a surface over one time cursor, without the server.

The same files, with plotly.js and the walks put in, make a page that stands alone.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly
import streamlit as st
from numpy.typing import NDArray

from core.hyperparameters import number
from core.surfaces import Point, Surface, Walk
from core.training.config import RunConfig
from dashboard.colors import OPTIMIZER_COLORS, OPTIMIZER_DASHES
from dashboard.components import module

_FOLDER = Path(__file__).parent
#: In this order.
SCRIPTS = ("scene.js", "figures.js", "../relief.js", "../paint.js", "table.js", "surface.js")
FINE, COARSE = 161, 71
#: Contours on a log scale span this many decades below the highest value.
DECADES = 5
#: A walk that ends with a smaller gradient norm has settled.
SETTLED = 1e-3


def script() -> str:
    """The component's JavaScript as one ES module."""
    return module(_FOLDER / name for name in SCRIPTS)


_component = st.components.v2.component(
    "descent_surface_player",
    html=(_FOLDER / "surface.html").read_text(),
    css=(_FOLDER.parent / "player.css").read_text(),
    js=script(),
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
    """What the browser needs, as JSON types; arrays travel as base64 float32."""
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


def standalone(scene: dict[str, Any], title: str, theme: str = "light") -> str:
    """The player of a scene as one HTML file that needs nothing else."""
    plotly_js = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text()
    text, paper, border = ("#1b2733", "#fcfcfb", "#d9e0e5") if theme == "light" else ("#e4e9ed", "#10171d", "#2e3b46")
    data = json.dumps({**scene, "still": True}).replace("</", "<\\/")
    code = script().replace("export default function", "const mount = function").replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>:root {{ --st-text-color: {text}; --st-background-color: {paper}; --st-border-color: {border};\n"
        "--st-primary-color: #1d6a96; --st-font: system-ui, sans-serif; }\n"
        f"body {{ margin: 1rem; background: {paper}; }}\n{(_FOLDER.parent / 'player.css').read_text()}</style>\n"
        f"<body>{(_FOLDER / 'surface.html').read_text()}\n<script>{plotly_js}</script>\n"
        f'<script type="module">{code}\n'
        f"mount({{ data: {data}, parentElement: document.body, setTriggerValue() {{}} }})</script></body></html>"
    )


def csv_of(configs: Sequence[RunConfig], starts: Sequence[Point], walked: Walk) -> str:
    """Every point of every walk, one a line."""
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


def _pack(values: NDArray[np.float64]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Surface: repr})
def _heights(surface: Surface, name: str) -> dict[str, Any]:
    fine = surface.heights(FINE)
    finite = fine[np.isfinite(fine)]
    floor = 10.0**-DECADES * float(finite.max() - surface.minimum)

    def shown(heights: NDArray[np.float64]) -> NDArray[np.float64]:
        heights = np.where(np.isfinite(heights), heights, np.nan)
        return np.log10(np.maximum(heights - surface.minimum, 0.0) + floor) if surface.log_levels else heights

    return {
        "id": name,
        "domain": list(surface.domain),
        "minima": [list(point) for point in surface.minima],
        "minimum": surface.minimum,
        "log": surface.log_levels,
        "fine": {"n": FINE, "z": _pack(shown(fine))},
        "coarse": {"n": COARSE, "z": _pack(shown(surface.heights(COARSE)))},
    }


def _path(surface: Surface, config: RunConfig, walked: Walk, k: int, i: int, several: bool) -> dict[str, Any]:
    x, y = walked.points[:, 0, k, i], walked.points[:, 1, k, i]
    values = walked.values[:, k, i]
    left, diverged = int(walked.left[k, i]), int(walked.diverged[k, i])
    reached = int(walked.reached(surface)[k, i])
    reach = np.append(walked.effective_steps[:, k, i], np.nan)
    quantities = (x, y, values - surface.minimum, walked.slopes[:, k, i], surface.distance(x, y), reach)
    with np.errstate(over="ignore"):
        data = _pack(np.stack(quantities))
    finite = values[np.isfinite(values)]
    return {
        "optimizer": config.optimizer,
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
        "fate": _fate(left, diverged, reached, float(walked.slopes[-1, k, i])),
    }


def _fate(left: int, diverged: int, reached: int, slope: float) -> str:
    if diverged >= 0:
        return f"diverged at step {diverged}"
    other = "settled elsewhere" if slope < SETTLED else "still on its way"
    words = ["reached the minimum" if reached >= 0 else other]
    if left >= 0:
        words.append(f"left the domain at step {left}")
    return ", ".join(words)
