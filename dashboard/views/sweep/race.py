"""The race of a sweep: one setting, several values, everything else equal (``/sweep?runs=ID,ID`` or ``?kind=race``)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from core.hyperparameters import number
from core.optimizers import OPTIMIZERS
from core.runs.store import Run
from core.sweep import race
from core.training.config import EPOCHS, LR, SEED, RunConfig, parse_batch_size
from core.training.schedules import SCHEDULES
from dashboard import address, fields, forms, handoff, lab, notices, operating, run_curves, starting, visitors
from dashboard.components.figure import show_figure
from dashboard.views.sweep.sensitivity import sensitivity
from dashboard.words import counted, in_words, not_here, percent, settings_in_common

INVITATION = (
    "Choose the setting to vary and press Start. All runs start from the same weights and get the images in the same "
    "order."
)
SEARCHING = "The race itself grows here, once each optimizer has its rate."
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
_STATE = address.State(
    "race.",
    {"knob": "optimizer", "seeds": "1", "rates": BEST, **FIRST, **{k: "" for k in race.KNOBS if k not in FIRST}},
)


def show() -> None:
    """Draw the race that the address names, and the form of the next."""
    runs, tried = address.runs("runs"), address.runs("tried")
    shown = runs or tried
    picture = ",".join(run.id for run in shown)
    if left := handoff.take_race():
        # The form has the settings that were left, whatever race the page still shows.
        handoff.started(picture)
        _vary(*left)
    elif handoff.begins(picture):
        _fill(shown)
        if not runs:
            _fill_searched()
    settings, stage = st.columns([0.36, 0.64], gap="large")
    with settings:
        _varied_setting()
        actions = st.container()
        st.markdown("#### Shared settings")
        form, _ = forms.hyperparameter_form(_given())
        with actions:
            _buttons(form, runs + tried)
            if runs:
                _apart(form, runs)
                starting.trained_before(runs, _race_again)
    with stage:
        if not shown and any(map(address.get, ("runs", "tried"))):
            st.info("This lab does not have the runs that this link names. Start a new race.")
        elif missing := address.gone("runs"):
            st.info(not_here(missing))
        if tried and not runs:
            _sweeping(tuple(run.id for run in tried))
        run_curves.live(runs, SEARCHING if tried else INVITATION, key="race")
        if tried and runs:
            _strip(tried)


def _fill(runs: Sequence[Run]) -> None:
    """Put the settings of the race, or of the search, into the page's fields."""
    configs = [run.config for run in runs]
    forms.fill(configs[0])
    if varied := race.varied(configs):
        knob, values, seeds = varied
        _STATE["seeds"] = str(seeds)
        _vary(knob, values)
        if knob == "optimizer":
            _STATE["rates"] = BEST if len({config.lr for config in configs}) > 1 else SAME


def _fill_searched() -> None:
    """Put what the address says of the race after the search into the page's fields: the short runs do not have it."""
    for parameter, state in ((EPOCHS, forms.key("epochs")), (race.SEEDS, _STATE.key("seeds"))):
        try:
            st.session_state[state] = number(parameter.parse(address.get(parameter.name)))
        except ValueError:
            # A link may have anything, and an older one has nothing here.
            continue


def _vary(knob: str, values: Iterable[Any]) -> None:
    _STATE["knob"] = knob
    _STATE[knob] = list(map(str, values)) if knob in CHOICES else ", ".join(map(number, values))


def _apart(form: forms.Form, runs: Sequence[Run]) -> None:
    """Say that the fields are not the settings of the race beside them any more, and offer those."""
    if not form.config:
        return
    try:
        _, lanes, _ = _plan(form.config)
    except ValueError:
        return
    # Rates that were searched are no field's.
    searched = _STATE["knob"] == "optimizer" and _STATE["rates"] == BEST

    def alike(config: RunConfig) -> str:
        return str(replace(config, lr=1.0) if searched else config)

    if {alike(run.config) for run in runs} != {alike(config) for config in race.in_turn(lanes)}:
        st.caption("For the next race. The one shown here has other settings.")
        st.button("Settings of this race", icon=":material/undo:", type="tertiary", on_click=_fill, args=(list(runs),))


