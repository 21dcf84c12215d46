"""Actions on a sweep: pause, resume, stop, more budget, files, name and notes, removal."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.sweep import view
from core.sweep.settings import MINUTES, TRIALS
from core.sweep.view import Summary, View
from dashboard import address, fields, freezing, lab, labelling, notices
from dashboard.views.sweep import form
from dashboard.views.sweep.document import document
from dashboard.visitors import visitor

_STATE = address.State("sweep.more.", {"trials": "20", "minutes": ""})


def may_operate(sweep: Summary) -> bool:
    """Return True if the visitor may operate the sweep: by the rule of runs."""
    return visitor().may_operate(sweep.owner)


def act(sweep_id: str, action: Callable[[], object], done: str = "") -> None:
    """Do something with a sweep that the visitor may operate; a callback. The page may be an old one."""

    def checked() -> None:
        sweep = next((own for own in lab.sweeps().summaries() if own.id == sweep_id), None)
        if sweep is None:
            raise ValueError("This lab does not have the sweep any more.")
        if not may_operate(sweep):
            who = f"{sweep.owner_name}, who started it, or the teacher" if sweep.owner else "the teacher"
            raise ValueError(f"The sweep can be operated or changed only by {who}.")
        action()

    notices.attempt(checked, done)


def draw(sweep: View) -> None:
    """Draw the buttons for what the sweep can do in its state and the visitor may do, and the downloads."""
    sweeps, own = lab.sweeps(), sweep.id
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep-actions"):
        if may_operate(sweep):
            if sweep.state == view.RUNNING:
                _button("Pause", ":material/pause:", own, lambda: sweeps.pause(own), "Its runs wait where they are.")
            if sweep.state in (view.PAUSED, view.STOPPED, view.FAILED):
                _button("Resume", ":material/play_arrow:", own, lambda: sweeps.resume(own), "Goes on where it was.")
            if sweep.state in (view.RUNNING, view.PAUSED):
                _button("Stop", ":material/stop:", own, lambda: sweeps.stop(own), "Ends now; what is done stays.")
            _more(sweep)
        if st.button("Sweep again", icon=":material/tune:", help="Its settings in the form, to change and start."):
            form.fill(sweep.settings)
            address.only()
            st.rerun()
        _file(sweep, "CSV", view.csv_text, "text/csv", "A row per setting that was tried.")
        _file(sweep, "JSON", view.json_text, "application/json", "All of the sweep, with every epoch.")
        freezing.download(
            lambda theme: document(sweeps.view(own) or sweep, theme), f"sweep-{own[:6]}.html", "sweep.page"
        )
        if may_operate(sweep) and sweep.state != view.RUNNING:
            with st.popover("Remove", icon=":material/delete:"):
                st.markdown("The sweep is removed for good; its runs stay among all runs.")
                st.button("Remove the sweep", type="primary", on_click=_remove, args=(own,))


def _button(name: str, icon: str, sweep_id: str, action: Callable[[], object], help: str) -> None:
    st.button(name, icon=icon, help=help, key=f"sweep.{name}", on_click=act, args=(sweep_id, action))


def _more(sweep: View) -> None:
    with st.popover("More budget", icon=":material/add:"):
        st.text_input("Further settings", **_STATE.text("trials"), help=fields.help_text(TRIALS))
        st.text_input("Further minutes", **_STATE.text("minutes"), help=fields.help_text(MINUTES))
        st.caption("A limit that is used up, and left empty here, is lifted.")
        st.button("Go on with more", type="primary", on_click=_give, args=(sweep.id,))


def _give(sweep_id: str) -> None:
    def give() -> None:
        trials, minutes = str(_STATE["trials"]).strip(), str(_STATE["minutes"]).strip()
        more = int(str(TRIALS.parse(trials))) if trials else None
        longer = float(str(MINUTES.parse(minutes))) if minutes else None
        if more is None and longer is None:
            raise ValueError("Enter how many further settings or minutes the sweep shall have.")
        lab.sweeps().give(sweep_id, more, longer)

    act(sweep_id, give)


def _file(sweep: View, kind: str, write: Callable[[View], str], mime: str, help: str) -> None:
    def content() -> bytes:
        return write(lab.sweeps().view(sweep.id) or sweep).encode()

    st.download_button(
        kind,
        content,
        file_name=f"sweep-{sweep.id[:6]}.{kind.lower()}",
        mime=mime,
        icon=":material/download:",
        key=f"sweep.{kind}",
        on_click="ignore",
        help=help,
    )


def _remove(sweep_id: str) -> None:
    def remove() -> None:
        lab.sweeps().delete(sweep_id)
        address.only()

    act(sweep_id, remove, "The sweep is removed.")


def labels(sweep: View) -> None:
    """Draw the form of name and notes; for those who may not edit them, the notes."""
    if not may_operate(sweep):
        if sweep.notes:
            with st.expander("Notes", expanded=True):
                st.text(sweep.notes)
        return
    stored = {"name": sweep.name, "notes": sweep.notes}
    labelling.form("Name and notes", sweep.id, stored, partial(_save_labels, sweep.id))


def _save_labels(sweep_id: str, **changed: str) -> None:
    act(sweep_id, lambda: lab.sweeps().edit(sweep_id, **changed), "Saved.")
