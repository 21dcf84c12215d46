"""Our own browser components, each a folder: a Python face, and the HTML, CSS and JavaScript beside it."""

import re
from collections.abc import Iterable
from pathlib import Path

_LOADER = Path(__file__).parent / "shared" / "plotly.js"


def module(scripts: Iterable[Path]) -> str:
    """The scripts as one ES module, after the loader of plotly.js; only the last one's default export stays."""
    parts = [path.read_text() for path in (_LOADER, *scripts)]
    return "\n".join(re.sub(r"^export (?!default)", "", part, flags=re.MULTILINE) for part in parts)
