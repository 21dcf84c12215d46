"""Why a run went as it did: findings with a remedy each, the learning-rate finder, stability and layers."""

import json
from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.analysis.diagnostics import Diagnosis, looked_at
from core.analysis.findings import findings
from core.analysis.lr_finder import RateCurve, find_learning_rate
from core.analysis.sharpness import SAMPLE
from core.analysis.weight_step import WeightStep, weight_step
from core.hyperparameters import Hyperparameter
from core.models import checkpoints
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import charts, fields, forms, lab, measuring, racing
from dashboard.words import differences

RANGE, STABILITY, STEP = "Learning-rate finder", "Stability and layers", "One step in numbers"
FIRST, THIS = "From the first weights", "From this run's network"
#: Seconds of one core that a diagnosis of one point took (benchmarks/diagnoses.py).
POINT_SECONDS = 0.08
POLL_SECONDS = 0.5
STEP_NUMBER = Hyperparameter("step", 1, "Counted from 1.", low=1, high=10**9)


def what_happened(run: Run) -> None:
    """The findings of a run that is over; each remedy is one click away from the form."""
    measured = measuring.get(run)
    found = findings(run.config, racing.curves(run), measured.done if measured else ())
    st.markdown("#### What just happened")
    with st.container(key="findings"):
        if not found:
            st.caption("Nothing stands out: no sign of divergence, overfitting, bouncing or a rate that is too small.")
        for finding in found:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(finding.sentence, width="stretch")
                if finding.remedy:
                    st.button(
                        finding.action,
                        key=f"remedy.{finding.kind}",
                        icon=":material/edit_note:",
                        help="Puts it into the form, with all else as in this run. "
                        + " · ".join(differences([finding.remedy, run.config])[:1]),
                        on_click=forms.fill,
                        args=(finding.remedy,),
                    )


def closer_look(form: forms.Form, run: Run | None) -> None:
    """The learning-rate finder for what the form says, and the diagnosis of the run."""
    st.markdown("#### A closer look")
    with st.container(key="closer-look"):
        chosen = st.segmented_control(
            "What to look at", [RANGE, STABILITY, STEP], default=RANGE, key="closer", label_visibility="collapsed"
        )
        if chosen == STABILITY:
            _stability(run)
        elif chosen == STEP:
            config = run.config if run else form.config
            if config:
                step_in_numbers([config], key="train")
        else:
            _range(form, run)


def _range(form: forms.Form, run: Run | None) -> None:
    st.caption(
        "A copy trains for up to 200 steps while its rate grows from far too small to far too large. Where the loss "
        "falls fastest is a good rate; where it is lowest is ten times too bold. No run is touched (Smith 2017)."
    )
    parameters = lab.service().parameters_file(run.id) if run and run.over else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = FIRST
        if parameters:
            start = st.segmented_control("Start", [FIRST, THIS], default=FIRST, key="range.start") or FIRST
        asked = st.button("Find a learning rate", icon=":material/speed:", disabled=not form.config)
    if not form.config:
        return
    content = parameters.read_bytes() if parameters and start == THIS else b""
    place = json.dumps({**form.config.to_dict(), "lr": 0, "epochs": 0, "schedule": "", "schedule_params": {}}) + start
    if asked:
        try:
            with st.spinner("Trying learning rates"):
                st.session_state["range.seen"] = (place, _tested(form.config, content))
        except ValueError as error:
            st.info(fields.explain(error))
            return
    seen_place, seen = st.session_state.get("range.seen", ("", None))
    if seen and seen_place == place:
        _show_range(seen)


def _tested(config: RunConfig, content: bytes) -> RateCurve:
    return find_learning_rate(config, checkpoints.load_parameters(content)[0] if content else None)


def _show_range(seen: RateCurve) -> None:
    st.plotly_chart(
        charts.rate_curve(seen), config={"displayModeBar": False}, key="range", alt="Loss against learning rate"
    )
    if seen.steepest is None or seen.tenth is None:
        st.caption("The loss never fell, so there is no rate to suggest.")
        return
    with st.container(horizontal=True):
        for rate, why in ((seen.steepest, "steepest descent"), (seen.tenth, "a tenth of the minimum's")):
            st.button(
                f"Take {rate:g}, {why}", key=f"take.{why}", icon=":material/edit_note:", on_click=_take, args=(rate,)
            )


def _take(rate: float) -> None:
    forms.put("lr", float(f"{rate:g}"))


