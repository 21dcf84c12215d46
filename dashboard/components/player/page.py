"""Shared Python part of both players: arrays for the browser, the style, and a player as one HTML file."""

import base64
import html
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.components.modules import PLOTLY, import_map
from dashboard.components.style import chart_style

_FOLDER = Path(__file__).parent
#: Text, paper and border of a page that has no Streamlit around it.
_THEMES = {"light": ("#1b2733", "#fcfcfb", "#d9e0e5"), "dark": ("#e4e9ed", "#10171d", "#2e3b46")}


def pack(values: NDArray[np.float64]) -> str:
    """Return the values as little-endian float32 in base64; an infinite one as NaN, which is drawn as a gap."""
    limited = np.where(np.isinf(values), np.nan, values)
    with np.errstate(over="ignore"):
        return base64.b64encode(np.ascontiguousarray(limited, dtype="<f4").tobytes()).decode()


def style(folder: Path) -> str:
    """Return the CSS of every player, then that of the player in ``folder``, if it has its own."""
    return chart_style(_FOLDER / "player.css", *sorted(folder.glob("*.css")))


def standalone(folder: Path, scene: dict[str, Any], title: str, theme: str = "light") -> str:
    """Return the player in ``folder`` as one self-contained HTML file.

    Args:
        folder: with ``NAME.html`` and the module ``NAME.js``, where NAME is the folder's own name.
        scene: what the component is given; ``still`` is added, so that controls that ask Python are hidden.
        title: plain text.
        theme: ``light`` or ``dark``.
    """
    name = folder.name
    entry = f"player/{name}/{name}.js"
    text, paper, border = _THEMES[theme]
    # A "</script>" in a name would end the script.
    data = json.dumps({**scene, "still": True}).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>:root {{ --st-text-color: {text}; --st-background-color: {paper}; --st-border-color: {border};\n"
        "--st-primary-color: #1d6a96; --st-font: system-ui, sans-serif; }\n"
        f"body {{ margin: 1rem; background: {paper}; }}\n{style(folder)}</style>\n"
        f"<body>{(folder / f'{name}.html').read_text('utf-8')}\n<script>{PLOTLY.read_text('utf-8')}</script>\n"
        f'<script type="importmap">{import_map(entry)}</script>\n'
        f'<script type="module">import mount from "{entry}"\n'
        f"mount({{ data: {data}, parentElement: document.body, setTriggerValue() {{}} }})</script></body></html>"
    )
