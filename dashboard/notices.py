"""Outcomes of actions: a toast if it was done, one sentence if it was refused.

Every action of a page that writes goes through ``attempt``, so that a full disk or a run that somebody else has
deleted is the same sentence everywhere. The frame shows it above the page. A fragment, and a dialog is one, is drawn
without the frame: those that have actions call ``show`` themselves.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import fields

#: All that an action may be refused with; anything else is a fault of ours.
REFUSALS = (ValueError, OSError, sqlite3.Error)
_DONE, _REFUSED = "notices.done", "notices.refused"


def attempt(action: Callable[[], Any], done: str = "") -> bool:
    """Do it, and have its outcome shown by the next drawing of the page.

    Args:
        action: the work; best called in a callback, before the page is drawn.
        done: Markdown to show once it is done; an action that knows more calls ``say`` itself.

    Returns:
        True if it was done.
    """
    try:
        action()
    except REFUSALS as error:
        refuse(error)
        return False
    if done:
        say(done)
    return True


def say(done: str) -> None:
    """Show this Markdown as a toast."""
    st.session_state[_DONE] = done


def refuse(error: Exception) -> None:
    """Show why something cannot be done."""
    st.session_state[_REFUSED] = fields.explain(error)


def show() -> None:
    """Show the pending toast or sentence, once."""
    if done := st.session_state.pop(_DONE, ""):
        st.toast(done, icon=":material/check:")
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(refused, icon=":material/error:")
