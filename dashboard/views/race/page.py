"""Race: one setting, several values, everything else equal."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from core.hyperparameters import number
from core.optimizers import OPTIMIZERS
from core.runs.store import Run
from core.sweep import race
from core.training.config import LR, SEED, RunConfig, parse_batch_size
from core.training.schedules import SCHEDULES
from dashboard import charts, forms, lab, racing
from dashboard.components.live_chart import live_chart
from dashboard.words import counted, percent

INVITATION = "Choose what differs and press Start. All lanes share the first weights and the order of the images."
SAME, BEST = "Same for all", "Each at its own best"
CHOICES: dict[str, list[str]] = {
    "optimizer": [name for name, spec in OPTIMIZERS.items() if not spec.full_batch_only],
    "schedule": list(SCHEDULES),
    "shuffle": ["epoch", "once", "none", "by-label"],
    "batch_size": list(forms.BATCH_SIZES),
}
FIRST: dict[str, list[str]] = {
    "optimizer": ["sgd", "momentum", "rmsprop", "adam"],
    "schedule": ["constant", "exponential", "cosine", "one_cycle"],
    "shuffle": ["epoch", "none", "by-label"],
    "batch_size": ["16", "64", "256", "1024"],
}
POLL_SECONDS = 0.5


def page() -> None:
    runs, tried = racing.named("runs"), racing.named("sweep")
    settings, stage = st.columns([0.36, 0.64], gap="large")
    with settings:
        _what_differs()
        actions = st.container()
        st.markdown("#### What is equal")
        form = forms.hyperparameter_form()
        with actions:
            _buttons(form, runs + tried)
    with stage:
        racing.trouble()
        if st.query_params.get("runs") and not runs:
            st.info("This link names runs that this lab does not have. Start a race of your own.")
        if tried and not runs:
            _sweeping(tuple(run.id for run in tried))
        live_chart(runs, INVITATION, key="race", lines=racing.lines(runs) if runs else ())
        if tried and runs:
            _strip(tried)


def _what_differs() -> None:
    """The knob, its values, seeds, and for optimizers whose learning rate they get."""
    st.markdown("#### What differs")
    knob = st.selectbox(
        "Setting", list(race.KNOBS), key="race.knob", format_func=race.KNOBS.__getitem__, persist_state="session"
    )
    if knob in CHOICES:
        st.session_state.setdefault(f"race.{knob}", FIRST[knob])
        st.multiselect(
            "Values",
            CHOICES[knob],
            key=f"race.{knob}",
            format_func=lambda value: _label(knob, value),
            accept_new_options=knob == "batch_size",
            persist_state="session",
        )
    else:
        st.text_input(
            "Values",
            key=f"race.{knob}",
            placeholder=", ".join(map(number, _usual(knob))),
            help="Numbers with commas between them; left empty, those that are shown.",
            persist_state="session",
        )
    left, right = st.columns([0.34, 0.66], vertical_alignment="bottom")
    with left:
        st.session_state.setdefault("race.seeds", "1")
        st.text_input(
            "Seeds",
            key="race.seeds",
            help=f"{race.SEEDS.help} {race.SEEDS.rule.capitalize()}.",
            persist_state="session",
        )
    if knob == "optimizer":
        with right:
            st.session_state.setdefault("race.rates", BEST)
            st.selectbox(
                "Learning rate",
                [BEST, SAME],
                key="race.rates",
                help="At its own best: first, short runs of each optimizer at five rates find the rate that serves it.",
                persist_state="session",
            )


def _label(knob: str, value: str) -> str:
    if knob in ("optimizer", "schedule"):
        table: dict[str, Any] = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES}[knob]
        return str(table[value].label) if value in table else value
    return value


def _usual(knob: str) -> list[float]:
    """What a number's values are, unless a person types others."""
    if knob == "seed":
        return [0, 1, 2, 3, 4]
    lr = OPTIMIZERS[st.session_state.get(forms.key("optimizer"), "adam")].lr
    return [float(f"{lr * factor:.2g}") for factor in (0.1, 0.3, 1.0, 3.0, 10.0)]


def _read() -> tuple[str, list[Any], int]:
    """Knob, values and seeds as the page says now.

    Raises:
        ValueError: the sentence about what is wrong.
    """
    state = st.session_state
    knob = state["race.knob"]
    held = state.get(f"race.{knob}")
    if knob == "batch_size":
        values: list[Any] = [parse_batch_size(value) for value in held or []]
    elif knob in CHOICES:
        values = list(held or [])
    else:
        parameter = LR if knob == "lr" else SEED
        values = [parameter.parse(part) for part in (held or "").split(",") if part.strip()] or _usual(knob)
    return knob, values, int(race.SEEDS.parse(state["race.seeds"] or ""))  # type: ignore[arg-type]


