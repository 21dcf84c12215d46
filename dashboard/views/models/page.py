"""Models: save and load, the library, one model in full, several together."""

import streamlit as st

from dashboard import address
from dashboard.screens import screen
from dashboard.views.models import dialogs, pictures, shelf, together
from dashboard.views.models.detail import detail


def page() -> None:
    st.html(pictures.STYLE)
    name = address.get("model")
    with screen(f"models: {name}"):
        if name:
            detail(name)
            return
        dialogs.pairs()
        shelf.shelf()
        together.together()
        shelf.bin()


page()
