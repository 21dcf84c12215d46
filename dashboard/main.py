"""The frame of every page: navigation, title, header."""

from pathlib import Path

import streamlit as st

from dashboard import lab, visitors

HEADER = """<style>
.lab-title { display: flex; align-items: baseline; gap: 0.8rem; }
.lab-title h1 { font-size: 1.35rem; font-weight: 650; padding: 0; margin: 0; white-space: nowrap; }
.lab-title span { opacity: 0.7; }
@media (max-width: 640px) { .lab-title span { display: none; } }
</style>
<header class="lab-title">
<h1>Descent Lab</h1><span>One small network, and everything about how it learns.</span>
</header>"""

st.set_page_config(page_title="Descent Lab", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")

page = st.navigation(
    [
        st.Page("views/train.py", title="Train", default=True),
        st.Page("views/runs.py", title="Runs"),
        st.Page("views/race.py", title="Race"),
        st.Page("views/surfaces.py", title="Surfaces"),
        st.Page("views/landscape.py", title="Landscape"),
        st.Page("views/predictions.py", title="Predictions"),
        st.Page("views/draw.py", title="Draw"),
        st.Page("views/models.py", title="Models"),
        st.Page("views/lessons.py", title="Lessons"),
    ],
    position="top",
)
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="header"):
    st.html(HEADER)
    visitors.control()
if trouble := lab.service().trouble:
    st.error(trouble, icon=":material/hard_drive:")
page.run()
