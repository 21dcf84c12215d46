"""The whole lab with two more optimizers, run by ``tests/test_one_more_optimizer.py`` in a copy that has their rows."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from core import surfaces
from core.analysis.lr_finder import find_learning_rate
from core.analysis.weight_step import weight_step
from core.cli.main import main
from core.optimizers import OPTIMIZERS
from core.runs.service import Service
from core.sweep.race import race
from core.training.config import RunConfig
from core.training.network import to_flat
from core.training.trainer import Trainer
from dashboard import forms
from dashboard.colors import OPTIMIZER_COLORS, OPTIMIZER_DASHES
from dashboard.views.surfaces.closer import MOMENTUM, VIEWS
from scripts import readme
from tests.dashboard.conftest import figures, in_address
from tests.waiting import LIMIT, wait_for

PAGES = Path(__file__).resolve().parents[2] / "dashboard" / "views"
#: A variant with a rule and an explanation, and a class of its own with neither.
NEW = ["heavy_ball", "lion"]
SMALL = {"validation_split": 0.99, "batch_size": 50, "epochs": 2, "device": "cpu"}

each = pytest.mark.parametrize("name", NEW)


@each
def test_a_run_is_stopped_resumed_and_ends_as_one_that_was_not(name: str) -> None:
    config = RunConfig.recommended(name, **SMALL)
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    whole, first, second = Trainer(config), Trainer(config), Trainer(config)
    list(whole.events())
    first.pause_at = 7
    list(first.events())
    second.restore(first.state())
    list(second.events())
    assert second.step == whole.step == config.span.steps
    assert torch.equal(to_flat(second.network), to_flat(whole.network))


@each
def test_the_terminal_trains_it_saves_it_whole_and_goes_on(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / "whole.safetensors")
    small = ["--validation-split", "0.99", "--threads", "1"]
    assert main(["train", "--optimizer", name, "--epochs", "1", *small, "--save-whole", path]) == 0
    assert main(["train", "--resume", path, "--epochs", "2", "--threads", "1", "--json"]) == 0
    assert main(["evaluate", path, "--json"]) == 0


@each
def test_one_step_in_numbers_and_the_learning_rate_finder(name: str) -> None:
    config = RunConfig.recommended(name, **SMALL)
    numbers = weight_step(config, 3)
    assert numbers
    assert all(line.count("&=") + line.count(r"&\leftarrow") == 1 for line in numbers.step.lines)
    assert np.isfinite(find_learning_rate(config, steps=20).smoothed[0])


@each
def test_it_walks_surfaces(name: str) -> None:
    surface = surfaces.SURFACES["himmelblau"]
    config = RunConfig.recommended(name, lr=0.01)
    points = surfaces.walk(surface, [config], [surface.start, (4.0, 4.0)], 30).points[:, :, 0, 0]
    by_torch = np.array([m.theta[:, 0] for m in surfaces.torch_walk(surface, config, surface.start, 30)])
    np.testing.assert_allclose(points, by_torch, atol=1e-9)
    (tuning,) = surfaces.tune(surface, [config], surface.start, 30)
    assert tuning.best > 0
    assert surfaces.basins(surface, config, 30, resolution=5).reached.shape == (5, 5)
    numbers = surfaces.step_in_numbers(surface, config, surface.start, 4, 30)
    assert numbers
    np.testing.assert_array_equal(numbers.after, by_torch[4])


def test_all_lines_look_different() -> None:
    styles = {(OPTIMIZER_COLORS[name], OPTIMIZER_DASHES[name]) for name in OPTIMIZERS}
    assert len(styles) == len(OPTIMIZERS)


def test_the_readme_is_brought_along_by_its_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "README.md"
    copy.write_text(readme.README.read_text())
    assert readme.main(["--check"], copy) == 1
    added = [line for line in capsys.readouterr().out.splitlines() if line.startswith("+|")]
    assert added == [f"+{readme.optimizer_row(name)}" for name in NEW]
    assert readme.main([], copy) == 0
    assert readme.main(["--check"], copy) == 0


def test_the_form_offers_it(service: Service) -> None:
    page = AppTest.from_file(str(PAGES / "train" / "page.py"), default_timeout=LIMIT).run()
    for name in NEW:
        page.selectbox(key=forms.key("optimizer")).set_value(name).run()
        assert not page.exception and not page.error
        assert page.text_input(key=forms.key("lr")).value == f"{OPTIMIZERS[name].lr:g}"


def test_it_races_each_at_its_own_best(service: Service) -> None:
    assert len(race(RunConfig(), "optimizer", NEW)) == 2
    page = AppTest.from_file(str(PAGES / "sweep" / "page.py"), default_timeout=LIMIT)
    page.query_params["kind"] = "race"
    page.run()
    page.multiselect(key="race.optimizer").set_value(NEW).run()
    page.text_input(key=forms.key("validation_split")).set_value("0.95")
    page.text_input(key=forms.key("epochs")).set_value("1").run()
    next(button for button in page.button if button.label.startswith("Start")).click().run()
    for part, count in (("tried", 10), ("runs", 2)):
        ids = in_address(page, part).split(",")
        assert len(ids) == count
        finish(service, ids)
        page.run()
        assert not page.exception and not page.error
    assert [run.config.optimizer for run in map(service.run, ids) if run] == NEW


@pytest.mark.parametrize("view", [view for view in VIEWS if view != MOMENTUM])
def test_the_surfaces_page_shows_it(view: str) -> None:
    page = AppTest.from_file(str(PAGES / "surfaces" / "page.py"), default_timeout=LIMIT)
    page.session_state["s-optimizers"] = [*NEW, "adam"]
    page.session_state["s-steps"] = "20"
    page.session_state["s-tab"] = view
    page.run()
    for name in NEW:
        if "s-step-of" in page.session_state:
            page.selectbox(key="s-step-of").set_value(name).run()
        assert not page.exception and not page.error
        assert len(figures(page)) == 1


def finish(service: Service, ids: list[str]) -> None:
    wait_for(lambda: all(run and run.over for run in map(service.run, ids)))
    assert {run.state for run in map(service.run, ids) if run} == {"finished"}
