"""A closer look at the walks: one step in numbers, the basins, the learning rates."""

import streamlit as st

from core.hyperparameters import Hyperparameter
from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from dashboard import fields
from dashboard.components.figure import show_figure
from dashboard.views.surfaces import glass, momentum, plots, walks
from dashboard.views.surfaces.controls import STATE, number_field
from dashboard.views.surfaces.walks import Scene
from dashboard.words import percent

STEP, BASINS, RATES, MOMENTUM = "One step in numbers", "Basin map", "Learning rates", "Momentum explained"


def _choose_optimizer(scene: Scene, key: str) -> RunConfig:
    """Draw the choice of one of the scene's optimizers; Adam first, where it is among them."""
    configs = {config.optimizer: config for config in scene.configs}
    first = "adam" if "adam" in configs else next(iter(configs))
    optimizer: str = st.selectbox(
        "Optimizer", **STATE.choice(key, list(configs), first), format_func=lambda name: OPTIMIZERS[name].label
    )
    return configs[optimizer]


def one_step(scene: Scene) -> None:
    """Draw the choice of a step, its arrows and its lines."""
    one, two, three = st.columns([2, 1, 1])
    with one:
        config = _choose_optimizer(scene, "step-of")
    fields.limit(STATE.key("step"), scene.steps)
    with two:
        step = number_field(Hyperparameter("step", 1, "Counted from 1.", low=1, high=scene.steps), "Step")
    starts = range(1, len(scene.starts) + 1)
    start = three.selectbox("Start", **STATE.choice("start", starts, 1)) - 1
    numbers = walks.step_of(scene, config, start, step)
    if numbers is None:
        st.info(f"{config.optimizer_spec.label} diverged before step {step}.")
        return
    picture, rule = st.columns([4, 5])
    with picture:
        show_figure(
            glass.arrows(scene.surface, numbers),
            f"Step {step} of {config.optimizer_spec.label}",
            key="step",
            settings=f"{scene.surface.label}, rate {config.lr:.3g}",
        )
    with rule:
        st.latex(r"\small\begin{aligned}" + r" \\[0.5em] ".join(numbers.lines) + r"\end{aligned}")
        if note := glass.textbook(numbers):
            st.markdown(note)
        st.caption(glass.arrows_note(numbers))


def basin_map(scene: Scene) -> None:
    """Draw the choice of an optimizer and the minimum that it reaches from each start."""
    config = _choose_optimizer(scene, "basin")
    with st.spinner("Computing 10,000 walks"):
        result = walks.basins(scene.surface, config, scene.steps, scene.noise, scene.seed)
    show_figure(
        plots.basin_map(scene.surface, result, scene.steps),
        f"Basins of {config.optimizer_spec.label}",
        key="basins",
        settings=f"{scene.surface.label}, rate {config.lr:.3g}, {scene.steps} steps",
    )
    arrived = float((result.reached >= 0).mean())
    st.caption(
        f"The minimum that {config.optimizer_spec.label} reaches at rate {config.lr:.3g} from each of 100 x 100 "
        f"starts, paler the more steps it takes; {percent(arrived)} of the starts reach one. "
        f"Grey: none in {scene.steps} steps; dark: diverged."
    )


def rates(scene: Scene) -> None:
    """Draw how far above the minimum each optimizer ends at each of 81 rates."""
    used = [config.lr for config in scene.configs]
    show_figure(
        plots.sensitivity(scene.configs, walks.tunings(scene), used),
        "Height at the end against learning rate",
        key="rates",
        settings=scene.surface.label,
    )
    st.caption(
        f"81 rates from 0.000001 to 100, each judged by the worst of five walks of {scene.steps} steps: from the "
        "function's own start and from four points close to it. The best ends lowest, and of those that end equally "
        "low it is lowest on the way. Where a line is missing, a walk diverged or left the domain."
    )


VIEWS = {STEP: one_step, BASINS: basin_map, RATES: rates, MOMENTUM: momentum.view}


def closer_look(scene: Scene) -> None:
    """Draw the choice of a view, and the view if one is chosen."""
    view = st.segmented_control("Look closer", **STATE.many("tab", list(VIEWS)))
    if not view:
        return
    try:
        VIEWS[view](scene)
    except ValueError as error:
        st.error(fields.explain(error))
