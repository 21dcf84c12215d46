"""The buttons that operate a run: pause, resume, one more step or epoch, another learning rate."""

from collections.abc import Callable, Iterable
from pathlib import Path

import streamlit as st

from core.runs.store import Run
from core.training.config import LR
from dashboard import lab, notices, visitors


def operable(runs: Iterable[Run]) -> list[Run]:
    """Select the runs that the visitor may operate, label and restore; of others, no buttons are drawn."""
    you = visitors.visitor()
    return [run for run in runs if you.may_operate(run.owner)]


def command(run_ids: Iterable[str], name: str, done: str = "", undo: Callable[[], object] | None = None) -> None:
    """Give each of the runs the command; a callback. A run that cannot do it in its state is left as it is.

    Args:
        done, undo: as ``notices.attempt`` takes them.
    """
    notices.attempt(lambda: give(run_ids, name), done, undo)


def move(run_id: str, by: int) -> None:
    """Move a waiting run among its owner's own: -1 is one place earlier; a callback."""

    def checked() -> None:
        permitted((run_id,))
        lab.service().move(run_id, by)

    notices.attempt(checked)


def give(run_ids: Iterable[str], name: str, value: float | None = None) -> None:
    """Give each of the runs the command; raise ValueError if the visitor may not operate one of them."""
    you, runs = visitors.visitor(), permitted(run_ids)
    own = [run.id for run in runs if run.owner == you.id]
    others = [run.id for run in runs if run.id not in own]
    # Of a run of somebody else's, its story says who operated it.
    for ids, by in ((own, ""), (others, you.name)):
        if ids:
            lab.service().command_all(ids, name, value, by)


def permitted(run_ids: Iterable[str]) -> list[Run]:
    """Return the runs; their buttons may be those of an old page.

    Raises:
        ValueError: if there is no such run, or the visitor may not operate one.
    """
    you = visitors.visitor()
    runs = [lab.service().existing(run_id) for run_id in run_ids]
    if anothers := next((run for run in runs if not you.may_operate(run.owner)), None):
        allowed = f"{anothers.owner_name}, who started it, or the teacher" if anothers.owner else "the teacher"
        raise ValueError(f"Run #{anothers.number} can be operated or changed only by {allowed}.")
    return runs


def present(run_ids: Iterable[str]) -> list[Run]:
    """Return those of the runs that the lab still has; raise ValueError if it has none of them."""
    if not (runs := [run for run_id in run_ids if (run := lab.service().run(run_id))]):
        raise ValueError("The lab does not have this any more: it was deleted for good.")
    return runs


def file_of(run_id: str, find: Callable[[str], Path | None]) -> Callable[[], bytes]:
    """Return what reads a file of a run when its button is pressed, as ``present`` raises where the run is gone.

    Args:
        find: returns the path of the file by the run's id.
    """

    def read() -> bytes:
        present((run_id,))
        if not (path := find(run_id)):
            raise ValueError("The run does not have this file any more.")
        return path.read_bytes()

    return read


def controls(run: Run, key: str) -> None:
    """Draw the buttons for what the run can do in its state and the visitor may do; none where that is nothing.

    Args:
        key: a prefix for the keys of the widgets.
    """
    if run.deleted is not None or not (run.going or run.resumable) or not operable([run]):
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}.operate"):
        if run.going:
            _button("Pause", ":material/pause:", run, "pause", key, "Pause here; the run can go on exactly from here.")
        else:
            _button("Resume", ":material/play_arrow:", run, "resume", key, "Continue from here.")
            _button("One step", ":material/skip_next:", run, "step", key, "Train one more step.")
            _button("One epoch", ":material/fast_forward:", run, "epoch", key, "Train to the end of the epoch.")
        st.text_input(
            "Schedule's base rate from the next step on",
            key=f"{key}.lr.{run.id}",
            placeholder=f"{run.config.lr:g} at the start",
            on_change=_set_learning_rate,
            args=(run.id, f"{key}.lr.{run.id}"),
            help="The learning rate that the schedule and the warm-up start from: the rate of a step is their share of "
            "it, and all of it with a constant schedule. Takes effect at the next step and is recorded with it.",
        )


def _button(label: str, icon: str, run: Run, name: str, key: str, help: str) -> None:
    st.button(label, icon=icon, help=help, key=f"{key}.{name}", on_click=command, args=((run.id,), name))


def _set_learning_rate(run_id: str, key: str) -> None:
    text = (st.session_state[key] or "").strip()
    if text:
        notices.attempt(lambda: give((run_id,), "learning_rate", _rate(text)))


def _rate(text: str) -> float:
    rate = LR.parse(text)
    assert isinstance(rate, float)
    return rate
