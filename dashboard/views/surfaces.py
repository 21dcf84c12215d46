"""The Surfaces page: every first-order optimizer walking on a two-parameter loss."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from core.config import LR, WARMUP_STEPS, RunConfig
from core.hyperparameters import Hyperparameter, Value, number
from core.optimizers import OPTIMIZERS
from core.schedules import SCHEDULES
from core.surfaces import (
    CONDITION,
    FIRST_ORDER,
    NOISE,
    STEPS,
    SURFACES,
    Basins,
    Point,
    Surface,
    Tuning,
    Walk,
    basins,
    ill_conditioned_bowl,
    own_surface,
    tune,
    walk,
)
from core.surfaces.descent import noise_of
from core.surfaces.glass import Glass, glass
from dashboard import handoff, surface_charts
from dashboard import surface_settings as settings
from dashboard.components.surface_player import csv_of, scene_of, standalone, surface_player

OWN = "own"
BEST, SAME = "Each at its best", "Same for all"
FIRST_PICTURE = ["sgd", "momentum", "rmsprop", "adam", "muon"]
PLAYER = "surface-player"
SEED = Hyperparameter("seed", 0, "Fixes the noise.", low=0, high=2**31 - 1)
GLASS, BASINS, RATES = "One step under the glass", "Basin map", "Learning rates"


@dataclass(frozen=True)
class Scene:
    """What the controls say."""

    name: str
    surface: Surface
    configs: tuple[RunConfig, ...]
    starts: tuple[Point, ...]
    steps: int
    noise: float
    seed: int


# What a control's change recomputes is cached by all that it depends on, for every visitor.


@st.cache_data(max_entries=32, show_spinner=False)
def _own_surface(formula: str, domain: tuple[float, float, float, float]) -> Surface:
    return own_surface(formula, domain)


@st.cache_data(max_entries=64, show_spinner=False)
def _tune(
    surface: Surface, configs: tuple[RunConfig, ...], starts: tuple[Point, ...], steps: int, noise: float, seed: int
) -> list[Tuning]:
    return tune(surface, configs, starts, steps, noise, seed)


@st.cache_data(max_entries=32, show_spinner=False)
def _walk(scene: Scene) -> Walk:
    return walk(scene.surface, scene.configs, scene.starts, scene.steps, scene.noise, scene.seed)


@st.cache_data(max_entries=32, show_spinner=False)
def _basins(surface: Surface, config: RunConfig, steps: int, noise: float, seed: int) -> Basins:
    return basins(surface, config, steps, noise=noise, seed=seed)


@st.cache_data(max_entries=64, show_spinner=False)
def _glass(scene: Scene, config: RunConfig, start: int, step: int) -> Glass | None:
    noise = noise_of(scene.surface, scene.noise, scene.seed, scene.steps, len(scene.starts))
    mine = None if noise is None else noise[:, :, start : start + 1]
    return glass(scene.surface, config, scene.starts[start], step, scene.steps, mine)


def _bound(key: str, default: Any) -> dict[str, Any]:
    """A widget whose value lives in the address."""
    st.session_state.setdefault(f"s-{key}", default)
    return {"key": f"s-{key}", "bind": "query-params"}


def _number(parameter: Hyperparameter, label: str, **place: Any) -> Any:
    """A number typed as text, checked by core."""
    text = st.text_input(label, **_bound(parameter.name, number(parameter.default)), help=_help(parameter), **place)
    return parameter.parse(text or "")


def _help(parameter: Hyperparameter) -> str:
    return f"{parameter.help} {parameter.rule.capitalize()}."


def _choose_surface() -> tuple[str, Surface]:
    name = st.session_state["s-surface"]
    if name == OWN:
        left, right = st.columns([3, 1])
        formula = left.text_input(
            "f(x, y)", **_bound("formula", "x^2 + 10*y^2 + 5*sin(3*x)"),
            help="Numbers, x, y, pi, e, + - * / ^ and sin, cos, tan, exp, log, sqrt, abs, tanh.",
        )  # fmt: skip
        domain = right.text_input("Domain", **_bound("domain", "-3, 3, -3, 3"), help="x from, x to, y from, y to.")
        return f"own {formula} {domain}", _own_surface(formula or "", settings.parse_domain(domain or ""))
    if name == "bowl":
        k = st.slider(
            "Condition number k", 1, int(CONDITION.high), **_bound("k", int(CONDITION.default)), help=CONDITION.help
        )
        return f"bowl {k}", ill_conditioned_bowl(float(k))
    return name, SURFACES[name]


def _controls() -> Scene:
    """Draw the controls and read them.

    Raises:
        ValueError: the sentence about what is wrong.
    """
    same = st.session_state.get("s-rates") == SAME
    widths = [2.2, 5, 2.2, *([1] if same else []), 0.9, 1.3]
    function, walkers, rates, *rate, number_of_steps, more = st.columns(widths, vertical_alignment="bottom")
    function.selectbox(
        "Function", [*SURFACES, OWN], **_bound("surface", "rosenbrock"),
        format_func=lambda row: SURFACES[row].label if row in SURFACES else "Own formula",
    )  # fmt: skip
    chosen = walkers.multiselect(
        "Optimizers", FIRST_ORDER, **_bound("optimizers", FIRST_PICTURE), format_func=lambda row: OPTIMIZERS[row].label
    )
    mode = rates.selectbox("Learning rates", [BEST, SAME], **_bound("rates", BEST))
    lr = 0.01
    if rate:
        with rate[0]:
            lr = _number(replace(LR, default=0.01), "Rate")
    with number_of_steps:
        steps = _number(STEPS, "Steps")
    panel = more.popover("Settings", width="stretch")
    name, surface = _choose_surface()
    with panel:
        noise, seed, shape, own = _panel(chosen, mode)
    starts = tuple(settings.parse_starts(st.session_state.get("s-starts", ""), surface))
    order = [optimizer for optimizer in FIRST_ORDER if optimizer in chosen]
    configs = tuple(settings.config_of(optimizer, own, lr, **shape) for optimizer in order)
    scene = Scene(name, surface, configs, starts, steps, noise, seed)
    if mode == SAME or not configs:
        return scene
    return replace(scene, configs=_at_their_best(scene, own))


def _at_their_best(scene: Scene, own: settings.Settings) -> tuple[RunConfig, ...]:
    """Each with the rate that the search found, but for those that were given one."""
    return tuple(
        config if "lr" in own.get(config.optimizer, {}) else replace(config, lr=tuning.best)
        for config, tuning in zip(scene.configs, _tunings(scene), strict=True)
    )


def _tunings(scene: Scene) -> list[Tuning]:
    # The search varies the rate, so that what it starts from must not count as another search.
    configs = tuple(replace(config, lr=1.0) for config in scene.configs)
    # From the function's own start: a rate is then the function's, and moving the start compares like with like.
    return _tune(scene.surface, configs, (scene.surface.start,), min(scene.steps, 500), scene.noise, scene.seed)


def _panel(chosen: list[str], mode: str) -> tuple[float, int, dict[str, Any], settings.Settings]:
    """What is set more rarely: starts, noise, schedule, and every optimizer's own parameters."""
    st.text_input(
        "Starts",
        **_bound("starts", ""),
        placeholder="the function's own",
        help="x, y; x, y; … Or click on the contours.",
    )
    left, right = st.columns(2)
    with left:
        noise = _number(NOISE, "Gradient noise")
    with right:
        seed = _number(SEED, "Seed of the noise")
    schedule = left.selectbox(
        "Schedule", list(SCHEDULES), **_bound("schedule", "constant"), format_func=lambda row: SCHEDULES[row].label,
        help="A walk counts as five epochs.",
    )  # fmt: skip
    with right:
        warmup = _number(WARMUP_STEPS, "Warm-up steps")
    params: dict[str, Value] = {}
    for i, parameter in enumerate(SCHEDULES[schedule].hyperparameters):
        with (left, right)[i % 2]:
            text = st.text_input(
                parameter.name.replace("_", " ").capitalize(), **_bound(f"{schedule}.{parameter.name}", number(parameter.default)),
                help=_help(parameter),
            )  # fmt: skip
        params[parameter.name] = parameter.parse(text or "")
    shape = {"schedule": schedule, "schedule_params": params, "warmup_steps": warmup}
    text = st.session_state.get("s-settings", "")
    own = settings.parse_settings(text or "")
    if chosen:
        _optimizer_panel(chosen, own, mode)
    st.text_input(
        "All settings, as text", **_bound("settings", ""), placeholder="adam lr=0.01 betas=0.9,0.99; muon momentum=0.9",
        help="Optimizer, then name=value; a semicolon between optimizers.",
    )  # fmt: skip
    return noise, seed, shape, own


