"""The controls of the Surfaces page. Their state is in the address: every widget here is bound to it."""

from dataclasses import replace
from typing import Any

import streamlit as st

from core.hyperparameters import Hyperparameter, Value, number
from core.optimizers import OPTIMIZERS
from core.surfaces import CONDITION, FIRST_ORDER, NOISE, STEPS, SURFACES, Surface, ill_conditioned_bowl
from core.surfaces.functions import DEFAULT_CONDITION
from core.training.config import LR, WARMUP_STEPS, RunConfig
from core.training.schedules import SCHEDULES
from dashboard import address, fields, handoff, notices
from dashboard.views.surfaces import settings
from dashboard.views.surfaces.walks import Scene, at_their_best, own_surface

OWN = "own"
BEST, SAME = "Each at its best", "Same for all"
#: What the page shows at first.
FIRST_FUNCTION = "rosenbrock"
FIRST_PICTURE = ["sgd", "momentum", "rmsprop", "adam", "muon"]
DEFAULT_RATE = 0.01
COMMON_RATE = replace(LR, default=DEFAULT_RATE)
SEED = Hyperparameter("seed", 0, "Fixes the noise.", low=0, high=2**31 - 1)


#: Those of a schedule and of a closer look have defaults that depend on it, which stand at their widgets.
STATE = address.State(
    "s-",
    {
        "surface": FIRST_FUNCTION,
        "formula": "x^2 + 10*y^2 + 5*sin(3*x)",
        "domain": "-3, 3, -3, 3",
        "k": int(DEFAULT_CONDITION),
        "optimizers": FIRST_PICTURE,
        "rates": BEST,
        "starts": "",
        "schedule": "constant",
        "settings": "",
        "tab": None,
        "step": "1",
    },
    linked=True,
)


def number_field(parameter: Hyperparameter, label: str, **place: Any) -> Any:
    """Draw a number field, typed as text and checked by core, and return its value."""
    default = number(parameter.default)
    st.text_input(label, **STATE.text(parameter.name, default), help=fields.help_text(parameter), **place)
    return parameter.parse(STATE.get(parameter.name, default))


def _choose_surface() -> tuple[str, Surface]:
    name = STATE["surface"]
    if name == OWN:
        left, right = st.columns([3, 1])
        formula = left.text_input(
            "f(x, y)", **STATE.text("formula"),
            help="Numbers, x, y, pi, e, + - * / ^ and sin, cos, tan, exp, log, sqrt, abs, tanh.",
        )  # fmt: skip
        domain = right.text_input("Domain", **STATE.text("domain"), help="x from, x to, y from, y to.")
        return f"own {formula} {domain}", own_surface(formula or "", settings.parse_domain(domain or ""))
    if name == "bowl":
        k = st.slider("Condition number k", 1, int(CONDITION.high), **STATE.text("k"), help=CONDITION.help)
        return f"bowl {k}", ill_conditioned_bowl(float(k))
    return name, SURFACES[name]


def controls() -> Scene:
    """Draw the controls and read them.

    Raises:
        ValueError: one sentence, for a value that breaks its rule.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key="surface-choices"):
        st.selectbox(
            "Function",
            **STATE.choice("surface", [*SURFACES, OWN]),
            format_func=lambda row: SURFACES[row].label if row in SURFACES else "Own formula",
            width=190,
        )
        chosen = st.multiselect(
            "Optimizers",
            **STATE.many("optimizers", FIRST_ORDER),
            format_func=lambda row: OPTIMIZERS[row].label,
        )
        mode = st.selectbox(
            "Learning rates", **STATE.choice("rates", [BEST, SAME]), width=185,
            help="The best ends lowest, from the function's own start and from points close to it alike.",
        )  # fmt: skip
        lr = number_field(COMMON_RATE, "Rate", width=95) if mode == SAME else DEFAULT_RATE
        steps = number_field(STEPS, "Steps", width=95)
        with st.popover("Settings", width=120):
            noise, seed, shape, own, start_text = _panel(chosen, mode)
    name, surface = _choose_surface()
    starts = tuple(settings.parse_starts(start_text, surface))
    order = [optimizer for optimizer in FIRST_ORDER if optimizer in chosen]
    configs = tuple(settings.config_of(optimizer, own, lr, **shape) for optimizer in order)
    scene = Scene(name, surface, configs, starts, steps, noise, seed)
    if mode == SAME or not configs:
        return scene
    return at_their_best(scene, own)


def _panel(chosen: list[str], mode: str) -> tuple[float, int, dict[str, Any], settings.Settings, str]:
    """Draw and read what is set more rarely: starts, noise, schedule, and every optimizer's own parameters."""
    starts = st.text_input(
        "Starts",
        **STATE.text("starts"),
        placeholder="the function's own",
        help="x, y; x, y; … Or click on the contours.",
    )
    left, right = st.columns(2)
    with left:
        noise = number_field(NOISE, "Gradient noise")
    with right:
        seed = number_field(SEED, "Seed of the noise")
    schedule = left.selectbox(
        "Schedule", **STATE.choice("schedule", list(SCHEDULES)), format_func=lambda row: SCHEDULES[row].label,
        help="A walk counts as five epochs.",
    )  # fmt: skip
    with right:
        warmup = number_field(WARMUP_STEPS, "Warm-up steps")
    params: dict[str, Value] = {}
    for i, parameter in enumerate(SCHEDULES[schedule].hyperparameters):
        with (left, right)[i % 2]:
            name, default = f"{schedule}.{parameter.name}", number(parameter.default)
            st.text_input(fields.label(parameter.name), **STATE.text(name, default), help=fields.help_text(parameter))
        params[parameter.name] = parameter.parse(STATE.get(name, default))
    shape = {"schedule": schedule, "schedule_params": params, "warmup_steps": warmup}
    panel = st.container()
    text = st.text_input(
        fields.label("settings"),
        **STATE.text("settings"),
        placeholder="adam lr=0.01 betas=0.9,0.99; muon momentum=0.9",
        help="Optimizer, then name=value; a semicolon between optimizers.",
    )
    own = settings.parse_settings(text or "")
    if chosen:
        with panel:
            _optimizer_panel(chosen, own, mode)
    return noise, seed, shape, own, starts or ""


