"""The live chart: a browser component that draws runs' events as they arrive on the lab's WebSocket.

Script reruns draw nothing: the component gets the ids of the runs and does the rest, so zoom, legend and hover survive.
It requests one rerun, when a run that it shows ends or is paused.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from core.runs.states import PAUSED
from core.runs.store import Run
from dashboard.components.modules import component_script
from dashboard.components.style import chart_style
from dashboard.words import config_in_full, counted, run_line, run_title, settings_in_common

_FOLDER = Path(__file__).parent

_component = st.components.v2.component(
    "descent_live_chart",
    html=(_FOLDER / "chart.html").read_text(),
    css=chart_style(_FOLDER / "chart.css"),
    js=component_script("chart/chart.js"),
    # plotly.js puts its style sheet into the document's head, where a shadow root would not see it.
    isolate_styles=False,
)


@dataclass(frozen=True)
class Line:
    """Line of an overlay: a run, or runs that differ in their seed, drawn as mean and band.

    Args:
        name: unique in the picture.
        runs: ids of its runs.
        color: as in ``#1d6a96``.
        dash: one of plotly's: solid, dash, dot, dashdot.
    """

    name: str
    runs: tuple[str, ...]
    color: str
    dash: str = "solid"


def live_chart(runs: list[Run], invitation: str, key: str, lines: Sequence[Line] = ()) -> None:
    """Draw the runs, growing live.

    Args:
        runs: without any, empty axes and the invitation are shown.
        invitation: one sentence for someone who has not trained yet.
        lines: the runs laid over each other, with a ranking; without lines, one run is shown with all its figures.
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
    # What stands above a saved picture.
    about = {"title": "Training", "settings": ""}
    if lines:
        about = {
            "title": f"{counted(len(runs), 'run')} compared",
            "settings": settings_in_common([run.config for run in runs]),
        }
    elif runs:
        about = {"title": run_title(runs[0]), "settings": config_in_full(runs[0].config)}
    _component(
        data={"runs": shown, "lines": drawn, "invitation": invitation, "about": about},
        key=key,
        on_settled_change=lambda: None,
    )