def _varied_setting() -> None:
    """Draw the varied setting, its values, the seeds, and for optimizers the choice of their learning rates."""
    st.markdown("#### Varied setting")
    knob = st.selectbox("Setting", **_STATE.choice("knob", list(race.KNOBS)), format_func=race.KNOBS.__getitem__)
    if knob in CHOICES:
        st.multiselect(
            "Values",
            **_STATE.many(knob, CHOICES[knob]),
            format_func=lambda value: in_words(knob, value),
            accept_new_options=knob == "batch_size",
        )
    else:
        st.text_input(
            "Values",
            **_STATE.text(knob),
            placeholder=", ".join(map(number, _usual(knob))),
            help="Numbers separated by commas. If left empty, those shown are used.",
        )
    left, right = st.columns([0.34, 0.66], vertical_alignment="bottom")
    left.text_input("Seeds", **_STATE.text("seeds"), help=fields.help_text(race.SEEDS))
    if knob == "optimizer":
        right.selectbox(
            "Learning rate",
            **_STATE.choice("rates", [BEST, SAME]),
            help=f"{BEST}: short runs of each optimizer at five rates find the one that suits it, before the race.",
        )


def _usual(knob: str) -> list[float]:
    """Return the values of a numeric setting that are used unless others are entered."""
    if knob == "seed":
        return [0, 1, 2, 3, 4]
    return race.rates_around(OPTIMIZERS[forms.optimizer()].lr)


def _read() -> tuple[str, list[Any], int]:
    """Return the varied setting, its values, and the seeds.

    Raises:
        ValueError: if a value breaks its rule.
    """
    knob = _STATE["knob"]
    entered: Any = _STATE[knob]
    if knob == "batch_size":
        values: list[Any] = [parse_batch_size(value) for value in entered]
    elif knob in CHOICES:
        values = list(entered)
    else:
        parameter = LR if knob == "lr" else SEED
        values = [parameter.parse(part) for part in entered.split(",") if part.strip()] or _usual(knob)
    return knob, values, int(race.SEEDS.parse(_STATE["seeds"]))  # type: ignore[arg-type]


def _given() -> dict[str, Any]:
    """Return the varied settings, each with one of its values: they are not among those that all runs share."""
    knob = _STATE["knob"]
    try:
        first = _read()[1][0]
    except (ValueError, IndexError):
        first = getattr(RunConfig.recommended(forms.optimizer()), knob)
    rate = {"lr": OPTIMIZERS[first].lr} if knob == "optimizer" and _STATE["rates"] == BEST else {}
    return {knob: first, **rate}


def _plan(base: RunConfig) -> tuple[list[RunConfig], list[race.Lane], int]:
    """Return the configs of the search for rates, if there is one, the race's lanes, and the seeds.

    Raises:
        ValueError: if a value breaks its rule.
    """
    knob, values, seeds = _read()
    lanes = race.race(base, knob, values, seeds)
    if knob == "optimizer" and _STATE["rates"] == BEST:
        return race.sweep(base, values), lanes, seeds
    return [], lanes, seeds


def _buttons(form: forms.Form, shown: list[Run]) -> None:
    errors = list(form.errors)
    searching = racing = 0
    if form.config:
        try:
            tries, lanes, seeds = _plan(form.config)
            searching, racing = len(tries), len(lanes) * seeds
        except ValueError as error:
            errors.append(fields.explain(error))
    going = starting.going(shown)
    stoppable = [run.id for run in operating.operable(going)]
    with st.container(horizontal=True):
        st.button(
            f"Start {searching + racing} runs" if racing else "Start",
            type="primary",
            icon=":material/flag:",
            disabled=bool(errors or going),
            width="stretch",
            on_click=_start,
        )
        if stoppable or not going:
            st.button("Stop", icon=":material/stop:", disabled=not going, on_click=_stop, args=(stoppable,))
    if errors:
        st.error("\n\n".join(errors), icon=":material/edit:")
    elif searching:
        st.caption(f"{searching} short runs find the rates; then {counted(racing, 'run')} race.")


