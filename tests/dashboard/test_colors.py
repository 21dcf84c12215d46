import doctest
import re
from dataclasses import replace

import pytest

from core.optimizers import OPTIMIZERS
from core.paths import ROOT
from dashboard import colors
from dashboard.colors import CYAN, OPTIMIZER_COLORS, OPTIMIZER_DASHES, PINK, RED, VIOLET, line_style


def test_the_first_optimizers_are_solid_and_the_next_eight_dashed() -> None:
    expected = {
        "sgd": "#2f7fd6", "momentum": "#d97706", "nesterov": "#12946e", "adam": RED, "rmsprop": VIOLET,
        "adagrad": "#9a8412", "adamw": CYAN, "muon": PINK,
    }  # fmt: skip
    assert {name: OPTIMIZER_COLORS[name] for name in expected} == expected
    assert {OPTIMIZER_DASHES[name] for name in expected} == {"solid"}
    dashed = ["asgd", "rprop", "adadelta", "nadam", "radam", "adafactor", "adamax", "lbfgs"]
    assert [OPTIMIZER_COLORS[name] for name in dashed] == list(colors.HUES)
    assert {OPTIMIZER_DASHES[name] for name in dashed} == {"dash"}


@pytest.mark.parametrize("path", ["components/clickable/clickable.css", "views/draw/draw.css"])
def test_a_style_sheet_has_the_palettes_blue_and_orange(path: str) -> None:
    """A style sheet can't import the palette."""
    used = re.findall(r"#[0-9a-f]{6}", (ROOT / "dashboard" / path).read_text())
    assert {colors.BLUE, colors.ORANGE} <= {*used}


def test_a_row_without_a_line_gets_the_next_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("momentum", "adamax"):
        monkeypatch.setitem(OPTIMIZERS, name, replace(OPTIMIZERS[name], line=None))
    monkeypatch.setitem(OPTIMIZERS, "another", replace(OPTIMIZERS["sgd"], line=None))
    places = colors._places()
    assert (places["momentum"], places["adamax"], places["another"]) == (1, 14, 16)
    assert line_style(places["another"]) == (colors.BLUE, "dot")


def test_the_examples_run() -> None:
    failed, tried = doctest.testmod(colors)
    assert tried and not failed
