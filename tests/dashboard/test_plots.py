import ast
import re
from pathlib import Path

import plotly.graph_objects as go

from dashboard import plots
from dashboard.components.modules import SOURCES
from dashboard.plots import framed


def test_a_frame_has_its_height_margins_that_grow_and_no_legend() -> None:
    layout = framed(go.Figure(), 120).layout
    assert (layout.height, layout.showlegend, layout.margin.to_plotly_json()) == (
        120, False, {"l": 4, "r": 4, "t": 8, "b": 4}
    )  # fmt: skip
    assert layout.xaxis.automargin and layout.yaxis.automargin


def test_a_page_may_lay_out_otherwise() -> None:
    layout = framed(go.Figure(), 120, margin={"t": 40}, showlegend=True, hovermode="x unified").layout
    assert (layout.margin.t, layout.showlegend, layout.hovermode) == (40, True, "x unified")


def test_no_figure_of_python_becomes_a_page_with_plotlys_own_buttons() -> None:
    """One of them sends the figure to plotly's maker; ``standalone`` makes all pages."""
    for path in sorted(Path(plots.__file__).parent.rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            written = isinstance(call.func, ast.Attribute) and call.func.attr in ("to_html", "write_html")
            assert not written, f"{path.name}:{call.lineno}"


def test_no_figure_of_our_javascript_has_them_either() -> None:
    assert "showSendToCloud: false" in SOURCES["shared/plotly.js"]
    drawn = [line for source in SOURCES.values() for line in source.splitlines() if "Plotly.react(" in line]
    assert len(drawn) == 4
    for line in drawn:
        assert re.search(r"[, ](\w*SETTINGS|config: \w*SETTINGS \}|settings|\{ \.\.\.settings, [^}]*\})\)$", line), line
    for path in ("player/base.js", "chart/figure.js", "figure/figure.js"):
        assert "_SETTINGS = { ...SETTINGS," in SOURCES[path]
    assert not any(re.search(r"Plotly\.(newPlot|plot|update)\(", source) for source in SOURCES.values())
