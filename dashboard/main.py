"""The frame of every page: navigation, title, header."""

from pathlib import Path

import streamlit as st

from dashboard import address, lab, notices, starting, visitors
from dashboard.components.session import watch_session
from dashboard.words import literal

HEADER = """<header class="lab-title">
<h1>Descent Lab</h1><span>One small network, and everything about how it learns.</span>
</header>"""

st.set_page_config(page_title="Descent Lab", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")

page = st.navigation(
    [
        st.Page("views/train/page.py", title="Train", url_path="train", default=True),
        st.Page("views/runs/page.py", title="Runs", url_path="runs"),
        st.Page("views/sweep/page.py", title="Sweep", url_path="sweep"),
        st.Page("views/race/page.py", title="Race", url_path="race", visibility="hidden"),
        st.Page("views/surfaces/page.py", title="Surfaces", url_path="surfaces"),
        st.Page("views/landscape/page.py", title="Landscape", url_path="landscape"),
        st.Page("views/predictions/page.py", title="Predictions", url_path="predictions"),
        st.Page("views/draw/page.py", title="Draw", url_path="draw"),
        st.Page("views/models/page.py", title="Models", url_path="models"),
        st.Page("views/lessons/page.py", title="Lessons", url_path="lessons"),
    ],
    position="top",
)
address.hold()
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="header"):
    st.html(HEADER)
    visitors.control()
watch_session()
# A place of their own, since they come and go.
with st.container():
    if trouble := lab.service().trouble:
        st.error(literal(trouble), icon=":material/hard_drive:")
    starting.show_speed()
notices.place("page")
page.run()
