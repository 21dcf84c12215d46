"""The hyper-parameter form, generated from the registries: a new row there is a new choice here."""

from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import devices
from core.hyperparameters import Hyperparameter, Value, number
from core.optimizers import OPTIMIZERS
from core.training import config as rules
from core.training.config import RunConfig
from core.training.schedules import SCHEDULES
from dashboard import charts

BATCH_SIZES = ("16", "32", "64", "128", "256", "512", "1024", "2048", "1", "full")
BATCH_LABELS = {"1": "1 (stochastic)", "full": "full (batch gradient descent)"}
BATCH_HELP = (
    "Images per step. Choose one or type any number. Powers of two fill the vector units and the cache lines "
    "of the hardware evenly, so they come first; every other size trains just as well."
)
LABELS = {
    "lr": "Learning rate",
    "lr_decay": "Rate decay",
    "eps": "Epsilon",
    "lambd": "Lambda",
    ".patience": "Early-stopping patience",
    "amsgrad": "AMSGrad",
}
RATE_AND_SIZE = ("lr", "batch_size", "weight_decay")


@dataclass(frozen=True)
class Form:
    """What the form says: a config, or the sentences that say why it is none.

    ``actions`` is a place in sight of the common settings, for what the page does with the form.
    """

    config: RunConfig | None
    errors: tuple[str, ...] = ()
    name: str = ""
    actions: DeltaGenerator | None = field(default=None, compare=False)


def fill(config: RunConfig, name: str = "") -> None:
    """Put a config into the form; before the form is drawn."""
    for field_name, value in {**config.to_dict(), "name": name}.items():
        if not isinstance(value, dict):
            st.session_state[key(field_name)] = _shown(value)
    for scope, spec, given in (
        (config.optimizer, config.optimizer_spec, config.optimizer_params),
        (config.schedule, config.schedule_spec, config.schedule_params),
    ):
        for p in spec.hyperparameters:
            st.session_state[key(p.name, scope)] = _shown(given.get(p.name, p.default))


def read() -> Form:
    """What the session's form says now; in a callback, before anything is drawn, too."""
    state = st.session_state
    errors: list[str] = []

    def value(parameter: Hyperparameter, scope: str = "") -> dict[str, Value]:
        """The parameter's name with its value; empty, and core's sentence noted, if it breaks its rule."""
        held = state.get(key(parameter.name, scope), _shown(parameter.default))
        if isinstance(parameter.default, bool) or parameter.choices:
            return {parameter.name: held}
        try:
            return {parameter.name: parameter.parse(held or "")}
        except ValueError as error:
            errors.append(str(error))
            return {}

    def changed(parameters: tuple[Hyperparameter, ...], scope: str) -> dict[str, Value]:
        """Only what is not the default, so that the same settings are the same config."""
        return {name: v for p in parameters for name, v in value(p, scope).items() if v != p.default}

    values: dict[str, Any] = {"optimizer": state[key("optimizer")], "schedule": state[key("schedule")]}
    values["batch_size"] = rules.parse_batch_size(state[key("batch_size")] or "")
    for parameter in rules.PLAIN:
        values |= value(parameter)
    values["optimizer_params"] = changed(OPTIMIZERS[values["optimizer"]].hyperparameters, values["optimizer"])
    values["schedule_params"] = changed(SCHEDULES[values["schedule"]].hyperparameters, values["schedule"])
    values["device"] = state.get(key("device"), "auto")
    config = None
    if not errors:
        try:
            config = RunConfig(**values)
        except ValueError as error:
            errors.append(str(error))
    return Form(config, tuple(errors), (state.get(key("name")) or "").strip())


