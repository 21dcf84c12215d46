import base64
import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.surfaces import SURFACES, Tuning, walk
from core.surfaces.basins import Basins
from core.surfaces.descent import step_in_numbers
from core.surfaces.functions import ill_conditioned_bowl
from core.surfaces.momentum import Behaviour, behaviour, best, convergence_rate
from core.surfaces.own import own_surface
from core.surfaces.tuning import RATES as TRIED
from core.training.config import RunConfig
from dashboard import forms
from dashboard.components.player.surface import csv_of, scene_of
from dashboard.plots import REPEATED
from dashboard.views.surfaces import glass, plots, walks
from dashboard.views.surfaces import momentum as momentum_view
from dashboard.views.surfaces.closer import BASINS, MOMENTUM, RATES, STEP
from dashboard.views.surfaces.controls import SAME
from dashboard.views.surfaces.document import document
from dashboard.views.surfaces.walks import Scene
from tests.dashboard.conftest import figures, page_of


@pytest.fixture
def page() -> AppTest:
    return page_of("surfaces")


def scene(page: AppTest) -> dict[str, Any]:
    """Data of the player."""
    assert not page.exception
    components = [element.proto for element in page.main if element.type == "bidi_component"]
    (player,) = [proto for proto in components if not proto.component_name.endswith("descent_figure")]
    return json.loads(player.json)


def said(page: AppTest) -> str:
    assert not page.exception
    return " ".join(error.value for error in page.error).replace("\\", "")


def test_the_first_picture_is_five_optimizers_on_rosenbrock_at_their_best(page: AppTest) -> None:
    shown = scene(page.run())
    assert shown["surface"]["id"] == "rosenbrock"
    assert [path["label"] for path in shown["paths"]] == ["SGD", "Momentum", "RMSprop", "Adam", "Muon"]
    assert len({path["rate"] for path in shown["paths"]}) == 5
    assert shown["steps"] == 500


@pytest.mark.parametrize("name", [*SURFACES, "own"])
def test_every_function_has_a_page(page: AppTest, name: str) -> None:
    page.session_state["s-surface"] = name
    page.session_state["s-steps"] = "20"
    assert scene(page.run())["steps"] == 20


def test_the_stable_rate_is_said_of_the_sharpest_minimum(page: AppTest) -> None:
    """At 0.024 gradient descent settles in one of Himmelblau's other minima."""
    page.session_state["s-surface"] = "himmelblau"
    page.session_state["s-optimizers"], page.session_state["s-rates"] = ["sgd"], SAME
    page.session_state["s-lr"], page.session_state["s-starts"] = "0.024", "2.5, 1.5"
    (path,) = scene(page.run())["paths"]
    assert path["fate"] == "reached the minimum"
    assert page.caption[0].value.endswith(
        " Gradient descent settles in the sharpest minimum only below a rate of 0.015."
    )
    page.session_state["s-surface"] = "rosenbrock"
    assert page.run().caption[0].value.endswith(" Gradient descent settles in the minimum only below a rate of 0.002.")


@pytest.mark.parametrize("name", [name for name, surface in SURFACES.items() if surface.log_levels])
def test_a_contours_label_is_f_above_the_minimum(page: AppTest, name: str) -> None:
    page.session_state["s-surface"] = name
    shown = scene(page.run())["surface"]
    heights = np.frombuffer(base64.b64decode(shown["fine"]["z"]), dtype="<f4").astype(float)
    n, floor = shown["fine"]["n"], shown["floor"]
    gaps = SURFACES[name].heights(n).ravel() - SURFACES[name].minimum
    np.testing.assert_allclose(10.0 ** heights[gaps > floor], gaps[gaps > floor], rtol=1e-5)
    below = floor * (1 + np.log(10) * (heights - np.log10(floor)))
    np.testing.assert_allclose(below[gaps < floor], gaps[gaps < floor], atol=1e-5 * floor)