def _plan(base: RunConfig) -> tuple[list[RunConfig], list[race.Lane], int]:
    """(the sweep's configs, or none; the race's lanes; seeds).

    Raises:
        ValueError: the sentence about what is wrong.
    """
    knob, values, seeds = _read()
    lanes = race.race(base, knob, values, seeds)
    if knob == "optimizer" and st.session_state["race.rates"] == BEST:
        return race.sweep(base, values), lanes, seeds
    return [], lanes, seeds


def _buttons(form: forms.Form, shown: list[Run]) -> None:
    errors = list(form.errors)
    count = 0
    if form.config:
        try:
            tries, lanes, seeds = _plan(form.config)
            count = len(tries) + len(lanes) * seeds
        except ValueError as error:
            errors.append(str(error))
    going = [run.id for run in shown if not run.over]
    with st.container(horizontal=True):
        st.button(
            f"Start {count} runs" if count else "Start",
            type="primary",
            icon=":material/flag:",
            disabled=bool(errors or going),
            width="stretch",
            on_click=_start,
        )
        st.button("Stop", icon=":material/stop:", disabled=not going, on_click=_stop, args=(going,))
    if errors:
        st.error("\n\n".join(errors), icon=":material/edit:")


def _start() -> None:
    """Start what the page says now: the sweep, if there is one, else the race."""
    form = forms.read()
    if not form.config or not racing.over(racing.named("runs") + racing.named("sweep")):
        return
    try:
        tries, lanes, seeds = _plan(form.config)
    except ValueError:
        return
    st.query_params.clear()
    if tries:
        # The race is to be what was asked for now, whatever the form says when the sweep is over.
        st.session_state["race.follows"] = racing.start("sweep", tries, "sweep"), form.config, seeds
    else:
        racing.start("runs", race.in_turn(lanes), "race")


def _stop(ids: Sequence[str]) -> None:
    st.session_state.pop("race.follows", None)
    racing.stop(ids)


@st.fragment(run_every=POLL_SECONDS)
def _sweeping(ids: tuple[str, ...]) -> None:
    """The sweep while it runs; when it is over, the session that started it goes on to the race."""
    tried = [run for run_id in ids if (run := lab.service().run(run_id))]
    done = sum(run.over for run in tried)
    if done < len(tried):
        st.progress(done / len(tried), f"Finding each optimizer's rate: {done} of {len(tried)} short runs")
    _strip(tried)
    if done == len(tried):
        follows, base, seeds = st.session_state.get("race.follows", ([], None, 1))
        if follows == list(ids):
            del st.session_state["race.follows"]
            _race_at_the_best(tried, base, seeds)
            st.rerun()
        if st.button("Race at these rates", icon=":material/flag:"):
            _race_at_the_best(tried, forms.read().config or RunConfig(), 1)
            st.rerun()


def _race_at_the_best(tried: Sequence[Run], base: RunConfig, seeds: int) -> None:
    """Start each optimizer at the rate that the sweep found, everything else as in ``base``."""
    rates = race.best_rates((run.config, run.validation_accuracy) for run in tried)
    configs = [replace(race.vary(base, "optimizer", name), lr=rate) for name, rate in rates.items()]
    if configs:
        racing.start("runs", race.in_turn(race.seeded(configs, seeds)), "race")


def _strip(tried: Sequence[Run]) -> None:
    """How much each optimizer minds its rate: accuracy against learning rate."""
    results = [(run.config, run.validation_accuracy) for run in tried]
    best = race.best_rates(results)
    st.markdown("#### How much each minds its learning rate")
    with st.container(height=charts.STRIP_HEIGHT, border=False, gap=None):
        st.plotly_chart(
            charts.sensitivity(results, best),
            config={"displayModeBar": False},
            key="strip",
            alt="Validation accuracy against learning rate, a line an optimizer",
        )
    epochs = tried[0].config.epochs
    found = ", ".join(f"{OPTIMIZERS[name].label} {number(rate)}" for name, rate in best.items())
    accuracies = [accuracy for _, accuracy in results if accuracy is not None]
    if accuracies:
        st.caption(
            f"Validation accuracy after {counted(epochs, 'epoch')}, one seed. Ringed: {found}. "
            f"Highest {percent(max(accuracies))}. A wide, flat top means that the rate is easy to choose."
        )


page()
