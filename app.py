"""The lab's entry: ``streamlit run app.py``."""

import sys
from pathlib import Path

import streamlit as st

from dashboard import access, assets, boundary, lab, late_requests, notices, script_starts, stream, visitors
from dashboard.views.runs import route

# Streamlit puts this folder into the list for each run of a page and takes it out again; another thread that looks
# through the list meanwhile would skip an entry, and not find its module. It leaves alone what is there.
sys.path.append(str(Path(__file__).with_name("dashboard")))
late_requests.install()
script_starts.install()
app = st.App(
    "dashboard/main.py",
    lifespan=lab.lifespan,
    routes=stream.routes + assets.routes + access.routes + route.routes,
    on_script_error=notices.show_failure,
    middleware=boundary.middleware + access.middleware + stream.middleware + visitors.middleware,
)
