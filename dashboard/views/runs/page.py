"""Runs: all of them, one of them (``?run=ID``), or several side by side (``?compare=ID,ID,...``)."""

import streamlit as st

from dashboard.screens import screen
from dashboard.views.runs import compare, one, overview


def page() -> None:
    run, several = st.query_params.get("run"), st.query_params.get("compare")
    if run is not None:
        with screen(f"run: {run}"):
            one.show(run)
    elif several is not None:
        with screen("runs side by side"):
            compare.show(several)
    else:
        with screen("runs"):
            overview.show()


page()
