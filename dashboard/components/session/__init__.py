"""Duties of every page without a face: the way back to the sign-in, the phone's menu, the browser's history, what was
typed into a select box, and the top of a new screen.

A lab that has got another key refuses the sockets of the pages that are open, and Streamlit would show "401" for ever.
A restarted lab, and one that has forgotten a visitor, who was away for minutes, gives the page a new session, where
Streamlit draws nothing: it would lose the first press of each button. So the page says that it is back.
"""

import streamlit as st

from dashboard.components.modules import component_script

_component = st.components.v2.component("descent_session", js=component_script("session/session.js"))
_top = st.components.v2.component("descent_screen", js=component_script("session/screen.js"))


@st.fragment
def watch_session() -> None:
    """Keep the history, the phone's menu and what is typed in order; load the page again if the lab refuses its key.

    Back after a lost connection, a session that knows this part draws nothing else; a new one draws the whole page.
    """
    with st.container(key="session"):
        _component(on_back_change=lambda: None)


def begin_at_top(screen: str) -> None:
    """Scroll the page to its top whenever another screen is shown than the last one."""
    with st.container(key="screen"):
        _top(data={"screen": screen})
