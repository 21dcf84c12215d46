"""Pages that stand alone: components, texts and tables in one HTML file that needs no server and no network.

A page is a title and blocks. A block is a ``Part``, which is a component with its data, or the HTML that one of the
functions here returns; they take plain text, so no name of a person's ends up as HTML.
"""

import html
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.paths import ROOT
from dashboard.components.modules import PLOTLY, import_map
from dashboard.components.style import chart_style

#: Width of what is printed on A4, in CSS pixels: 210 mm less the margins of 12 mm.
PRINTED = 703
_STYLE = Path(__file__).parent / "shared" / "standalone.css"
#: Tells the style sheet how wide the page's content is on the screen: printing asks for it, and draws nothing anew.
_MEASURE = """const main = document.querySelector("main"), style = document.documentElement.style
new ResizeObserver(() => {
  if (matchMedia("print").matches) return
  const { paddingLeft, paddingRight } = getComputedStyle(main)
  const width = main.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)
  style.setProperty("--print-width", `${width}px`)
  style.setProperty("--print-zoom", Math.min(1, PRINTED / width))
}).observe(main)"""
#: Colours of Streamlit's that the lab's theme does not set.
_COLORS = {
    "light": {"blue-text": "#0054a3", "green-text": "#158237", "orange-text": "#a04500", "red-text": "#bd4043"},
    "dark": {"blue-text": "#6cb8e0", "green-text": "#5ce488", "orange-text": "#ffbd45", "red-text": "#ff8a8a"},
}
#: Cells of a table with more characters than this may be broken into lines.
_LONGEST, _LONG = 20, ' class="long"'
#: Nothing is loaded, and nothing is sent anywhere. The modules are data URLs, saved pictures blobs.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src data: blob:; font-src data:"
)


@dataclass(frozen=True)
class Part:
    """A component in such a page.

    Args:
        entry: its module, as in ``chart/chart.js``.
        markup: its HTML.
        style: its CSS, without that of ``chart_style()``.
        data: what the component is given, JSON types.
    """

    entry: str
    markup: str
    style: str
    data: Mapping[str, Any]


Block = Part | str


def page(title: str, blocks: Sequence[Block], theme: str = "light") -> str:
    """Return a page as one HTML file, which plays from disk and prints on A4.

    Args:
        title: plain text.
        blocks: from the top.
        theme: ``light`` or ``dark``.
    """
    parts = [block for block in blocks if isinstance(block, Part)]
    numbers = {id(part): number for number, part in enumerate(parts)}
    body = "\n".join(
        f'<section class="part" id="part-{numbers[id(block)]}">{block.markup}</section>'
        if isinstance(block, Part)
        else block
        for block in blocks
    )
    styles = "\n".join([chart_style(_STYLE), *dict.fromkeys(part.style for part in parts)])
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_variables(theme)}\n{styles}</style></head>\n"
        f"<body><main><h1>{html.escape(title)}</h1>\n{body}\n</main>\n{_scripts(parts)}</body></html>\n"
    )


def heading(words: str) -> str:
    return f"<h2>{html.escape(words)}</h2>"


def text(words: str) -> str:
    """Paragraph of plain text; its line breaks stay."""
    return f"<p>{html.escape(words)}</p>"


def pairs(values: Mapping[str, str]) -> str:
    """Names and values, two pairs or more a line where there is room."""
    cells = (f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in values.items())
    return f"<dl>{''.join(cells)}</dl>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table whose first column names the rows."""
    top = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    lines = []
    for name, *cells in rows:
        others = "".join(f"<td{_LONG if len(cell) > _LONGEST else ''}>{html.escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{html.escape(name)}</th>{others}</tr>')
    return f'<div class="wide-table"><table><thead><tr>{top}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def code(title: str, source: str, opened: bool = False) -> str:
    """Source text below a title that opens and closes it."""
    start = f"<details{' open' if opened else ''}><summary>{html.escape(title)}</summary>"
    return f"{start}<pre><code>{html.escape(source)}</code></pre></details>"


def _scripts(parts: Sequence[Part]) -> str:
    """Return plotly, the modules, and the script that gives each component its data."""
    entries = list(dict.fromkeys(part.entry for part in parts))
    plotly = f"<script>{PLOTLY.read_text('utf-8')}</script>\n" if parts else ""
    # No "<" in the data: a "</script>" in a name would end the script.
    data = json.dumps([[entries.index(part.entry), part.data] for part in parts], separators=(",", ":"))
    data = data.replace("<", "\\u003c")
    lines = [f'import mount{number} from "{entry}"' for number, entry in enumerate(entries)]
    lines += [
        f"const mounts = [{', '.join(f'mount{number}' for number in range(len(entries)))}]",
        f"const parts = {data}",
        "const deaf = { setStateValue() {}, setTriggerValue() {} }",
        "const place = i => document.getElementById(`part-${i}`)",
        "parts.forEach(([mount, data], i) => mounts[mount]({ ...deaf, data, parentElement: place(i) }))",
    ]
    script = "\n".join(lines)
    return (
        f"{plotly}<script>{_MEASURE.replace('PRINTED', str(PRINTED))}</script>\n"
        f'<script type="importmap">{import_map(*entries)}</script>\n<script type="module">{script}</script>'
    )


@cache
def _variables(theme: str) -> str:
    """Return the CSS variables that Streamlit gives a component, with the colours of the lab's theme."""
    given = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"][theme]
    values = {re.sub("[A-Z]", lambda capital: f"-{capital[0].lower()}", name): value for name, value in given.items()}
    values |= {f"{name}-color": color for name, color in _COLORS[theme].items()}
    red = values["red-text-color"]
    values |= {"red-color": red, "red-background-color": f"color-mix(in srgb, {red} 12%, transparent)"}
    values |= {"font": "system-ui, sans-serif", "base-radius": "8px", "button-radius": "8px"}
    shown = {name: ",".join(value) if isinstance(value, list) else value for name, value in values.items()}
    rules = (f"--st-{name}: {value};" for name, value in shown.items() if isinstance(value, str))
    return f":root {{ color-scheme: {theme}; {' '.join(rules)} }}"