def _optimizer_panel(chosen: list[str], own: settings.Settings, mode: str) -> None:
    st.divider()
    optimizer = st.selectbox("Settings of", chosen, key="s.panel", format_func=lambda row: OPTIMIZERS[row].label)
    columns = st.columns(2)
    for i, parameter in enumerate(settings.parameters_of(optimizer)):
        given = own.get(optimizer, {}).get(parameter.name)
        default = settings.default_of(optimizer, parameter.name)
        label = "Learning rate" if parameter.name == "lr" else parameter.name.replace("_", " ").capitalize()
        free = parameter.name == "lr"
        key = f"s.{optimizer}.{parameter.name}"
        shown = "" if free and given is None else given if given is not None else default
        st.session_state[key] = shown if isinstance(shown, bool) else number(shown)
        arguments: dict[str, Any] = {
            "key": key, "help": _help(parameter), "on_change": _set, "args": (optimizer, parameter.name, key),
        }  # fmt: skip
        with columns[i % 2]:
            if isinstance(parameter.default, bool):
                st.checkbox(label, **arguments)
            else:
                hint = ("its best" if mode == BEST else "the same for all") if free else None
                st.text_input(label, placeholder=hint, **arguments)
    st.button(
        f"Train the network with {OPTIMIZERS[optimizer].label}", key="s.train", on_click=_carry, args=(optimizer,)
    )


