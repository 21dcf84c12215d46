"""The lab's entry: ``streamlit run app.py``."""

import streamlit as st

from dashboard import access, lab, live, visitors

app = st.App(
    "dashboard/main.py",
    lifespan=lab.lifespan,
    routes=live.routes + access.routes,
    middleware=access.middleware + live.middleware + visitors.middleware,
)
