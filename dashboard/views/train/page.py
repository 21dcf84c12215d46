"""Train: choose settings, train, watch the curves; then save the network and test it."""

import streamlit as st

from core.models import checkpoints
from core.optimizers import OPTIMIZERS
from core.runs.store import Run
from core.training.schedules import SCHEDULES
from dashboard import address, branching, coding, forms, handoff, lab, notices, operating, sources, starting, visitors
from dashboard.analysis import findings
from dashboard.analysis.closer_look import closer_look
from dashboard.components.chart import live_chart
from dashboard.testing import results, test_section
from dashboard.views.models import keeping
from dashboard.views.models.runs import SaveableRun, keep
from dashboard.views.runs import actions as runs_actions
from dashboard.words import differences, ending, literal, network_table, percent, run_line, stacked, state_color

RECENT_RUNS = 8
#: In the session: the run whose network was saved last, and the network's name.
_SAVED = "train.saved"
INVITATION = "Press Train. The network learns to read digits in a few seconds, and its curves grow here."


def page() -> None:
    run = _shown()
    if handoff.begins(run.id if run else "") and run:
        forms.fill(run.config)
    settings, stage = st.columns([0.36, 0.64], gap="large")
    with settings:
        form, actions = forms.hyperparameter_form()
        with actions:
            _buttons(form, run)
    with stage:
        notice = st.container()
        if address.get("run") and not run:
            notice.info("This lab does not have the run that this link names. Train one, or open a recent run below.")
        if run and run.deleted is not None:
            with notice:
                runs_actions.in_the_bin(run)
        live_chart([run] if run else [], INVITATION, key="live")
        with st.container():
            if run and run.parent:
                st.caption(literal(branching.origin(run, lab.service().run(run.parent))))
            if run:
                _beside_my_last(run)
            if run and run.over:
                _saving(run)
                findings.section(run)
    closer_look(form, run)
    _explanations(form)
    test_section()
    _recent_runs(run)


def _buttons(form: forms.Form, run: Run | None) -> None:
    """Train and Stop. Both act in callbacks, so that the drawing that follows shows their effect."""
    parent = forms.parent()
    if forked := lab.service().run(parent) if parent else None:
        st.caption(f"A fork of run #{forked.number}: change one thing, then press Train.")
    with st.container(horizontal=True):
        st.button(
            "Train",
            type="primary",
            icon=":material/play_arrow:",
            disabled=_busy(run) or not form.config,
            width="stretch",
            on_click=_train,
        )
        if run is None or operating.operable([run]):
            st.button(
                "Stop",
                icon=":material/stop:",
                disabled=run is None or run.over or run.deleted is not None,
                on_click=operating.command,
                args=((run.id,) if run else (), "stop"),
            )
    if run:
        operating.controls(run, key="train")
        _apart(form, run)
        if form.config == run.config:
            starting.trained_before([run], _train_again)
        if starting.last():
            visitors.ask_once()
    if form.errors:
        st.error("\n\n".join(form.errors), icon=":material/edit:")


def _apart(form: forms.Form, run: Run) -> None:
    """Say where the form is not the settings of the run beside it any more, and offer them."""
    if form.config and form.config != run.config:
        (its, _) = differences([run.config, form.config])
        st.caption(f"For the next run. Run #{run.number}, shown here, has {literal(its) or 'the usual parameters'}.")
        st.button(
            f"Settings of run #{run.number}",
            icon=":material/undo:",
            type="tertiary",
            on_click=forms.fill,
            args=(run.config,),
        )


def _shown() -> Run | None:
    """Return the run that the address names."""
    run_id = address.get("run")
    return lab.service().run(run_id) if run_id else None


def _busy(run: Run | None) -> bool:
    """Return True if the run shown is this session's and trains: a further press of Train means that one.

    A run of this session's that is not shown disables nothing: nobody could see why.
    """
    mine = starting.last()
    return bool(run and mine and run.id == mine.id and starting.going([run]))


def _train_again() -> None:
    _train(again=True)


def _train(again: bool = False) -> None:
    """Start a run with the form's values, or show the one that has had them before."""
    form = forms.read()
    if _busy(_shown()) or not form.config:
        return
    if run_id := starting.run(form.config, form.name, parent=forms.parent(), again=again):
        forms.forget_parent()
        handoff.started(run_id)
        address.put(run=run_id)


def _beside_my_last(run: Run) -> None:
    """Draw the way to the comparison of the run with the visitor's own last one."""
    last = starting.last_before(run)
    if last and st.button(
        f"Compare with my last run (#{last.number})",
        icon=":material/stacked_line_chart:",
        type="tertiary",
        help=literal(run_line(last)),
    ):
        st.switch_page("views/runs/page.py", query_params={"compare": f"{last.id},{run.id}"})


def _saving(run: Run) -> None:
    """Draw the ways to keep the run's network, in the lab's library or as a file; and the test of what was saved."""
    path = lab.service().parameters_file(run.id)
    if not path:
        return
    choice = SaveableRun(run, path)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        keeping.name_field("Save this network as", choice.name, f"keep.{run.id}")
        st.button(
            "Save",
            icon=":material/bookmark_add:",
            help="Saves it to the lab's models, for everyone.",
            on_click=_save,
            args=(choice,),
        )
        st.download_button(
            "Download",
            operating.file_of(run.id, lab.service().parameters_file),
            file_name=f"{choice.name}{checkpoints.SUFFIX}",
            mime="application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
        )
        coding.run_as_code(run, "train")
        if branch := branching.what_if(run, "train"):
            st.switch_page("views/runs/page.py", query_params={"compare": f"{run.id},{branch}"})
    saved_run, saved = st.session_state.get(_SAVED, ("", ""))
    # It may have been renamed or deleted meanwhile.
    files = {file.stem: file for file in checkpoints.list_models()}
    if saved_run == run.id and saved in files:
        with st.container(border=True, key="saved"):
            st.markdown(f"**{literal(saved)}** is saved. Loaded again from its file, it reads:")
            results(sources.from_file(files[saved]))


def _save(choice: SaveableRun) -> None:
    def save() -> None:
        key = f"keep.{choice.run.id}"
        saved = keep(choice, st.session_state[key] or "")
        # This name is taken now: the field has another one next.
        del st.session_state[key]
        st.session_state[_SAVED] = choice.run.id, saved.name
        notices.say(f"Saved as {literal(saved.name)}.")

    notices.attempt(save)


def _explanations(form: forms.Form) -> None:
    """Draw the update rule, the schedule and the network, as chosen."""
    optimizer, schedule = OPTIMIZERS[forms.optimizer()], SCHEDULES[forms.schedule()]
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
            badge = f":{state_color(run)}-badge[{ending(run.state, run.test_accuracy)}]"
            label = f"{badge} {literal(run_line(run))}{_result(run)}"
            st.button(
                label,
                key=f"open.{run.id}",
                type="tertiary",
                disabled=shown is not None and run.id == shown.id,
                on_click=address.put,
                kwargs={"run": run.id},
            )


def _result(run: Run) -> str:
    if run.test_accuracy is not None:
        return f" · **{percent(run.test_accuracy)} test**"
    return "" if run.validation_accuracy is None else f" · **{percent(run.validation_accuracy)} validation**"


page()
