"""Still figures: one component draws them all."""

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.components import figure as component
from dashboard.components.figure import FOOT, show_figure
from dashboard.plots import framed

DASHBOARD = Path(component.__file__).parents[2]


def test_a_figure_comes_with_its_words_its_height_and_without_a_theme(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}
    monkeypatch.setattr(component, "_component", lambda **given: sent.update(given))
    chart = framed(go.Figure(go.Scatter(x=np.array([1.0, 2.0]), y=[3, 4])), 120)
    show_figure(chart, "Loss", key="loss", settings="rate 0.1")
    assert (sent["key"], sent["height"]) == ("loss", 120 + FOOT)
    assert (sent["data"]["title"], sent["data"]["settings"]) == ("Loss", "rate 0.1")
    assert sent["data"]["figure"]["layout"]["height"] == 120 and "template" not in sent["data"]["figure"]["layout"]
    json.dumps(sent["data"], allow_nan=False)


def test_no_page_draws_a_figure_otherwise() -> None:
    """Streamlit's own charts load a second plotly.js, and can be saved without title and settings only."""
    for path in sorted(DASHBOARD.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                assert not node.attr.endswith("_chart"), f"{path.name}:{node.lineno}"
