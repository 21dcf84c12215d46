"""The form of a sweep: Train's form with a "vary" below each field, and the way in which the settings are tried."""

from typing import Any

import streamlit as st

from core.hyperparameters import Hyperparameter, InvalidValue, number
from core.sweep.race import SEEDS
from core.sweep.settings import MINUTES, PRUNE, SAMPLERS, TRIALS, Settings, automatic_sampler
from core.sweep.text import parse
from core.training.config import RunConfig
from dashboard import address, fields, forms, lab, notices, visitors
from dashboard.views.sweep import varied
from dashboard.views.sweep.wording import bare, label, size
from dashboard.words import literal

_STATE = address.State(
    "vary.",
    {"sampler": "", "trials": "", "minutes": "", "seeds": "1", "prune": PRUNE.default, "own": True, "name": ""},
)


def fill(settings: Settings) -> None:
    """Put a sweep's settings into the form; in a callback, or before the form is drawn."""
    forms.fill(settings.space.base)
    varied.fill(settings.space.dimensions)
    grid = settings.sampler == "grid"
    for name in ("trials", "minutes"):
        value = getattr(settings, name)
        _STATE[name] = "" if value is None or (grid and name == "trials") else number(value)
    automatic = settings.sampler == automatic_sampler(len(settings.space.dimensions))
    _STATE["sampler"] = "" if automatic else settings.sampler
    _STATE["seeds"], _STATE["prune"], _STATE["own"] = str(settings.seeds), settings.prune, settings.space.own_rates


def draw() -> Settings | None:
    """Draw the form with its buttons; returns its settings, None where something is wrong."""
    own = varied.names()
    st.markdown("#### What varies")
    if not own:
        st.caption("Press **vary** below a setting: it then has a list of values, or a range, here.")
    for name in own:
        varied.editor(name)
    if "optimizer" in own and "lr" not in own:
        st.checkbox(
            "Each optimizer at its recommended rate",
            **_STATE.text("own"),
            help="Without it, all have the learning rate of the form.",
        )
    _search(len(own))
    actions = st.container()
    st.markdown("#### Shared settings")
    form, _ = forms.hyperparameter_form(varied=own, beside=varied.vary_button)
    with actions:
        return _start_button(form)


def read(form: forms.Form) -> Settings:
    """Return the sweep that the form says.

    Raises:
        ValueError: if a value breaks its rule.
    """
    assert form.config
    own = varied.names()
    if not own:
        raise ValueError("Choose at least one setting to vary: press vary below it.")
    own_rates = "optimizer" in own and "lr" not in own and bool(_STATE["own"])
    space = parse(form.config, varied.texts(), own_rates)

    def entered(row: Hyperparameter) -> Any:
        text = str(_STATE[row.name]).strip()
        return row.parse(text) if text else None

    seeds: Any = SEEDS.parse(_STATE["seeds"])
    return Settings(
        space, _STATE["sampler"], entered(TRIALS), entered(MINUTES), seeds=seeds, prune=bool(_STATE["prune"])
    )


def begin(settings: Settings, name: str = "") -> None:
    """Start a sweep and show it; a callback."""
    found: list[str] = []

    def start() -> None:
        you = visitors.visitor()
        found.append(lab.sweeps().start(settings, name, you.id, you.name))

    if notices.attempt(start):
        address.only(sweep=found[0])


def _search(count: int) -> None:
    automatic = f"Automatic: {SAMPLERS[automatic_sampler(count)].lower()}"
    grid = (_STATE["sampler"] or automatic_sampler(count)) == "grid"
    with st.container(key="sweep-search"):
        st.selectbox(
            "Search",
            **_STATE.choice("sampler", ["", *SAMPLERS]),
            format_func=lambda name: SAMPLERS.get(name, automatic),
            help="A grid tries every combination, the ends and the middle first. A guided search (TPE) looks where it "
            "was good. Quasi-random numbers fill a space more evenly than random ones.",
        )
        trials, minutes, seeds = st.columns(3, wrap=False)
        trials.text_input(
            "Settings", **_STATE.text("trials"), placeholder="all" if grid else "40", help=fields.help_text(TRIALS)
        )
        minutes.text_input("Minutes", **_STATE.text("minutes"), placeholder="any", help=fields.help_text(MINUTES))
        seeds.text_input("Seeds", **_STATE.text("seeds"), help=fields.help_text(SEEDS))
        st.checkbox("Stop poor ones early", **_STATE.text("prune"), help=PRUNE.help)
        st.text_input("Name of the sweep", **_STATE.text("name"), placeholder="optional", max_chars=80)


def _start_button(form: forms.Form) -> Settings | None:
    errors, settings, estimate = list(form.errors), None, None
    if form.config:
        try:
            settings = read(form)
            estimate = lab.sweeps().estimate(settings)
        except ValueError as error:
            errors.append(_explained(error))
    st.button(
        f"Start {estimate.runs:,} runs" if estimate else "Start",
        type="primary",
        icon=":material/grid_on:",
        disabled=bool(errors),
        width="stretch",
        on_click=_start,
    )
    if errors:
        st.error("\n\n".join(errors), icon=":material/edit:")
    elif estimate and settings:
        st.caption(
            f"{literal(size(estimate, settings))}. All begin with the same weights and the same order of images."
        )
    return settings


def _explained(error: ValueError) -> str:
    """Word an error with the settings' labels."""
    text = str(error)
    for name in [] if isinstance(error, InvalidValue) else varied.names():
        if text.startswith((f"{name} ", f"{bare(name)} ")):
            return fields.explain(ValueError(label(name) + text[text.index(" ") :]))
    return fields.explain(error)


def _start() -> None:
    form = forms.read()
    if not form.config:
        return
    try:
        settings = read(form)
    except ValueError:
        return
    begin(settings, str(_STATE["name"]).strip())


def first_map() -> Settings:
    """Return a good first sweep: two-epoch runs of Adam over learning rate and batch size."""
    return Settings(parse(RunConfig(epochs=2), ["lr=1e-5:0.1:log:9", "batch_size=32,64,128,256,512,1024"]))
