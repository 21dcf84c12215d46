"""The hyperparameter form, generated from the registries: a new row there is a new choice here."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.hyperparameters import Hyperparameter, Value, exact
from core.optimizers import OPTIMIZERS
from core.sweep.space import OF_OPTIMIZER, OF_SCHEDULE
from core.training import config as rules
from core.training.config import RunConfig
from core.training.remarks import Remark, remarks
from core.training.schedules import SCHEDULES
from dashboard import address, fields, lab, schedule_preview
from dashboard.components.figure import show_figure
from dashboard.words import config_in_full, counted, in_words, literal

BATCH_SIZES = ("16", "32", "64", "128", "256", "512", "1024", "2048", "1", "full")
BATCH_LABELS = {"1": "1 (stochastic)", "full": "full (batch gradient descent)"}
#: One for the three fields beside it: each help is a stop on the keyboard's way to the buttons.
COMMON_HELP = (
    f"**Learning rate**: {fields.help_text(rules.LR)}\n\n"
    "**Batch size**: Images per step. Choose one or type any number. Powers of two come first because they use the "
    "hardware's vector units and cache lines evenly; every other size trains just as well.\n\n"
    f"**Epochs**: {fields.help_text(rules.EPOCHS)}"
)
#: Settings that another optimizer brings along.
RECOMMENDED = ("lr", "batch_size", "weight_decay")


def _as_entered(value: Any) -> Any:
    """Convert a value to what its widget holds: numbers as text, words and booleans as they are."""
    return value if isinstance(value, (bool, str)) else exact(value)


#: Under ``scope.name``: an optimizer's or a schedule's own parameters with their scope, all else with an empty one.
_STATE = address.State(
    "form.", {".name": "", **{f".{name}": _as_entered(value) for name, value in RunConfig().to_dict().items()}}
)


#: In the session: the run that the form's settings were forked from, if they were.
_PARENT = "form.parent"


@dataclass(frozen=True)
class Form:
    """The form's values.

    Args:
        config: None if one of them is wrong.
        errors: what is wrong, as Markdown.
        name: for the run.
    """

    config: RunConfig | None
    errors: tuple[str, ...] = ()
    name: str = ""


def fill(config: RunConfig, name: str = "", parent: str | None = None) -> None:
    """Put a config into the form; in a callback, or before the form is drawn.

    Args:
        parent: the id of the run that is forked. A form that is filled from elsewhere is no fork any more.
    """
    st.session_state[_PARENT] = parent
    for field_name, value in {**config.to_dict(), "name": name}.items():
        if not isinstance(value, dict):
            put(field_name, value)
    for scope, spec, given in (
        (config.optimizer, config.optimizer_spec, config.optimizer_params),
        (config.schedule, config.schedule_spec, config.schedule_params),
    ):
        for p in spec.hyperparameters:
            put(p.name, given.get(p.name, p.default), scope)


def put(name: str, value: Any, scope: str = "") -> None:
    """Put one value into the form; in a callback, or before the form is drawn."""
    _STATE[f"{scope}.{name}"] = _as_entered(value)


def parent() -> str | None:
    """Return the id of the run that the form's settings were forked from."""
    # A fork starts from the beginning, not from the parent's weights, so that the two compare.
    run_id: str | None = st.session_state.get(_PARENT)
    return run_id


def forget_parent() -> None:
    """Note that the fork has been started: the next run is none."""
    st.session_state.pop(_PARENT, None)


def optimizer() -> str:
    """Return the optimizer that the form names."""
    return str(_STATE[".optimizer"])


def schedule() -> str:
    """Return the schedule that the form names."""
    return str(_STATE[".schedule"])


