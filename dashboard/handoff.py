"""Optimizer settings carried from one page to the other."""

import streamlit as st

from core.training.config import RunConfig
from dashboard import forms

_FOR_SURFACES, _PARENT = "handoff.surfaces", "handoff.parent"


def to_train(config: RunConfig, parent: str | None = None) -> None:
    """Put ``config`` into the Train page's form.

    Args:
        parent: the run whose fork the next run is.
    """
    forms.fill(config)
    st.session_state[_PARENT] = parent


def parent() -> str | None:
    """The run that the form's settings are a fork of."""
    return st.session_state.get(_PARENT)


def forget_parent() -> None:
    """The fork has been trained; what comes next is no fork."""
    st.session_state.pop(_PARENT, None)


def to_surfaces(config: RunConfig) -> None:
    """Leave ``config`` for the Surfaces page."""
    st.session_state[_FOR_SURFACES] = config.to_dict()


def take() -> RunConfig | None:
    """What was left for the Surfaces page, once."""
    values = st.session_state.pop(_FOR_SURFACES, None)
    return RunConfig.from_dict(values) if values else None
