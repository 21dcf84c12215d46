"""The lab's entry: ``streamlit run app.py``."""

import streamlit as st

from dashboard import access, assets, boundary, lab, late_requests, notices, stream, visitors
from dashboard.views.runs import route

late_requests.install()
app = st.App(
    "dashboard/main.py",
    lifespan=lab.lifespan,
    routes=stream.routes + assets.routes + access.routes + route.routes,
    on_script_error=notices.show_failure,
    middleware=boundary.middleware + access.middleware + stream.middleware + visitors.middleware,
)
