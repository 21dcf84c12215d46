"""Optimizer settings carried from one page to another."""

import streamlit as st

from core.config import RunConfig


def offer(page: str, config: RunConfig) -> None:
    """Leave ``config`` for ``page``, which takes it when it is drawn next."""
    st.session_state[f"handoff.{page}"] = config.to_dict()


def take(page: str) -> RunConfig | None:
    """What was left for ``page``, once."""
    values = st.session_state.pop(f"handoff.{page}", None)
    return RunConfig.from_dict(values) if values else None
