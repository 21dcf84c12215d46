"""Runs: all of them, one of them (``?run=ID``), or several side by side (``?compare=ID,ID,...``)."""

import streamlit as st

from dashboard.runs_page import compare, one, overview


def page() -> None:
    if "run" in st.query_params:
        one.show(st.query_params["run"])
    elif "compare" in st.query_params:
        compare.show(st.query_params["compare"])
    else:
        overview.show()


page()
