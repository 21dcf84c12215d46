"""Keeping a network in the library: the field of its name, and what has come of it, said where the button is."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from core.models import names
from core.models.library import Model
from dashboard import notices
from dashboard.views.models import pictures
from dashboard.views.models.shelf import show
from dashboard.words import literal


def name_field(label: str, wished: str, key: str, width: int | Literal["stretch"] = "stretch") -> str:
    """Draw the field of a new model's name: a free one near the name wished for, until a person has typed another."""
    state, suggested_key = st.session_state, f"{key}.suggested"
    suggested, last = names.free(pictures.library().folder, wished), state.get(suggested_key)
    # A field that was not on the page has no value; one that was emptied waits for a name of the person's own.
    if key not in state or (suggested != last and state[key] in ("", last)):
        state[key] = suggested
    state[suggested_key] = suggested
    return st.text_input(label, key=key, width=width)


def attempt(action: Callable[[], Model], done: str) -> None:
    """Run the action and open its model; or show here why it was refused. For a fragment or a dialog.

    Args:
        done: what is said once it is done, before "as" and the model's name.
    """

    def open_it() -> None:
        model = action()
        show(model.name)
        notices.say(f"{done} as {literal(model.name)}.")

    if notices.attempt(open_it):
        st.rerun()
    notices.show()
