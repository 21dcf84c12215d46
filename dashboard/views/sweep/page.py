"""Sweep: one sweep (``?sweep=ID``), a race (``?runs=ID,ID``, ``?kind=race``), or a new sweep beside the list of all."""

import streamlit as st

from dashboard import address, handoff
from dashboard.screens import screen
from dashboard.views.sweep import form, listing, one, race

_KINDS = {"sweep": "Map and search", "race": "Race of one setting"}


def page() -> None:
    if study := address.get("sweep"):
        with screen(f"sweep: {study}"):
            one.show(study)
    elif any(map(address.get, ("runs", "tried"))) or address.get("kind") == "race":
        with screen("race"):
            _choice("race")
            race.show()
    else:
        with screen("sweeps"):
            _choice("sweep")
            settings, stage = st.columns([0.36, 0.64], gap="large")
            with settings:
                form.draw()
            with stage:
                listing.show()


def _choice(shown: str) -> None:
    """Draw the choice between a race and a search; it is in the address."""
    st.session_state["sweep.kind"] = shown
    st.segmented_control(
        "Kind of sweep",
        list(_KINDS),
        format_func=_KINDS.__getitem__,
        key="sweep.kind",
        required=True,
        label_visibility="collapsed",
        on_change=_turn,
    )


def _turn() -> None:
    address.only(**(handoff.RACE if st.session_state["sweep.kind"] == "race" else {}))


page()