def _stability(run: Run | None) -> None:
    if not run or not run.over:
        st.caption("Train a network first; when the run is over, it can be looked at from its first step to its last.")
        return
    measured = measuring.get(run)
    if measured and not measured.over:
        _measuring(run)
        return
    if not measured or measured.message:
        curves = racing.curves(run)
        points = len(looked_at(run.config, curves.last_step))
        st.caption(
            f"Replays the run and looks at it at {points} points, on {SAMPLE:,} training images: how sharply "
            "the loss bends, how large gradients and steps are, how many units are dead. The measurement "
            f"takes about {(curves.seconds or 0) + POINT_SECONDS * points:.0f} s of one core."
        )
        if measured:
            st.error(measured.message)
        st.button("Measure", icon=":material/monitor_heart:", on_click=measuring.ask, args=(run,))
        return
    _show_diagnoses(run, measured.done)


@st.fragment(run_every=POLL_SECONDS)
def _measuring(run: Run) -> None:
    measured = measuring.get(run)
    if not measured or measured.over:
        st.rerun()
    st.progress(len(measured.done) / measured.of, f"Looking at point {len(measured.done) + 1} of {measured.of}")


def _show_diagnoses(run: Run, diagnoses: Sequence[Diagnosis]) -> None:
    curves = racing.curves(run)
    steps = np.array([d.step for d in diagnoses], dtype=float)
    rates = np.interp(steps, curves.steps, curves.rates)
    last, rate = diagnoses[-1], float(rates[-1])
    beyond = [int(d.step) for d, r in zip(diagnoses, rates, strict=True) if r > d.largest_stable_rate]
    if beyond:
        verdict = (
            f"At {len(beyond)} of {len(diagnoses)} points, first at step {beyond[0]:,}, the rate exceeds "
            "2 / sharpness: there, plain gradient descent must bounce."
        )
    else:
        verdict = "The rate stays below 2 / sharpness at every point: plain gradient descent would be stable here."
    plain = "" if run.config.optimizer == "sgd" else " Other optimizers have other limits; for them it is a guide."
    st.markdown(
        f"{verdict} At the end the sharpness is **{last.sharpness:.3g}**, so rates up to "
        f"**{last.largest_stable_rate:.3g}** are stable; the rate is **{rate:.3g}**.{plain}"
    )
    figures = charts.diagnosis_figures(diagnoses, rates)
    for row in range(0, len(figures), 2):
        for column, (title, figure) in zip(st.columns(2), figures[row : row + 2], strict=True):
            with column:
                st.markdown(f"**{title}**")
                st.plotly_chart(figure, config={"displayModeBar": False}, key=f"diagnosis.{title}", alt=title)


def step_in_numbers(configs: Sequence[RunConfig], key: str, names: Sequence[str] = ()) -> None:
    """The update rule of one of the configs with the numbers of one of its steps put in.

    Args:
        key: sets this page's widgets apart.
        names: of the configs; what sets them apart unless given.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        config = configs[0]
        if len(configs) > 1:
            names = names or differences(configs)
            place = st.selectbox("Run", range(len(configs)), format_func=names.__getitem__, key=f"{key}.run", width=260)
            config = configs[place]
        text = st.text_input(
            "Step", "1", key=f"{key}.step", help=f"Counted from 1; the last is {config.span.steps:,}.", width=110
        )
    try:
        step = int(STEP_NUMBER.parse(text or "1"))  # type: ignore[arg-type]
        seen = _step(json.dumps(config.to_dict()), step)
    except ValueError as error:
        st.info(fields.explain(error))
        return
    if seen is None:
        st.info(f"The run had diverged before step {step}: there is no step to show.")
        return
    st.latex(r"\small\begin{aligned}" + r" \\[0.5em] ".join(seen.step.lines) + r"\end{aligned}")
    (unit, pixel), (digit, hidden) = seen.weights
    st.caption(
        f"Step {step:,}, whose batch had a loss of {seen.loss:.4f}. Above, the weight from pixel {pixel % 28 + 1} of "
        f"row {pixel // 28 + 1} to hidden unit {unit + 1}; below, the one from unit {hidden + 1} to digit {digit}: "
        "of each layer the weight with the largest gradient at this step. Read off the torch.optim object's own state."
    )


@st.cache_data(max_entries=256, show_spinner="Training up to this step")
def _step(config: str, step: int) -> WeightStep | None:
    return weight_step(RunConfig.from_dict(json.loads(config)), step)
