"""Figures of a sweep, drawn once for all who look at it."""

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st

from core.sweep.view import View
from dashboard.components.figure import Drawing, drawing


def drawn_once(sweep: View, name: str, draw: Callable[[], go.Figure]) -> Drawing:
    """Return what ``draw`` draws of this revision of a sweep; ``name`` is the figure's, with all that it depends on."""
    return _drawing(sweep.id, sweep.revision, name, draw)


@st.cache_resource(max_entries=256, show_spinner=False)
def _drawing(sweep_id: str, revision: int, name: str, _draw: Callable[[], go.Figure]) -> Drawing:
    return drawing(_draw())
