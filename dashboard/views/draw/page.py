"""Draw: digits by hand or in a picture, and the networks' predictions, stroke by stroke."""

from pathlib import Path

import streamlit as st

from core.handwriting.answers import Answer, answer
from core.handwriting.preprocessing import Steps
from dashboard.components.canvas import fit_canvas
from dashboard.components.speech import speak
from dashboard.views import draw
from dashboard.views.draw import source
from dashboard.views.draw.answer import answer_html, answer_text, others_html, several_html, several_text, steps_html
from dashboard.views.draw.network_picture import network_html
from dashboard.views.draw.networks import networks
from dashboard.views.draw.phone import phone
from dashboard.views.draw.replay import replay_section
from dashboard.views.draw.team import keep_as, team_section
from dashboard.words import literal

STYLE = Path(draw.__file__).with_name("draw.css")


def page() -> None:
    st.html(STYLE)
    fit_canvas("draw-canvas", key="draw-fitted")
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
            ways = source.canvas() if chosen == source.DRAW else source.picture(chosen)
        # What is kept and replayed is one digit.
        st.session_state["draw.way"] = ways[0] if len(ways) == 1 else None
        st.session_state["draw.count"] = len(ways)
        answers = {
            name: [answer(network, way.digit, way.doubt) for way in ways] for name, network in saved.items() if ways
        }
        with st.container(key="draw-answer"):
            name = _answer(list(saved), answers, ways)
            if damaged:
                st.caption(f"Left out, since no network could be read from it: {', '.join(map(literal, damaged))}.")
        if chosen == source.DRAW:
            with st.container(key="draw-tools"):
                source.tools()
        with st.container(key="draw-steps"):
            st.html(steps_html(ways))
        if name in answers and len(ways) == 1:
            with st.container(key="draw-network"):
                st.html(network_html(saved[name], ways[0].digit))
    if len(answers) > 1:
        with st.container(key="draw-others"):
            st.markdown("#### All saved networks")
            st.html(others_html(answers))


def _answer(names: list[str], answers: dict[str, list[Answer]], ways: list[Steps]) -> str:
    """Draw the answer of the network that is chosen below it; return that network's name."""
    if not names:
        st.info("No network is saved yet. Train one, and press Save.")
        return ""
    shown = st.container()
    name = st.selectbox("Answered by", names, key="draw.network")
    given = answers.get(name, [])
    with shown:
        if len(given) > 1:
            st.html(several_html(given, ways))
            speak(several_text(given, ways), key="draw-spoken")
        else:
            st.html(answer_html(given[0] if given else None))
            speak(answer_text(given[0] if given else None), key="draw-spoken")
    keep_as()
    return name


page()