def _start() -> None:
    """Start the search for rates, if there is to be one, else the race."""
    form = forms.read(_given())
    if not form.config or starting.going(address.runs("runs") + address.runs("tried")):
        return
    try:
        tries, lanes, seeds = _plan(form.config)
    except ValueError:
        return
    if not tries:
        address.put(tried=None)
        _race(race.in_turn(lanes))
    elif ids := starting.group(tries, "sweep"):
        handoff.started(",".join(ids))
        address.only(tried=",".join(ids), epochs=str(form.config.epochs), seeds=str(seeds))
        # The race that follows has the settings of now, whatever the form holds when the search is over.
        visitors.remember(_follows(), (form.config, seeds))


def _race(configs: Sequence[RunConfig]) -> None:
    """Start the race, and show it; with the search that came before, if the address names one."""
    _show_race(starting.group(configs, "race"))


def _show_race(ids: Sequence[str]) -> None:
    if ids:
        handoff.started(",".join(ids))
        tried = address.get("tried")
        address.only(runs=",".join(ids), **({"tried": tried} if tried else {}))


def _race_again() -> None:
    """Train the runs of the race again that were trained before."""
    _show_race(starting.group_again(address.runs("runs"), "race"))


def _follows() -> str:
    """Return the name under which the server remembers the race that follows the search of this address."""
    return "race." + ".".join(map(address.get, ("tried", "epochs", "seeds")))


def _stop(ids: Sequence[str]) -> None:
    visitors.forget(_follows())
    operating.command(ids, "stop")


@address.fragment(POLL_SECONDS)
def _sweeping(ids: tuple[str, ...]) -> None:
    """Draw the search for rates while it runs; once it is over, a page of who started it starts the race."""
    tried = [run for run_id in ids if (run := lab.service().run(run_id))]
    if not tried:
        # They were deleted for good meanwhile: the page says so.
        st.rerun()
    done = sum(run.over for run in tried)
    if done < len(tried):
        st.progress(done / len(tried), f"Searching each optimizer's rate: {done} of {len(tried)} short runs")
    _strip(tried)
    if done == len(tried):
        if follows := visitors.forget(_follows()):
            _race_at_the_best(tried, *follows)
            st.rerun()
        form = forms.read(_given())
        if st.button("Race at these rates", icon=":material/flag:", disabled=not form.config) and form.config:
            notices.attempt(partial(_race_as_entered, tried, form.config))
            st.rerun()


def _race_as_entered(tried: Sequence[Run], base: RunConfig) -> None:
    _race_at_the_best(tried, base, int(race.SEEDS.parse(_STATE["seeds"])))  # type: ignore[arg-type]


def _race_at_the_best(tried: Sequence[Run], base: RunConfig, seeds: int) -> None:
    """Start each optimizer at the rate that the search found, everything else as in ``base``."""
    rates = race.best_rates((run.config, run.validation_accuracy) for run in tried)
    configs = [replace(race.vary(base, "optimizer", name), lr=rate) for name, rate in rates.items()]
    if configs:
        _race(race.in_turn(race.seeded(configs, seeds)))


def _strip(tried: Sequence[Run]) -> None:
    """Plot validation accuracy against learning rate, one line per optimizer."""
    results = [(run.config, run.validation_accuracy) for run in tried]
    best = race.best_rates(results)
    st.markdown("#### Sensitivity to the learning rate")
    show_figure(
        sensitivity(results, best),
        "Validation accuracy against learning rate",
        key="strip",
        settings=settings_in_common([run.config for run in tried]),
    )
    epochs = tried[0].config.epochs
    rates = ", ".join(f"{OPTIMIZERS[name].label} {number(rate)}" for name, rate in best.items())
    accuracies = [accuracy for _, accuracy in results if accuracy is not None]
    if accuracies:
        st.caption(
            f"Validation accuracy after {counted(epochs, 'epoch')}, one seed. Ringed: {rates}. "
            f"Highest {percent(max(accuracies))}. A wide, flat top means that the rate is easy to choose."
        )
