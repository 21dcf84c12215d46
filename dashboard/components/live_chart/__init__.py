"""The live chart: a browser component that reads runs' events from the lab's WebSocket and draws them.

Script reruns are no part of a curve's life: the component is told which runs to show and does the rest, so zoom,
legend and hover survive. It asks for one rerun, when a run that it shows ends or is paused.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from core.runs.states import PAUSED
from core.runs.store import Run
from dashboard.components import module
from dashboard.words import run_line

_FOLDER = Path(__file__).parent
#: In this order.
SCRIPTS = ("run.js", "overlay.js", "figure.js", "ranking.js", "chart.js")


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


@dataclass(frozen=True)
class Line:
    """One line of a picture of several: a run, or runs that differ in their seed, drawn as mean and band.

    Args:
        name: what sets it apart from the others; no two lines of a picture share one.
        runs: the ids of its runs.
        color: hexadecimal.
        dash: one of plotly's: solid, dash, dot, dashdot.
    """

    name: str
    runs: tuple[str, ...]
    color: str
    dash: str = "solid"


def live_chart(runs: list[Run], invitation: str, key: str, lines: Sequence[Line] = ()) -> None:
    """Draw the runs, growing live.

    Args:
        runs: what to show; none shows empty axes and the invitation.
        invitation: one sentence for someone who has not trained yet.
        lines: lays the runs over each other, with a ranking; without lines, one run is shown with all its figures.
    """
    shown = [
        {
            "id": run.id,
            "name": run_line(run),
            "settled": run.over or run.state == PAUSED,
            "message": run.message,
        }
        for run in runs
    ]
    drawn = [asdict(line) for line in lines]
    _component(data={"runs": shown, "lines": drawn, "invitation": invitation}, key=key, on_settled_change=lambda: None)
