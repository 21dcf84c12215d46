"""The live chart: a browser component that draws runs' events as they arrive on the lab's WebSocket.

Script reruns draw nothing: the component gets the ids of the runs and does the rest, so zoom, legend and hover survive.
It requests a rerun when a run that it shows ends, is paused or goes on, by whomever: the page offers other actions.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from core.runs.store import Run
from dashboard import lab
from dashboard.components.modules import component_script
from dashboard.components.standalone import Part
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
    data = {**_data(runs, lines), "invitation": invitation}
    for run, shown in zip(runs, data["runs"], strict=True):
        shown["drawn"] = {"state": run.state, "seq": lab.service().newest(run.id)}
    _component(data=data, key=key, on_changed_change=lambda: None)


def still(runs: Sequence[Run], lines: Sequence[Line], messages: Mapping[str, Sequence[str]]) -> Part:
    """Return the chart for a page that stands alone.

    Args:
        runs, lines: as of ``live_chart``.
        messages: by run id, what viewers have been sent of it.
    """
    recorded = {run_id: [json.loads(message) for message in sent] for run_id, sent in messages.items()}
    markup, css = ((_FOLDER / f"chart.{kind}").read_text("utf-8") for kind in ("html", "css"))
    return Part("chart/chart.js", markup, css, {**_data(runs, lines), "recorded": recorded})


def _data(runs: Sequence[Run], lines: Sequence[Line]) -> dict[str, Any]:
    shown = [
        {
            "id": run.id,
            "name": run_line(run),
            "message": run.message,
            # It begins at the parent's step, also where its own epochs have other numbers of steps.
            "shift": (run.parent_step or run.first_step) - run.first_step,
        }
        for run in runs
    ]
    # What stands above a saved picture.
    about = {"title": "Training", "settings": ""}
    if lines:
        about = {
            "title": f"{counted(len(runs), 'run')} compared",
            "settings": settings_in_common([run.config for run in runs]),
        }
    elif runs:
        about = {"title": run_title(runs[0]), "settings": config_in_full(runs[0].config)}
    return {"runs": shown, "lines": [asdict(line) for line in lines], "about": about}