def read(given: Mapping[str, Any] | None = None) -> Form:
    """Read the form; in a callback, before it is drawn, too.

    Args:
        given: settings that the page has itself, by name: they are not read from the form.
    """
    given = given or {}
    errors: list[str] = []

    def value(parameter: Hyperparameter, scope: str = "") -> dict[str, Value]:
        """Return the parameter's name with its value; empty if it breaks its rule, which is then among the errors."""
        entered = _STATE.get(f"{scope}.{parameter.name}", _as_entered(parameter.default))
        if isinstance(parameter.default, bool) or parameter.choices:
            return {parameter.name: entered}
        try:
            return {parameter.name: parameter.parse(entered)}
        except ValueError as error:
            errors.append(fields.explain(error))
            return {}

    def changed(parameters: tuple[Hyperparameter, ...], scope: str) -> dict[str, Value]:
        """Values that are not the default, so that the same settings are the same config."""
        return {name: v for p in parameters for name, v in value(p, scope).items() if v != p.default}

    values: dict[str, Any] = {"device": _STATE[".device"]}
    values["batch_size"] = rules.parse_batch_size(_STATE[".batch_size"])
    for parameter in rules.PLAIN:
        if parameter.name not in given:
            values |= value(parameter)
    # An optimizer or a schedule that is given has its usual parameters: the form does not show others.
    if "optimizer" not in given:
        values["optimizer"] = optimizer()
        values["optimizer_params"] = changed(OPTIMIZERS[optimizer()].hyperparameters, optimizer())
    if "schedule" not in given:
        values["schedule"] = schedule()
        values["schedule_params"] = changed(SCHEDULES[schedule()].hyperparameters, schedule())
    values |= given
    config = None
    if not errors:
        try:
            config = RunConfig(**values)
        except ValueError as error:
            errors.append(fields.explain(error))
    return Form(config, tuple(errors), _STATE[".name"].strip())


@dataclass(frozen=True)
class _Around:
    """Surroundings of the fields.

    Args:
        said: what cannot act with the form's other values.
        hidden: settings that are not drawn, by the names that ``setting_name`` gives them.
        beside: draws a page's own control below a field, from that name.
    """

    said: Sequence[Remark]
    hidden: Collection[str]
    beside: Callable[[str], object] | None

    def below(self, name: str, scope: str = "") -> None:
        """Draw what stands below a field."""
        for remark in self.said:
            if (remark.parameter, remark.scope) == (name, scope):
                st.caption(f":material/info: {literal(remark.sentence)}")
        if self.beside:
            self.beside(setting_name(name, scope))


def setting_name(name: str, scope: str = "") -> str:
    """Return the name that a sweep has for a setting; ``scope`` is the optimizer or schedule that it belongs to."""
    if not scope:
        return name
    return (OF_OPTIMIZER if scope in OPTIMIZERS else OF_SCHEDULE) + name


def hyperparameter_form(
    given: Mapping[str, Any] | None = None,
    varied: Collection[str] = (),
    beside: Callable[[str], object] | None = None,
) -> tuple[Form, DeltaGenerator]:
    """Draw the form.

    Args:
        given: settings that the page has itself, by name: they are not drawn.
        varied: settings that the page varies, as ``setting_name`` names them: they are read but not drawn.
        beside: draws a page's own control below each field that a sweep can vary, from that name.

    Returns:
        the form's values, and a container below the common settings for the page's buttons.
    """
    given = given or {}
    # The session has all values before the first field is drawn.
    said = remarks(known) if (known := read(given).config) else []
    around = _Around(said, {*given, *varied}, beside)
    spec = OPTIMIZERS[optimizer()]
    if "optimizer" not in around.hidden:
        spec = OPTIMIZERS[_choice("optimizer", "Optimizer", OPTIMIZERS, on_change=_recommend)]
        st.caption(f"{spec.year} · {spec.help}")
        around.below("optimizer")
    common = [name for name in ("lr", "batch_size", "epochs") if name not in around.hidden]
    with st.container(key="common-settings"):
        # No gap where the page has a setting itself.
        columns = dict(zip(common, st.columns(len(common), wrap=False) if common else (), strict=True))
    if "lr" in columns:
        with columns["lr"]:
            _field(rules.LR, around, help_text="")
    if "batch_size" in columns:
        with columns["batch_size"]:
            _batch_size(around)
    if "epochs" in columns:
        with columns["epochs"]:
            _field(rules.EPOCHS, around, help_text=COMMON_HELP)
    # Few steps of the keyboard away, and in one place for all schedules.
    actions = st.container()
    if "schedule" not in around.hidden:
        _choice("schedule", "Learning-rate schedule", SCHEDULES)
        around.below("schedule")
        _fields(SCHEDULES[schedule()].hyperparameters, around, schedule())
    preview = st.container(key="schedule-preview", gap=None)
    with st.expander("More settings"):
        if "optimizer" not in around.hidden:
            st.markdown(f"**{spec.label}**")
            _fields(spec.hyperparameters, around, optimizer())
        st.markdown("**Regularisation**")
        _fields((rules.WEIGHT_DECAY, rules.LABEL_SMOOTHING, rules.AUGMENT), around)
        st.markdown("**Data**")
        _fields((rules.VALIDATION_SPLIT, rules.DRAWN_IMAGES, rules.LABEL_NOISE, rules.SHUFFLE), around)
        st.markdown("**First weights and loss**")
        _fields((rules.INITIALIZATION, rules.LOSS, rules.SEED), around)
        st.markdown("**This run**")
        _fields((rules.WARMUP_STEPS, rules.PATIENCE), around)
        _device()
        st.text_input("Name", **_STATE.text(".name"), placeholder="optional", max_chars=80)
    form = read(given)
    if not {"schedule", "lr"}.intersection(around.hidden):
        with preview:
            _preview(form.config)
    return form, actions


