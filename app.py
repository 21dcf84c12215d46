"""The lab's entry: ``streamlit run app.py``."""

import streamlit as st

from dashboard import lab, live

app = st.App("dashboard/main.py", lifespan=lab.lifespan, routes=live.routes)
