"""A page that shows one of several screens: a list, one thing of it, several side by side."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.components.session import begin_at_top

_SHOWN = "screens.shown"


def screen(name: str) -> DeltaGenerator:
    """Return the container for a page's screen, which begins at the page's top.

    Streamlit keeps the elements of the last drawing until the page is drawn to its end, so for as long as that takes
    the old screen would stand below the new one, and be clicked. Two places that take turns have the old one emptied
    before the new one begins.

    Args:
        name: which screen of all the lab's it is; under the same name a screen is drawn in place.
    """
    begin_at_top(name)
    shown, place = st.session_state.get(_SHOWN, ("", 0))
    if name != shown:
        place = 1 - place
        st.session_state[_SHOWN] = name, place
    if place:
        st.empty()
        return st.container()
    container = st.container()
    st.empty()
    return container
