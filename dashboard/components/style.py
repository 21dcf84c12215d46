"""Styles that several components share."""

from pathlib import Path

_SHARED = Path(__file__).parent / "shared" / "chart.css"


def chart_style(*paths: Path) -> str:
    """Return the CSS of what stands beside every chart, then that of the component in ``paths``."""
    return "".join(path.read_text("utf-8") for path in (_SHARED, *paths))
