"""The page's state as its address: whoever opens the link sees the same picture."""

from collections.abc import Container, Mapping
from typing import Any

import streamlit as st

DEFAULTS = {
    "plane": "pca", "part": "test", "images": "2000", "size": "51", "loss": "cross_entropy", "seed": "0"
}  # fmt: skip
#: Widgets whose values outlive a visit to another page.
KEPT: dict[str, Any] = {"persist_state": "session"}


def key(name: str) -> str:
    """The session-state key of a control."""
    return f"l-{name}"


def said(name: str) -> Any:
    """What the control says."""
    return st.session_state[key(name)]


def read(choices: Mapping[str, Container[str]], items: list[str]) -> None:
    """Let the controls begin as the address says, where the session does not know better.

    Args:
        choices: of the controls that have some; what is none of them becomes the default.
        items: what is chosen where the address names nothing.
    """
    for name, default in DEFAULTS.items():
        st.session_state.setdefault(key(name), st.query_params.get(name, default))
    for name, allowed in choices.items():
        if said(name) not in allowed:
            st.session_state[key(name)] = DEFAULTS[name]
    named = st.query_params.get("items")
    st.session_state.setdefault(key("items"), named.split(",") if named else items)


def write(items: list[str]) -> None:
    """Only what is not the default, so that links stay short."""
    wanted = {name: str(said(name)) for name, default in DEFAULTS.items() if str(said(name)) != default}
    if items:
        wanted["items"] = ",".join(items)
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)