def _optimizer_panel(chosen: list[str], own: settings.Settings, mode: str) -> None:
    st.divider()
    optimizer = st.selectbox("Settings of", chosen, key="s.panel", format_func=lambda row: OPTIMIZERS[row].label)
    columns = st.columns(2)
    for i, parameter in enumerate(settings.parameters_of(optimizer)):
        given = own.get(optimizer, {}).get(parameter.name)
        default = settings.default_of(optimizer, parameter.name)
        label = fields.label(parameter.name)
        free = parameter.name == "lr"
        key = f"s.{optimizer}.{parameter.name}"
        shown = "" if free and given is None else given if given is not None else default
        st.session_state[key] = shown if isinstance(shown, bool) else number(shown)
        arguments: dict[str, Any] = {
            "key": key,
            "help": fields.help_text(parameter),
            "on_change": _set,
            "args": (optimizer, parameter.name, key),
        }
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
    """Put a changed widget of the optimizer's panel into the text that holds all settings."""
    entry = st.session_state[key]
    parameter = next(p for p in settings.parameters_of(optimizer) if p.name == name)
    try:
        own = settings.parse_settings(STATE["settings"])
        value = entry if isinstance(entry, bool) else parameter.parse(entry) if entry.strip() else None
    except ValueError as error:
        notices.refuse(error)
        return
    mine = own.setdefault(optimizer, {})
    mine.pop(name, None)
    if value is not None and (name == "lr" or value != settings.default_of(optimizer, name)):
        mine[name] = value
    STATE["settings"] = settings.settings_text(own)


def _carry(optimizer: str) -> None:
    st.session_state["s.carry"] = optimizer


def carried(scene: Scene) -> RunConfig | None:
    """Return the settings of the optimizer whose button that takes them to the Train page was pressed."""
    optimizer = st.session_state.pop("s.carry", None)
    return next((config for config in scene.configs if config.optimizer == optimizer), None)


def welcome() -> None:
    """Take over the settings that came from the Train page, if any."""
    config = handoff.take_surfaces()
    if config is None or config.optimizer not in FIRST_ORDER:
        return
    name = config.optimizer
    values: dict[str, Value] = {"lr": config.lr, **config.optimizer_params}
    if config.weight_decay != OPTIMIZERS[name].default_weight_decay:
        values["weight_decay"] = config.weight_decay
    known = {p.name for p in settings.parameters_of(name)}
    own = {key: value for key, value in values.items() if key in known}
    STATE["settings"] = settings.settings_text({name: own})
    STATE["optimizers"] = list(dict.fromkeys([*FIRST_PICTURE, name]))
    st.session_state["s.panel"] = name
    # All of the schedule: the page may have other parameters and another warm-up.
    STATE["schedule"], STATE[WARMUP_STEPS.name] = config.schedule, number(config.warmup_steps)
    for p in config.schedule_spec.hyperparameters:
        STATE[f"{config.schedule}.{p.name}"] = number(config.schedule_params.get(p.name, p.default))
