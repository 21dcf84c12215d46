"""Models: save and load, the library, one model in full, several together."""

import streamlit as st

from dashboard.models import dialogs, pictures, shelf, together
from dashboard.models.detail import detail
from dashboard.screens import screen


def page() -> None:
    st.html(pictures.STYLE)
    name = st.query_params.get("model")
    with screen(f"models: {name}"):
        if name is not None:
            detail(name)
            return
        dialogs.pairs()
        shelf.shelf()
        together.together()
        shelf.bin()


page()
