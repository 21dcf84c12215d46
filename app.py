"""The lab's entry: ``streamlit run app.py``."""

import streamlit as st

from dashboard import access, lab, live, visitors
from dashboard.runs_page import route

app = st.App(
    "dashboard/main.py",
    lifespan=lab.lifespan,
    routes=live.routes + access.routes + route.routes,
    middleware=access.middleware + live.middleware + visitors.middleware,
)