def _set(optimizer: str, name: str, key: str) -> None:
    """A widget of the optimizer's panel was changed: put it into the text that holds all settings."""
    given = st.session_state[key]
    parameter = next(p for p in settings.parameters_of(optimizer) if p.name == name)
    try:
        own = settings.parse_settings(st.session_state.get("s-settings", ""))
        value = given if isinstance(given, bool) else parameter.parse(given) if given.strip() else None
    except ValueError as error:
        st.session_state["s.error"] = str(error)
        return
    mine = own.setdefault(optimizer, {})
    mine.pop(name, None)
    if value is not None and (name == "lr" or value != settings.default_of(optimizer, name)):
        mine[name] = value
    st.session_state["s-settings"] = settings.settings_text(own)


def _carry(optimizer: str) -> None:
    """Leave this optimizer's settings for the Train page."""
    config = next((c for c in st.session_state.get("s.configs", ()) if c.optimizer == optimizer), None)
    if config:
        handoff.offer("train", config)
        st.session_state["s.go"] = True


def _welcome() -> None:
    """Settings that came from the Train page."""
    config = handoff.take("surfaces")
    if config is None or config.optimizer not in FIRST_ORDER:
        return
    name = config.optimizer
    values: dict[str, Value] = {"lr": config.lr, **config.optimizer_params}
    if config.weight_decay != OPTIMIZERS[name].default_weight_decay:
        values["weight_decay"] = config.weight_decay
    known = {p.name for p in settings.parameters_of(name)}
    kept = {key: value for key, value in values.items() if key in known}
    st.session_state["s-settings"] = settings.settings_text({name: kept})
    st.session_state["s-optimizers"] = list(dict.fromkeys([*FIRST_PICTURE, name]))
    st.session_state["s.panel"] = name
    st.session_state["s-schedule"] = config.schedule
    for key, value in config.schedule_params.items():
        st.session_state[f"s-{config.schedule}.{key}"] = number(value)


def _starts_set() -> None:
    st.session_state["s-starts"] = settings.starts_text(st.session_state[PLAYER].starts or [])


def _step_chosen() -> None:
    st.session_state["s-step"] = str(max(1, int(st.session_state[PLAYER].inspect or 1)))
    st.session_state["s-tab"] = GLASS


def _about(surface: Surface) -> None:
    stable = surface.largest_stable_rate()
    limit = f" Gradient descent settles only below a rate of {stable:.2g}." if np.isfinite(stable) else ""
    st.caption(f"$f(x, y) = {surface.expression.latex}$ · {surface.help}{limit}")