def hyperparameter_form(first: RunConfig | None = None) -> Form:
    """Draw the form with the session's values, and read it.

    Args:
        first: what a new session starts from; the defaults unless given.
    """
    if key("optimizer") not in st.session_state:
        fill(first or RunConfig())
    optimizer = OPTIMIZERS[_choice("optimizer", OPTIMIZERS, on_change=_recommend)]
    st.caption(f"{optimizer.year} · {optimizer.help}")
    left, right = st.columns(2, wrap=False)
    with left:
        _field(rules.LR)
        _field(rules.EPOCHS)
    with right:
        _batch_size()
        schedule = _choice("schedule", SCHEDULES, label="Learning-rate schedule")
    _fields(SCHEDULES[schedule].hyperparameters, schedule)
    preview = st.container(key="schedule-preview", gap=None)
    actions = st.container()
    with st.expander("More settings"):
        st.markdown(f"**{optimizer.label}**")
        _fields(optimizer.hyperparameters, st.session_state[key("optimizer")])
        st.markdown("**Regularisation**")
        _fields((rules.WEIGHT_DECAY, rules.LABEL_SMOOTHING, rules.AUGMENT))
        st.markdown("**Data and loss**")
        _fields((rules.VALIDATION_SPLIT, rules.SHUFFLE, rules.SEED, rules.LOSS))
        st.markdown("**This run**")
        _fields((rules.WARMUP_STEPS, rules.PATIENCE))
        _device()
        st.text_input("Name", key=key("name"), persist_state="session", placeholder="optional", max_chars=80)
    form = read()
    with preview:
        _preview(form.config)
    return replace(form, actions=actions)


def key(name: str, scope: str = "") -> str:
    """The session-state key of a field; ``scope`` is the optimizer or schedule that it belongs to."""
    return f"form.{scope}.{name}"


def _shown(value: Any) -> Any:
    """A value as its widget holds it: numbers as text, words and switches as they are."""
    return value if isinstance(value, (bool, str)) else number(value)


def _fields(parameters: tuple[Hyperparameter, ...], scope: str = "") -> None:
    """Two to a row, in a container of their own: however many there are, what follows keeps its place."""
    with st.container():
        for start in range(0, len(parameters), 2):
            columns = st.columns(2, wrap=False, vertical_alignment="bottom")
            for column, parameter in zip(columns, parameters[start : start + 2], strict=False):
                with column:
                    _field(parameter, scope)


def _field(parameter: Hyperparameter, scope: str = "") -> None:
    st.session_state.setdefault(key(parameter.name, scope), _shown(parameter.default))
    arguments: dict[str, Any] = {
        "label": LABELS.get(f"{scope}.{parameter.name}")
        or LABELS.get(parameter.name, parameter.name.replace("_", " ").capitalize()),
        "key": key(parameter.name, scope),
        "help": f"{parameter.help} {parameter.rule.capitalize()}.",
        "persist_state": "session",
    }
    if isinstance(parameter.default, bool):
        st.checkbox(**arguments)
    elif parameter.choices:
        st.selectbox(options=parameter.choices, **arguments)
    else:
        st.text_input(**arguments)


def _choice(name: str, table: dict[str, Any], label: str = "", **arguments: Any) -> str:
    return st.selectbox(
        label or name.capitalize(),
        list(table),
        key=key(name),
        format_func=lambda row: table[row].label,
        persist_state="session",
        **arguments,
    )


def _recommend() -> None:
    """Another optimizer: its own learning rate, batch size and weight decay."""
    config = RunConfig.recommended(st.session_state[key("optimizer")])
    for name in RATE_AND_SIZE:
        st.session_state[key(name)] = _shown(getattr(config, name))


def _batch_size() -> None:
    st.selectbox(
        "Batch size",
        BATCH_SIZES,
        key=key("batch_size"),
        format_func=lambda size: BATCH_LABELS.get(size, size),
        accept_new_options=True,
        help=BATCH_HELP,
        persist_state="session",
    )


def _device() -> None:
    names = devices.available_kinds()
    if names != ["cpu"]:
        st.selectbox("Device", ["auto", *names], key=key("device"), persist_state="session")


def _preview(config: RunConfig | None) -> None:
    """The rate over the run, from the very function that trains."""
    # Of a fixed height: while one figure replaces another, both are on the page for a moment.
    with st.container(height=charts.PREVIEW_HEIGHT, border=False, gap=None):
        st.plotly_chart(
            charts.schedule_preview(config),
            config={"displayModeBar": False},
            alt="The learning rate at each step of the run",
        )
    if config and config.schedule_spec.reacts:
        st.caption("Shown as if the loss never improved; the run itself watches its validation loss.")
    elif config:
        st.caption(config.schedule_spec.help)
    else:
        st.caption("The learning rate's course shows here once every setting is valid.")