def key(name: str, scope: str = "") -> str:
    """Session-state key of a field; ``scope`` is the optimizer or schedule that it belongs to."""
    return _STATE.key(f"{scope}.{name}")


def _fields(parameters: tuple[Hyperparameter, ...], around: _Around, scope: str = "") -> None:
    """Draw two fields per row, in a container of their own: however many there are, the rest keeps its place."""
    shown = [parameter for parameter in parameters if setting_name(parameter.name, scope) not in around.hidden]
    with st.container():
        for start in range(0, len(shown), 2):
            columns = st.columns(2, wrap=False, vertical_alignment="bottom")
            for column, parameter in zip(columns, shown[start : start + 2], strict=False):
                with column:
                    _field(parameter, around, scope)


def _field(parameter: Hyperparameter, around: _Around, scope: str = "", help_text: str | None = None) -> None:
    _widget(parameter, scope, fields.help_text(parameter) if help_text is None else help_text)
    around.below(parameter.name, scope)


def _widget(parameter: Hyperparameter, scope: str, help_text: str) -> None:
    name, default = f"{scope}.{parameter.name}", _as_entered(parameter.default)
    label = fields.label(parameter.name, scope)
    if isinstance(parameter.default, bool):
        st.checkbox(label, **_STATE.text(name, default), help=help_text)
    elif parameter.choices:
        st.selectbox(
            label,
            **_STATE.choice(name, parameter.choices, default),
            format_func=lambda value: in_words(parameter.name, value),
            help=help_text,
        )
    else:
        st.text_input(label, **_STATE.text(name, default), help=help_text)


def _choice(name: str, label: str, table: dict[str, Any], **arguments: Any) -> str:
    chosen: str = st.selectbox(
        label, **_STATE.choice(f".{name}", list(table)), format_func=lambda row: table[row].label, **arguments
    )
    return chosen


def _recommend() -> None:
    """Put in the chosen optimizer's own learning rate, batch size and weight decay."""
    config = RunConfig.recommended(optimizer())
    for name in RECOMMENDED:
        put(name, getattr(config, name))


def _batch_size(around: _Around) -> None:
    st.selectbox(
        "Batch size",
        **_STATE.choice(".batch_size", BATCH_SIZES, free=True),
        format_func=lambda size: BATCH_LABELS.get(size, size),
        accept_new_options=True,
    )
    around.below("batch_size")


def _device() -> None:
    options = ["auto", *lab.device_kinds()]
    # Also where nothing is drawn: a device that this lab lacks, of another's link, becomes the default.
    widget = _STATE.choice(".device", options)
    if len(options) > 2:
        st.selectbox("Device", **widget, format_func=lambda name: in_words("device", name))


def _preview(config: RunConfig | None) -> None:
    """Plot the learning rate over the run, from the same function that training uses."""
    show_figure(
        schedule_preview.figure(config),
        "Learning rate over the run",
        key="form.preview",
        settings=config_in_full(config) if config else "",
    )
    if config and config.schedule_spec.reacts:
        st.caption("Shown as if the validation loss never improved; the run reacts to its own.")
    elif config:
        rises = f" First it rises from 0 over {counted(config.warmup_steps, 'warm-up step')}."
        st.caption(f"{config.schedule_spec.help}{rises if config.warmup_steps else ''}")
    else:
        st.caption("The schedule is plotted here once every setting is valid.")
