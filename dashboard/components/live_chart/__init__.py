"""The live chart: a browser component that reads runs' events from the lab's WebSocket and draws them.

Script reruns are no part of a curve's life: the component is told which runs to show and does the rest, so zoom,
legend and hover survive. It asks for one rerun, when a run that it shows ends or is paused.
"""

from pathlib import Path

import streamlit as st

from core.runs.states import PAUSED
from core.runs.store import Run
from dashboard.components import module
from dashboard.words import run_label

_FOLDER = Path(__file__).parent
#: In this order.
SCRIPTS = ("run.js", "figure.js", "chart.js")


def script() -> str:
    """The component's JavaScript as one ES module."""
    return module(_FOLDER / name for name in SCRIPTS)


_component = st.components.v2.component(
    "descent_live_chart",
    html=(_FOLDER / "chart.html").read_text(),
    css=(_FOLDER / "chart.css").read_text(),
    js=script(),
    # plotly.js puts its style sheet into the document's head, where a shadow root would not see it.
    isolate_styles=False,
)


def live_chart(runs: list[Run], invitation: str, key: str) -> None:
    """Draw the runs, growing live.

    Args:
        runs: what to show; none shows empty axes and the invitation.
        invitation: one sentence for someone who has not trained yet.
    """
    shown = [
        {
            "id": run.id,
            "name": run_label(run),
            "settled": run.over or run.state == PAUSED,
            "message": run.message,
        }
        for run in runs
    ]
    _component(data={"runs": shown, "invitation": invitation}, key=key, on_settled_change=lambda: None)
