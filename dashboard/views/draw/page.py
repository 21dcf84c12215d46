"""Draw: a digit by hand or in a picture, and the networks' predictions, stroke by stroke."""

from pathlib import Path

import streamlit as st

from core.handwriting.answers import Answer, answer
from dashboard.components.canvas import hide_toolbar
from dashboard.components.speech import speak
from dashboard.views import draw
from dashboard.views.draw import source
from dashboard.views.draw.answer import answer_html, answer_text, others_html, steps_html
from dashboard.views.draw.networks import networks
from dashboard.views.draw.phone import phone
from dashboard.views.draw.replay import replay_section
from dashboard.views.draw.team import keep_as, team_section
from dashboard.words import literal

STYLE = Path(draw.__file__).with_name("draw.css")


def page() -> None:
    st.html(STYLE)
    hide_toolbar("draw-canvas", key="draw-no-toolbar")
    _drawing()
    replay_section()
    team_section()


@st.fragment
def _drawing() -> None:
    """Draw the source and everything that a stroke changes; nothing else of the page runs again."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        chosen = source.choose()
        with st.container(key="draw-phone", width="content"):
            phone()
    saved, damaged = networks()
    with st.container(key="draw-board"):
        with st.container(key="draw-canvas"):
            way = source.canvas() if chosen == source.DRAW else source.picture(chosen)
        st.session_state["draw.way"] = way
        answers = {name: answer(network, way.digit) for name, network in saved.items()} if way else {}
        with st.container(key="draw-answer"):
            _answer(list(saved), answers, way.doubt if way else None)
            if damaged:
                st.caption(f"Left out, since no network could be read from it: {', '.join(map(literal, damaged))}.")
        if chosen == source.DRAW:
            with st.container(key="draw-tools"):
                source.tools()
        with st.container(key="draw-steps"):
            st.html(steps_html(way))
    if len(answers) > 1:
        with st.container(key="draw-others"):
            st.markdown("#### All saved networks")
            st.html(others_html(answers))


def _answer(names: list[str], answers: dict[str, Answer], doubt: str | None) -> None:
    if not names:
        st.info("No network is saved yet. Train one, and press Save.")
        return
    shown = st.container()
    name = st.selectbox("Answered by", names, key="draw.network")
    with shown:
        st.html(answer_html(answers.get(name), doubt))
        speak(answer_text(answers.get(name), doubt), key="draw-spoken")
    keep_as()


page()
