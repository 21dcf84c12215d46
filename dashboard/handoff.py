"""Optimizer settings carried from one page to the other."""

import streamlit as st

from core.config import RunConfig
from dashboard import forms

_FOR_SURFACES = "handoff.surfaces"


def to_train(config: RunConfig) -> None:
    """Put ``config`` into the Train page's form."""
    forms.fill(config)


def to_surfaces(config: RunConfig) -> None:
    """Leave ``config`` for the Surfaces page."""
    st.session_state[_FOR_SURFACES] = config.to_dict()


def take() -> RunConfig | None:
    """What was left for the Surfaces page, once."""
    values = st.session_state.pop(_FOR_SURFACES, None)
    return RunConfig.from_dict(values) if values else None
