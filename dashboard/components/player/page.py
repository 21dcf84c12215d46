"""Shared Python part of both players: arrays for the browser, the style, and a player in a page that stands alone."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.standalone import Part
from dashboard.components.style import chart_style

_FOLDER = Path(__file__).parent


def pack(values: NDArray[np.float64]) -> str:
    """Return the values as little-endian float32 in base64; an infinite one as NaN, which is drawn as a gap."""
    limited = np.where(np.isinf(values), np.nan, values)
    with np.errstate(over="ignore"):
        return base64.b64encode(np.ascontiguousarray(limited, dtype="<f4").tobytes()).decode()


def style(folder: Path) -> str:
    """Return the CSS of every player, then that of the player in ``folder``, if it has its own."""
    return chart_style(*_styles(folder))


def still(folder: Path, scene: dict[str, Any]) -> Part:
    """Return the player in ``folder`` for a page that stands alone.

    Args:
        folder: with ``NAME.html`` and the module ``NAME.js``, where NAME is the folder's own name.
        scene: what the component is given; ``still`` is added, so that controls that ask Python are hidden.
    """
    name = folder.name
    css = "".join(path.read_text("utf-8") for path in _styles(folder))
    return Part(f"player/{name}/{name}.js", (folder / f"{name}.html").read_text("utf-8"), css, {**scene, "still": True})


def _styles(folder: Path) -> list[Path]:
    return [_FOLDER / "player.css", *sorted(folder.glob("*.css"))]
