"""The former address of races, ``/race``: it leads to the same race on the Sweep page."""

import streamlit as st

from dashboard import address, handoff

named = {"runs": address.get("runs"), "tried": address.get("tried") or address.get("sweep")}
st.switch_page("views/sweep/page.py", query_params={name: ids for name, ids in named.items() if ids} or handoff.RACE)
