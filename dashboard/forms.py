"""The hyper-parameter form, generated from the registries: a new row there is a new choice here."""

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core import config as rules
from core import devices
from core.config import RunConfig
from core.hyperparameters import Hyperparameter, Value, number
from core.optimizers import OPTIMIZERS
from core.schedules import SCHEDULES
from dashboard import charts

BATCH_SIZES = ("16", "32", "64", "128", "256", "512", "1024", "2048", "1", "full")
BATCH_LABELS = {"1": "1 (stochastic)", "full": "full (batch gradient descent)"}
BATCH_HELP = (
    "Images per step. Choose one or type any number. Powers of two fill the vector units and the cache lines "
    "of the hardware evenly, so they come first; every other size trains just as well."
)
LABELS = {"lr": "Learning rate", "lr_decay": "Rate decay", "eps": "Epsilon", "lambd": "Lambda", "amsgrad": "AMSGrad"}
RATE_AND_SIZE = ("lr", "batch_size", "weight_decay")


@dataclass(frozen=True)
class Form:
    """What the form says: a config, or the sentences that say why it is none."""

    config: RunConfig | None
    errors: tuple[str, ...] = ()
    name: str = ""


@dataclass
class _Reader:
    """Draws fields and collects what they say; a field that breaks its rule leaves core's sentence."""

    errors: list[str] = field(default_factory=list)

    def fields(self, parameters: tuple[Hyperparameter, ...], scope: str = "") -> dict[str, Value]:
        """Two to a row, in a container of their own: however many there are, what follows keeps its place."""
        values: dict[str, Value] = {}
        with st.container():
            for start in range(0, len(parameters), 2):
                columns = st.columns(2, wrap=False, vertical_alignment="bottom")
                for column, parameter in zip(columns, parameters[start : start + 2], strict=False):
                    with column:
                        values |= self.field(parameter, scope)
        return values

    def changed(self, parameters: tuple[Hyperparameter, ...], scope: str) -> dict[str, Value]:
        """As ``fields``, but only what is not the default, so that the same settings are the same config."""
        defaults = {p.name: p.default for p in parameters}
        return {name: value for name, value in self.fields(parameters, scope).items() if value != defaults[name]}

    def field(self, parameter: Hyperparameter, scope: str = "") -> dict[str, Value]:
        """The parameter's name with its value; empty if the value breaks the rule."""
        st.session_state.setdefault(key(parameter.name, scope), _shown(parameter.default))
        arguments: dict[str, Any] = {
            "label": LABELS.get(parameter.name, parameter.name.replace("_", " ").capitalize()),
            "key": key(parameter.name, scope),
            "help": f"{parameter.help} {parameter.rule.capitalize()}.",
            "persist_state": "session",
        }
        if isinstance(parameter.default, bool):
            return {parameter.name: st.checkbox(**arguments)}
        if parameter.choices:
            return {parameter.name: st.selectbox(options=parameter.choices, **arguments)}
        try:
            return {parameter.name: parameter.parse(st.text_input(**arguments) or "")}
        except ValueError as error:
            self.errors.append(str(error))
            return {}


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


def hyperparameter_form(first: RunConfig | None = None) -> Form:
    """Draw the form with the session's values, and read it.

    Args:
        first: what a new session starts from; the defaults unless given.
    """
    if key("optimizer") not in st.session_state:
        fill(first or RunConfig())
    reader = _Reader()
    values: dict[str, Any] = {"optimizer": _choice("optimizer", OPTIMIZERS, on_change=_recommend)}
    optimizer = OPTIMIZERS[values["optimizer"]]
    st.caption(f"{optimizer.year} · {optimizer.help}")
    left, right = st.columns(2, wrap=False)
    with left:
        values |= reader.field(rules.LR)
        values |= reader.field(rules.EPOCHS)
    with right:
        values["batch_size"] = _batch_size()
        values["schedule"] = _choice("schedule", SCHEDULES, label="Learning-rate schedule")
    schedule = SCHEDULES[values["schedule"]]
    values["schedule_params"] = reader.changed(schedule.hyperparameters, values["schedule"])
    preview = st.container(key="schedule-preview", gap=None)
    with st.expander("More settings"):
        st.markdown(f"**{optimizer.label}**")
        values["optimizer_params"] = reader.changed(optimizer.hyperparameters, values["optimizer"])
        st.markdown("**Regularisation**")
        values |= reader.fields((rules.WEIGHT_DECAY, rules.LABEL_SMOOTHING, rules.AUGMENT))
        st.markdown("**Data and loss**")
        values |= reader.fields((rules.VALIDATION_SPLIT, rules.SHUFFLE, rules.SEED, rules.LOSS))
        st.markdown("**This run**")
        values |= reader.field(rules.WARMUP_STEPS)
        values |= _device()
        name = st.text_input("Name", key=key("name"), persist_state="session", placeholder="optional", max_chars=80)
    config = None
    if not reader.errors:
        try:
            config = RunConfig(**values)
        except ValueError as error:
            reader.errors.append(str(error))
    with preview:
        _preview(config)
    return Form(config, tuple(reader.errors), (name or "").strip())


def read_batch_size(text: str) -> int | str:
    """What was chosen or typed; ``RunConfig`` says what is wrong with a text that is no number."""
    text = text.strip()
    try:
        return int(text)
    except ValueError:
        return text


def machine_devices() -> list[str]:
    """The kinds of device that this machine has."""
    found = []
    for name in ("cpu", "cuda", "mps"):
        try:
            devices.resolve(name)
        except ValueError:
            continue
        found.append(name)
    return found


def key(name: str, scope: str = "") -> str:
    """The session-state key of a field; ``scope`` is the optimizer or schedule that it belongs to."""
    return f"form.{scope}.{name}"


def _shown(value: Any) -> Any:
    """A value as its widget holds it: numbers as text, words and switches as they are."""
    return value if isinstance(value, (bool, str)) else number(value)


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


def _batch_size() -> int | str:
    text = st.selectbox(
        "Batch size",
        BATCH_SIZES,
        key=key("batch_size"),
        format_func=lambda size: BATCH_LABELS.get(size, size),
        accept_new_options=True,
        help=BATCH_HELP,
        persist_state="session",
    )
    return read_batch_size(text or "")


def _device() -> dict[str, str]:
    names = machine_devices()
    if names == ["cpu"]:
        return {}
    return {"device": st.selectbox("Device", ["auto", *names], key=key("device"), persist_state="session")}


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
