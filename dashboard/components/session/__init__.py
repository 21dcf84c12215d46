"""The way back to the sign-in, and the phone's menu that closes: a component without a face, on every page.

A lab that has got another key refuses the sockets of the pages that are open, and Streamlit would show "401" for ever.
"""

import streamlit as st

from dashboard.components.modules import component_script

_component = st.components.v2.component("descent_session", js=component_script("session/session.js"))


def watch_session() -> None:
    """Have the page loaded again, which leads to the sign-in, once the lab refuses its key."""
    with st.container(key="session"):
        st.html("<style>div:has(> .st-key-session) { position: absolute; }</style>")
        _component()
