"""Speech: words that a screen reader says when they change, and that nobody sees.

The element must be there before its words change: HTML that a rerun replaces is not spoken.
"""

import streamlit as st

from dashboard.components.modules import component_script

_component = st.components.v2.component(
    "descent_speech",
    html='<p role="status" style="position: absolute; width: 1px; height: 1px; overflow: hidden; '
    'clip-path: inset(50%); margin: 0"></p>',
    js=component_script("speech/speech.js"),
)


def speak(text: str, key: str) -> None:
    """Have a screen reader say the plain text, unless it has said it last."""
    _component(data=text, key=key, height=1)
