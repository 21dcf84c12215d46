"""Models: save and load, the library, one model in full, several together."""

import streamlit as st

from dashboard.screens import screen
from dashboard.views.models import dialogs, pictures, shelf, together
from dashboard.views.models.detail import detail


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
