"""Train: choose, press, watch; then keep the network and test it."""

import secrets

import streamlit as st

from core.models import checkpoints
from core.optimizers import OPTIMIZERS
from core.runs import states
from core.runs.store import Run
from core.training.schedules import SCHEDULES
from dashboard import forms, handoff, insight, lab, operating, visitors
from dashboard.components.live_chart import live_chart
from dashboard.testing import test_section
from dashboard.views.models import runs
from dashboard.words import STATE_COLORS, literal, network_table, percent, run_line, stacked

RECENT_RUNS = 8
INVITATION = "Press Train. The network learns to read digits in a few seconds, and its curves grow here."


def page() -> None:
    run_id = st.query_params.get("run")
    run = lab.service().run(run_id) if run_id else None
    settings, stage = st.columns([0.36, 0.64], gap="large")
    with settings:
        form = forms.hyperparameter_form(run.config if run else None)
        with form.actions:
            _buttons(form, run)
    with stage:
        notice = st.container()
        if run_id and not run:
            notice.info("This link names a run that this lab does not have. Train one, or open a recent run below.")
        live_chart([run] if run else [], INVITATION, key="live")
        with st.container():
            if run and run.parent and (parent := lab.service().run(run.parent)):
                st.caption(f"Continues run {literal(run_line(parent))}.")
            if run and run.over:
                _keep(run)
                insight.what_happened(run)
    insight.closer_look(form, run)
    _explanations(form)
    test_section()
    _recent_runs(run)


def _buttons(form: forms.Form, run: Run | None) -> None:
    """Train and Stop. Both act before the page is drawn again, so that one drawing shows what they did."""
    mine = _own_run()
    busy = _busy(mine)
    parent = handoff.parent()
    if forked := lab.service().run(parent) if parent else None:
        st.caption(f"A fork of run #{forked.number}: change one thing, then press Train.")
    with st.container(horizontal=True):
        st.button(
            "Train",
            type="primary",
            icon=":material/play_arrow:",
            disabled=busy or not form.config,
            width="stretch",
            on_click=_train,
        )
        st.button(
            "Stop",
            icon=":material/stop:",
            disabled=run is None or run.over,
            on_click=lab.service().command,
            args=(run.id if run else "", "stop"),
        )
    if run:
        operating.controls(run, key="train")
    if form.errors:
        st.error("\n\n".join(form.errors), icon=":material/edit:")


def _own_run() -> Run | None:
    """The run that this session started last."""
    run_id = st.session_state.get("train.mine")
    return lab.service().run(run_id) if run_id else None


def _busy(mine: Run | None) -> bool:
    return mine is not None and mine.state in (states.QUEUED, states.RUNNING)


def _train() -> None:
    """Start a run with what the form says now. However often Train is pressed, a session has one in progress."""
    form, mine = forms.read(), _own_run()
    if not _busy(mine) and form.config:
        you = visitors.visitor()
        st.session_state["train.mine"] = lab.service().submit(
            form.config,
            form.name,
            you.id,
            you.name,
            parent=handoff.parent(),
            click=st.session_state.setdefault("train.page", secrets.token_hex(8)),
        )
        handoff.forget_parent()
    if "train.mine" in st.session_state:
        st.query_params["run"] = st.session_state["train.mine"]


def _keep(run: Run) -> None:
    """Save the run's parameters in the lab, or download them."""
    path = lab.service().parameters_file(run.id)
    if not path:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Keep this network as", f"{run.config.optimizer}-{run.id[:6]}", key=f"keep.{run.id}")
        save = st.button("Save", icon=":material/bookmark_add:", help="Into the lab's models, for everyone.")
        st.download_button(
            "Download",
            path.read_bytes(),
            file_name=f"{run.config.optimizer}-{run.id[:6]}{checkpoints.SUFFIX}",
            mime="application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
        )
    if save:
        try:
            saved = runs.keep(runs.Choice(run, path), name or "")
        except ValueError as error:
            st.error(literal(str(error)))
        else:
            st.session_state["test.model"] = saved.name
            st.success(f"Saved as {literal(saved.name)}. It is loaded and tested below.", icon=":material/check:")


def _explanations(form: forms.Form) -> None:
    """The update rule, the schedule and the network, as chosen."""
    optimizer = OPTIMIZERS[st.session_state[forms.key("optimizer")]]
    schedule = SCHEDULES[st.session_state[forms.key("schedule")]]
    st.markdown("#### What happens at each step")
    rule, rate, network = st.columns([0.36, 0.32, 0.32], border=True)
    with rule:
        st.markdown(f"**{optimizer.label}**, {optimizer.year}")
        st.latex(stacked(optimizer.formula))
        st.caption(f"{optimizer.source}.")
        if (
            form.config
            and not optimizer.closure
            and st.button("Watch it walk on a surface", icon=":material/landscape:")
        ):
            handoff.to_surfaces(form.config)
            st.switch_page("views/surfaces/page.py")
    with rate:
        st.markdown(f"**{schedule.label}** learning rate")
        st.latex(stacked(schedule.formula))
        st.caption(f"{schedule.source}.")
    with network:
        st.markdown("**The network**")
        st.markdown(network_table())
        st.caption("28 x 28 pixels in, one hidden layer, a softmax over the ten digits out.")


def _recent_runs(shown: Run | None) -> None:
    runs = lab.service().runs(RECENT_RUNS)
    if not runs:
        return
    st.markdown("#### Recent runs")
    with st.container(gap="xsmall", key="recent-runs"):
        for run in runs:
            label = f":{STATE_COLORS[run.state]}-badge[{run.state}] {literal(run_line(run))}{_result(run)}"
            st.button(
                label,
                key=f"open.{run.id}",
                type="tertiary",
                disabled=shown is not None and run.id == shown.id,
                on_click=_open,
                args=(run.id,),
            )


def _result(run: Run) -> str:
    if run.test_accuracy is not None:
        return f" **{percent(run.test_accuracy)} test**"
    return "" if run.validation_accuracy is None else f" **{percent(run.validation_accuracy)} validation**"


def _open(run_id: str) -> None:
    st.query_params["run"] = run_id


page()
