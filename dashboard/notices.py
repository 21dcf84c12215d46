"""Outcomes of actions: a toast if it was done, one sentence if it was refused.

Every action of a page that writes goes through ``attempt``, so that a full disk or a run that somebody else has
deleted is the same sentence everywhere. The frame shows it above the page. A fragment, and a dialog is one, is drawn
without the frame: those that have actions call ``place`` or ``show`` themselves. What only reads needs nothing:
``show_failure``.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import fields, lab

#: Failures of the disk and of what is on it, which every reading and writing may raise; and the end of the lab.
FAILURES = (OSError, sqlite3.Error, lab.NotRunningError)
#: All that an action may be refused with; anything else is a fault of ours.
REFUSALS = (ValueError, *FAILURES)
_DONE, _REFUSED, _UNDO = "notices.done", "notices.refused", "notices.undo"


def attempt(action: Callable[[], Any], done: str = "", undo: Callable[[], Any] | None = None) -> bool:
    """Do it, and have its outcome shown by the next drawing of the page.

    Args:
        action: the work; best called in a callback, before the page is drawn.
        done: Markdown to show once it is done; an action that knows more calls ``say`` itself.
        undo: takes the action back; ``undo_button`` offers it until the next action.

    Returns:
        True if it was done.
    """
    try:
        action()
    except REFUSALS as error:
        refuse(error)
        return False
    st.session_state.pop(_UNDO, None)
    if undo:
        st.session_state[_UNDO] = done, undo
    if done:
        say(done)
    return True


def undo_button() -> None:
    """Draw the button that takes the last action back, if it can be."""
    if offered := st.session_state.get(_UNDO):
        done, undo = offered
        st.button("Undo", icon=":material/undo:", help=done, on_click=_undo, args=(undo,), key="undo")


def _undo(undo: Callable[[], Any]) -> None:
    attempt(undo, "Undone.")


def say(text: str, *, done: bool = True) -> None:
    """Show this Markdown as a toast: that something was done, or why there is nothing to do."""
    st.session_state[_DONE] = text, ":material/check:" if done else ":material/info:"


def refuse(error: Exception) -> None:
    """Show why something cannot be done."""
    st.session_state[_REFUSED] = fields.explain(error)


def show_failure(error: Exception) -> bool:
    """Show a failure that is none of ours in place of that part of a page, or of a callback, that raised it.

    Streamlit calls it for all that a script raises, so that nothing that only reads needs to catch it. Returns False
    for any other error, a fault of ours, which Streamlit then shows itself.
    """
    if not isinstance(error, FAILURES):
        return False
    st.error(fields.explain(error), icon=":material/error:")
    return True


def place(name: str) -> None:
    """Show the pending toast or sentence, once, in a place of its own.

    So a notice that comes or goes moves nothing else to another place, where it would be mounted anew; and a sentence
    is in sight however far down the pressed button is.

    Args:
        name: of the place, for its style in main.css; each of a page has another.
    """
    with st.container(key=f"notices-{name}"):
        show()


def show() -> None:
    """Show the pending toast or sentence, once, where it is called."""
    if said := st.session_state.pop(_DONE, None):
        text, icon = said
        st.toast(text, icon=icon)
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(refused, icon=":material/error:")