def test_starts_noise_and_settings_are_read(page: AppTest) -> None:
    page.session_state["s-starts"] = "0, 0; 1, 2"
    page.session_state["s-noise"] = "0.1"
    page.session_state["s-rates"] = SAME
    page.session_state["s-lr"] = "0.02"
    page.session_state["s-schedule"] = "cosine"
    page.session_state["s-settings"] = "adam lr=0.5 betas=0.5,0.9"
    shown = scene(page.run())
    assert shown["starts"] == [[0.0, 0.0], [1.0, 2.0]]
    assert len(shown["paths"]) == 10
    rates = {path["optimizer"]: path["rate"] for path in shown["paths"]}
    assert rates["adam"] == "0.5" and rates["sgd"] == "0.02"
    first = np.frombuffer(base64.b64decode(shown["paths"][-1]["data"]), dtype="<f4").reshape(6, -1)[:2, 0]
    assert first.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("steps", "5001", "Steps must be a whole number from 1 to 5000; you entered 5001."),
        ("noise", "-1", "Gradient noise must be between 0 and 1000; you entered -1."),
        ("starts", "1", "Starts must be points x, y with a semicolon between them; you entered 1."),
        ("starts", "100, 0", "Starts must lie within 10 half-widths of the domain's centre; you entered 100, 0."),
        ("starts", ";".join(["0,0"] * 10), "Starts must be at most 9 points; you entered 10."),
        ("settings", "adam betas=2,0", "Betas must be 2 numbers between 0 and 1, below 1, separated by commas"),
        (
            "settings",
            "adam speed=2",
            "Adam has no parameter speed; its parameters: lr, betas, eps, amsgrad, weight decay.",
        ),
        ("settings", "lbfgs lr=1", "All settings, as text must name one of sgd,"),
    ],
)
def test_bad_input_gets_one_sentence(page: AppTest, key: str, text: str, sentence: str) -> None:
    page.session_state[f"s-{key}"] = text
    assert said(page.run()).startswith(sentence)


@pytest.mark.parametrize(
    ("formula", "domain", "sentence"),
    [
        ("__import__('os')", "-1,1,-1,1", "f(x, y) may hold only numbers, x, y, pi, e, "),
        (
            "2x",
            "-1,1,-1,1",
            "f(x, y) must be one expression in x and y, with every product written as in 2*x; you entered 2x.",
        ),
        (
            "x^2+y^2",
            "1,-1,-1,1",
            "x must run from a lower to a higher number, 0.001 to 1000000 apart; you entered 1 to -1.",
        ),
        ("", "-1,1,-1,1", "f(x, y) must not be empty; try x^2 + 10*y^2."),
        (
            "log(-1)",
            "-1,1,-1,1",
            "f(x, y) must have a value somewhere in its domain; you entered log(-1), which has none.",
        ),
        ("x^2+y^2", "nonsense", "Domain must be four numbers: x from, x to, y from, y to; you entered nonsense."),
        ("x^2+y^2", "", "Domain must be four numbers: x from, x to, y from, y to; the field is empty."),
    ],
)
def test_a_bad_formula_gets_one_sentence(page: AppTest, formula: str, domain: str, sentence: str) -> None:
    page.session_state["s-surface"] = "own"
    page.session_state["s-formula"] = formula
    page.session_state["s-domain"] = domain
    assert said(page.run()).startswith(sentence)


def test_no_optimizer_is_an_invitation(page: AppTest) -> None:
    page.session_state["s-optimizers"] = []
    page.run()
    assert not page.exception
    assert page.info[0].value == "Choose at least one optimizer."


@pytest.mark.parametrize("view", [STEP, BASINS, RATES])
def test_a_closer_look(page: AppTest, view: str) -> None:
    page.session_state["s-tab"] = view
    page.session_state["s-steps"] = "30"
    page.run()
    assert not page.exception and not page.error
    assert len(figures(page)) == 1
    if view == STEP:
        assert r"\theta_t &=" in page.latex[0].value