def _under_glass(scene: Scene) -> None:
    one, two, three = st.columns([2, 1, 1])
    labels = {c.optimizer: c.optimizer_spec.label for c in scene.configs}
    first = list(labels).index("adam") if "adam" in labels else 0
    optimizer = one.selectbox("Optimizer", list(labels), first, key="s.glass", format_func=labels.get)
    with two:
        step = _number(Hyperparameter("step", 1, "Counted from 1.", low=1, high=scene.steps), "Step")
    start = three.selectbox("Start", range(1, len(scene.starts) + 1)) - 1
    config = next(c for c in scene.configs if c.optimizer == optimizer)
    seen = _glass(scene, config, start, step)
    if seen is None:
        st.info(f"{labels[optimizer]} had diverged before step {step}: there is no step to show.")
        return
    picture, rule = st.columns([1, 1])
    picture.plotly_chart(surface_charts.under_glass(scene.surface, seen), key="glass", config={"displayModeBar": False})
    with rule:
        st.latex(r"\small\begin{aligned}" + r" \\[0.5em] ".join(seen.lines) + r"\end{aligned}")
        st.caption(
            "Read off the torch.optim object's own state. Arrows show directions and are drawn equally long; "
            "only the step is to scale."
        )


def _basin_map(scene: Scene) -> None:
    labels = {c.optimizer: c.optimizer_spec.label for c in scene.configs}
    optimizer = st.selectbox("Optimizer", list(labels), key="s.basin", format_func=labels.get)
    config = next(c for c in scene.configs if c.optimizer == optimizer)
    with st.spinner("Walking from 10,000 starts"):
        found = _basins(scene.surface, config, scene.steps, scene.noise, scene.seed)
    st.plotly_chart(
        surface_charts.basin_map(scene.surface, found, scene.steps), key="basins", config={"displayModeBar": False}
    )
    arrived = float((found.reached >= 0).mean())
    st.caption(
        f"Each of 100 × 100 starts, coloured by the minimum that {labels[optimizer]} at rate {config.lr:.3g} reaches and "
        f"paler the more steps it takes; {arrived:.0%} reach one. Grey: none within {scene.steps} steps; dark: diverged."
    )


def _rates(scene: Scene) -> None:
    tunings = _tunings(scene)
    rates = [config.lr for config in scene.configs]
    st.plotly_chart(
        surface_charts.sensitivity(scene.configs, tunings, rates), key="rates", config={"displayModeBar": False}
    )
    st.caption(
        "81 rates from 0.000001 to 100, walked at most 500 steps from the function's own start. The best rate never climbs above its start, and of "
        "those reaches the minimum to 0.001 first and stays there, or else ends lowest, judged by the worst of itself and "
        "its two neighbours. Where a line is missing, the walk diverged."
    )


def _page() -> None:
    _welcome()
    try:
        scene = _controls()
    except ValueError as error:
        st.error(str(error))
        return
    if message := st.session_state.pop("s.error", None):
        st.error(message)
    if not scene.configs:
        st.info("Choose at least one optimizer.")
        return
    st.session_state["s.configs"] = scene.configs
    if st.session_state.pop("s.go", False):
        st.switch_page("views/train.py")
    _about(scene.surface)
    walked = _walk(scene)
    picture = scene_of(scene.surface, scene.name, scene.configs, scene.starts, walked)
    surface_player({**picture, "autoplay": True}, PLAYER, _starts_set, _step_chosen)
    with st.container(horizontal=True):
        title = f"Walks on {scene.surface.label}"
        theme = st.context.theme.type or "light"
        st.download_button(
            "Animation, HTML", lambda: standalone(picture, title, theme), f"{scene.surface.label.lower()}.html", "text/html",
            on_click="ignore", help="The whole player in one file that needs nothing else.",
        )  # fmt: skip
        st.download_button(
            "Paths, CSV", lambda: csv_of(scene.configs, scene.starts, walked), f"{scene.surface.label.lower()}.csv", "text/csv",
            on_click="ignore",
        )  # fmt: skip
    views = {GLASS: _under_glass, BASINS: _basin_map, RATES: _rates}
    shown = st.segmented_control("Look closer", list(views), **_bound("tab", None))
    if shown:
        try:
            views[shown](scene)
        except ValueError as error:
            st.error(str(error))


_page()
