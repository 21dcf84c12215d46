"""The buttons that operate a run: pause, resume, one more step or epoch, another learning rate."""

import streamlit as st

from core.runs import states
from core.runs.store import Run
from core.training.config import LR
from dashboard import lab


def controls(run: Run, key: str) -> None:
    """What can be done with the run in its state; nothing where that is nothing.

    Args:
        key: sets this page's widgets apart.
    """
    going = run.state in (states.QUEUED, states.RUNNING)
    if not going and not run.resumable:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}.operate"):
        if going:
            _button("Pause", ":material/pause:", run, "pause", key, "Leave the run here, with all that it remembers.")
        else:
            _button("Resume", ":material/play_arrow:", run, "resume", key, "Go on from here.")
            _button("One step", ":material/skip_next:", run, "step", key, "Go on for a single step.")
            _button("One epoch", ":material/fast_forward:", run, "epoch", key, "Go on to the end of the epoch.")
        st.text_input(
            "Learning rate from now on",
            key=f"{key}.lr.{run.id}",
            placeholder=f"{run.config.lr:g} at the start",
            on_change=_set_learning_rate,
            args=(run.id, f"{key}.lr.{run.id}"),
            help="Takes effect at the next step and is recorded with it. A schedule goes on from the new rate.",
        )
    trouble = st.session_state.pop(f"{key}.trouble", "")
    if trouble:
        st.error(trouble, icon=":material/edit:")


def _button(label: str, icon: str, run: Run, command: str, key: str, help: str) -> None:
    st.button(
        label,
        icon=icon,
        help=help,
        key=f"{key}.{command}",
        on_click=lab.service().command,
        args=(run.id, command),
    )


def _set_learning_rate(run_id: str, key: str) -> None:
    text = st.session_state[key].strip()
    if not text:
        return
    try:
        lab.service().command(run_id, "learning_rate", LR.parse(text))
    except ValueError as error:
        st.session_state[f"{key.split('.')[0]}.trouble"] = str(error)