def test_not_all_starts_reach_a_minimum_where_one_does_not(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = np.zeros((100, 100), dtype=int)
    reached[0, 0] = -1
    monkeypatch.setattr(walks, "basins", lambda *_: Basins(((1.0, 1.0),), reached, np.ones_like(reached)))
    page.session_state["s-tab"] = BASINS
    page.run()
    assert "; 99.99% of the starts reach one." in page.caption[-1].value


def test_momentum_is_explained_on_the_bowl_and_its_sliders_set_the_walk(page: AppTest) -> None:
    page.session_state["s-tab"] = MOMENTUM
    page.run()
    assert not page.exception and page.info[0].value.startswith("This is theory of a quadratic")
    next(button for button in page.button if button.label == "Go to the bowl").click().run()
    assert not page.exception and not page.error and len(figures(page)) == 2
    page.slider(key="s.momentum.momentum").set_value(0.5).run()
    page.slider(key="s.momentum.rate").set_value(0.02).run()
    (path,) = [path for path in scene(page)["paths"] if path["optimizer"] == "momentum"]
    assert path["rate"] == "0.02"
    assert page.session_state["s-settings"] == "momentum lr=0.02 momentum=0.5"
    # Complex eigenvalues: the square root of the momentum for the steep mode; the flat one is slower.
    flat = float(convergence_rate(0.02, 0.5, 1.0))
    assert page.metric[0].value == f"{flat:.3f}" and flat > 0.5**0.5
    next(button for button in page.button if button.label.startswith("Best here")).click().run()
    assert page.session_state["s-settings"].startswith("momentum lr=0.0614")
    # At best the square root of the best momentum; next to it the factor changes like a square root.
    condition = 50**0.5
    assert float(page.metric[0].value) == pytest.approx((condition - 1) / (condition + 1), abs=2e-3)
    # On a round bowl the best momentum is none, which Momentum cannot have.
    page.session_state["s-k"] = 1
    page.run()
    next(button for button in page.button if button.label == "Best here: rate 1, momentum 0").click().run()
    assert not page.exception and not page.error
    assert page.session_state["s-settings"] == "momentum lr=1 momentum=0.01"


@pytest.mark.parametrize(
    ("optimizer", "words"), [("momentum", "keeps the rate outside"), ("nesterov", "look-ahead point")]
)
def test_a_step_of_momentum_is_drawn_tip_to_tail_beside_the_textbooks_form(
    page: AppTest, optimizer: str, words: str
) -> None:
    page.session_state["s-optimizers"] = [optimizer]
    page.session_state["s-tab"] = STEP
    page.session_state["s-step"] = "3"
    page.run()
    assert not page.exception and any(words in text.value for text in page.markdown)
    (chart,) = figures(page)
    traces = {trace.get("name", ""): trace for trace in chart["data"]}
    arrows = [trace for name, trace in traces.items() if "length" in name]
    assert len(arrows) == (4 if optimizer == "nesterov" else 3)
    for leg, following in pairwise(arrows[:-1]):
        assert (leg["x"][1], leg["y"][1]) == pytest.approx((following["x"][0], following["y"][0]))
    assert (arrows[-1]["x"][1], arrows[-1]["y"][1]) == pytest.approx((arrows[-2]["x"][1], arrows[-2]["y"][1]))


def test_arrows_drawn_equally_long_are_told_as_they_are() -> None:
    surface = SURFACES["rosenbrock"]
    step = step_in_numbers(surface, RunConfig.recommended("adam"), (-2.0, -1.0), 3, 5)
    assert step is not None and step.scaling is not None
    traces = {trace.name.split(":")[0]: trace for trace in glass.arrows(surface, step).data if trace.name}
    downhill, scaling = traces["downhill, -g"], traces["scaling"]
    told = np.array([downhill.meta[axis] for axis in "xy"])
    np.testing.assert_allclose(told, np.transpose([step.before, step.before - step.gradient]))
    assert 1000 * np.hypot(np.ptp(downhill.x), np.ptp(downhill.y)) < np.hypot(*step.gradient)
    assert scaling.meta["x"][0] == step.before[0] + step.scaling[0]
    the_step = traces["the step"]
    np.testing.assert_allclose([the_step.meta["x"], the_step.meta["y"]], [the_step.x, the_step.y])


def test_the_map_of_momentum_tells_steps_and_the_rate_in_use() -> None:
    chart = momentum_view._map(9.0, 0.5, (1.0, 10.0), best(1.0, 10.0))
    heat, here = chart.data[0], chart.data[-1]
    told = np.array(heat.meta["z"], dtype=float)
    np.testing.assert_allclose(told, 10 ** np.array(heat.z), atol=0.0051)
    assert heat.meta["z"][0][-1] is None and chart.layout.meta == {"z": "steps for a tenth"}
    assert (list(here.x), here.meta) == ([0.4], {"x": [9.0]})


def test_an_end_below_rounding_is_told_as_it_is() -> None:
    gaps = np.full(len(TRIED), np.inf)
    gaps[:2] = 1e-20, 0.5
    chart = plots.sensitivity([RunConfig()], [Tuning(gaps, 0.1)], [0.1])
    axes = chart.layout.xaxis, chart.layout.yaxis
    assert all(axis.type == "log" and axis.title.text.endswith("(logarithmic)") for axis in axes)
    curve, mark = chart.data
    assert list(curve.y[:2]) == [1e-12, 0.5] and np.isnan(curve.y[2])
    assert curve.meta["y"][:3] == [1e-20, 0.5, None] and mark.meta == REPEATED


@pytest.mark.parametrize(("rate", "marked"), [(1e-6, [1e-6]), (100.0, [100.0]), (9e-7, []), (1000.0, [])])
def test_only_a_rate_that_was_searched_is_marked(rate: float, marked: list[float]) -> None:
    chart = plots.sensitivity([RunConfig()], [Tuning(np.ones(len(TRIED)), 0.1)], [rate])
    assert [float(x) for trace in chart.data[1:] for x in trace.x] == pytest.approx(marked)


def test_a_step_beyond_the_walk_is_refused(page: AppTest) -> None:
    page.session_state["s-tab"] = STEP
    page.session_state["s-step"] = "501"
    assert said(page.run()) == "Step must be a whole number from 1 to 500; you entered 501."


def test_a_shorter_walk_takes_the_step_back_to_its_last(page: AppTest) -> None:
    page.session_state["s-tab"] = STEP
    page.session_state["s-step"] = "250"
    assert said(page.run()) == ""
    page.text_input(key="s-steps").set_value("60").run()
    assert said(page) == "" and page.text_input(key="s-step").value == "60"
    page.text_input(key="s-step").set_value("61").run()
    assert said(page) == "Step must be a whole number from 1 to 60; you entered 61."
    page.text_input(key="s-steps").set_value("70").run()
    assert said(page) == "" and page.text_input(key="s-step").value == "61"


def test_a_changed_parameter_goes_into_the_text_and_back_out(page: AppTest) -> None:
    page.run()
    page.selectbox(key="s.panel").set_value("adam").run()
    page.text_input(key="s.adam.betas").set_value("0.5,0.9").run()
    assert page.session_state["s-settings"] == "adam betas=0.5,0.9"
    page.checkbox(key="s.adam.amsgrad").set_value(True).run()
    assert page.session_state["s-settings"] == "adam betas=0.5,0.9 amsgrad=true"
    page.text_input(key="s.adam.betas").set_value("0.9,0.999").run()
    page.checkbox(key="s.adam.amsgrad").set_value(False).run()
    assert page.session_state["s-settings"] == ""
    assert not page.exception


def test_settings_from_the_train_page_arrive(page: AppTest) -> None:
    config = RunConfig(optimizer="nadam", lr=0.02, optimizer_params={"betas": (0.8, 0.9)}, schedule="step")
    page.session_state["handoff.surfaces"] = config.to_dict()
    shown = scene(page.run())
    (path,) = [path for path in shown["paths"] if path["optimizer"] == "nadam"]
    assert path["rate"] == "0.02"
    assert page.session_state["s-settings"] == "nadam lr=0.02 betas=0.8,0.9"
    assert page.session_state["s-schedule"] == "step"


def test_the_whole_schedule_of_the_train_page_arrives(page: AppTest) -> None:
    for config, warmup, every in (
        (RunConfig(schedule="step", schedule_params={"every": 2.0}, warmup_steps=50), "50", "2"),
        (RunConfig(schedule="step"), "0", "1"),
    ):
        page.session_state["handoff.surfaces"] = config.to_dict()
        assert said(page.run()) == ""
        assert page.session_state["s-warmup_steps"] == warmup and page.session_state["s-step.every"] == every


def test_settings_go_to_the_train_page(page: AppTest) -> None:
    page.session_state["s-settings"] = "adam lr=0.02 betas=0.8,0.9"
    page.run()
    page.selectbox(key="s.panel").set_value("adam").run()
    page.button(key="s.train").click().run()
    assert page.session_state[forms.key("optimizer")] == "adam"
    assert page.session_state[forms.key("lr")] == "0.02"
    assert page.session_state[forms.key("betas", "adam")] == "0.8,0.9"


@pytest.fixture
def walked() -> tuple[Any, ...]:
    surface = SURFACES["booth"]
    configs = (RunConfig(optimizer="sgd", lr=0.01), RunConfig(optimizer="sgd", lr=10.0))
    return surface, configs, (surface.start,), walk(surface, configs, [surface.start], 5)


def test_the_table_tells_what_became_of_each(walked: tuple[Any, ...]) -> None:
    surface, configs, starts, paths = walked
    good, bad = scene_of(surface, "booth", configs, starts, paths)["paths"]
    assert good["fate"] == "still on its way" and good["final"] == pytest.approx(paths.values[-1, 0, 0])
    assert bad["fate"] == "diverged at step 1" and bad["final"] is None


def test_a_scene_names_its_function_with_its_constants() -> None:
    for surface, formula in (
        (own_surface("x^2 + 3*y^2", (-1.0, 1.0, -1.0, 1.0)), "x^2 + 3*y^2"),
        (ill_conditioned_bowl(25.0), "(x^2 + k*y^2)/2, k = 25"),
    ):
        configs = (RunConfig(optimizer="sgd", lr=0.01),)
        paths = walk(surface, configs, [surface.start], 5)
        assert scene_of(surface, formula, configs, (surface.start,), paths)["surface"]["formula"] == formula


def test_a_start_outside_the_domain_has_not_left_it() -> None:
    surface, configs = SURFACES["booth"], (RunConfig(optimizer="sgd", lr=0.05), RunConfig(optimizer="sgd", lr=10.0))
    starts = ((12.0, 3.0), (1.0, 3.0))
    far, near, bad, _ = scene_of(surface, "booth", configs, starts, walk(surface, configs, starts, 500))["paths"]
    assert (far["left"], far["fate"]) == (0, "starts outside the domain, reached the minimum")
    assert near["fate"] == "reached the minimum"
    assert bad["fate"] == "starts outside the domain, diverged at step 1"


def drawn(formula: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The surface and the first path of the scene of an own formula; its coarse heights as an array."""
    surface = own_surface(formula, (-3.0, 3.0, -3.0, 3.0))
    configs = (RunConfig(optimizer="sgd", lr=0.01),)
    scene = scene_of(surface, formula, configs, (surface.start,), walk(surface, configs, [surface.start], 5))
    shown = scene["surface"]
    heights = np.frombuffer(base64.b64decode(shown["coarse"]["z"]), np.float32)
    return {**shown, "heights": heights.reshape(2 * [shown["coarse"]["n"]])}, scene["paths"][0]


def test_a_pole_is_as_high_as_all_that_is_drawn_and_a_place_without_a_value_is_a_hole() -> None:
    pole, _ = drawn("1/(x^2+y^2)")
    middle = pole["coarse"]["n"] // 2
    assert pole["log"] and np.isfinite(pole["heights"]).all()
    assert pole["heights"].max() == pole["heights"][middle, middle]
    well, _ = drawn("-1/(x^2+y^2)")
    assert well["heights"].min() == well["heights"][middle, middle]
    hole, _ = drawn("x*y/(x^2+y^2)")
    assert np.argwhere(np.isnan(hole["heights"])).tolist() == [[middle, middle]]
    high, _ = drawn("1e60*(x^2+y^2)")
    assert np.isfinite(high["heights"]).all() and np.isfinite(np.ptp(high["heights"]))


def test_a_walk_on_a_flat_function_has_not_arrived_where_it_started() -> None:
    assert [drawn(formula)[1]["fate"] for formula in ("x^2+y^2", "1e-9*(x^2+y^2)")] == 2 * ["still on its way"]
    assert drawn("3")[1]["fate"] == "reached the minimum"


def test_csv_has_every_point_until_a_walk_stops(walked: tuple[Any, ...]) -> None:
    _, configs, starts, paths = walked
    lines = csv_of(configs, starts, paths).splitlines()
    assert lines[0] == "optimizer,lr,start,step,x,y,f,gradient_norm"
    assert len(lines) == 1 + 6 + 2
    assert [float(part) for part in lines[1].split(",")[3:6]] == [0.0, -8.0, -8.0]


def test_the_regions_of_the_map_of_momentum_have_their_own_names() -> None:
    for condition in range(1, 1001):
        named = {
            text: (behaviour(rate / condition, mu, condition), behaviour(rate / condition, mu, 1.0))
            for text, rate, mu in momentum_view._regions(condition)
        }
        both = (Behaviour.OSCILLATING, Behaviour.OSCILLATING)
        assert named["both oscillate"] == both and named["monotone"] == (Behaviour.MONOTONE, Behaviour.MONOTONE)
        assert named["alternating"][0] == Behaviour.ALTERNATING and named["diverging"][0] == Behaviour.DIVERGING
        assert named.get("the steep mode oscillates") in (None, (Behaviour.OSCILLATING, Behaviour.MONOTONE))


def test_the_standalone_page_needs_nothing_else(walked: tuple[Any, ...]) -> None:
    surface, configs, starts, paths = walked
    scene = Scene("booth", surface, tuple(configs), tuple(starts), 5, 0.0, 0)
    html = document(scene, scene_of(surface, "booth", configs, starts, paths), "light")
    assert "plotly.js v" in html and 'class="surface-player"' in html
    assert "<script src" not in html and "<link" not in html
    assert f"<title>Walks on {surface.label}</title>" in html and surface.formula in html.replace("&lt;", "<")
    assert "<dt>Steps</dt><dd>5</dd>" in html
    assert all(f'<th scope="row">{config.optimizer_spec.label}</th>' in html for config in configs)
