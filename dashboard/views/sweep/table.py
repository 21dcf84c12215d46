"""The trials of a sweep as the lab's table of runs: a row per setting, which opens its run."""

from typing import Any

import streamlit as st

from core.sweep import view
from core.sweep.view import Trial, View
from dashboard import lab
from dashboard.colors import line_style
from dashboard.components.run_table import Column, run_table
from dashboard.views.sweep.wording import TONES, bare, label, value_in_words


def show(sweep: View) -> None:
    """Draw the table, closed while the sweep runs: the picture says what happens."""
    if not sweep.trials:
        return
    columns = [
        Column("run", "Setting", "run", classes="run"),
        Column("state", "State", "state"),
        Column("accuracy", "Validation", "percent", "descending", "right strong"),
        Column("loss", "Validation loss", "loss", classes="right wide"),
        Column("epochs", "Epochs", "number", "descending", "right wide"),
        Column("seeds", "Seeds", "number", "descending", "right wide"),
    ]
    running = sweep.state == view.RUNNING
    with st.expander("All settings", not running, key=f"sweep.all.{sweep.id}.{running}", on_change="rerun") as part:
        # A row per setting, hundreds of kilobytes at every drawing, for those alone who look at them.
        if not part.open:
            return
        answer = run_table(columns, _rows(sweep.id, sweep.revision, sweep), key="sweep.trials", sort="accuracy")
        if answer.opened:
            st.switch_page("views/runs/page.py", query_params={"run": answer.opened})


@st.cache_resource(max_entries=16, show_spinner=False)
def _rows(sweep_id: str, revision: int, _sweep: View) -> list[dict[str, Any]]:
    """Make the rows once for all who look at the same revision of a sweep."""
    # The same choice again has the same runs.
    return list({t.runs[0]: _row(t, _sweep.settings.space.names) for t in _sweep.trials if t.runs}.values())


def _row(trial: Trial, names: list[str]) -> dict[str, Any]:
    run = lab.service().run(trial.runs[0])
    settings = " · ".join(
        f"{label(name).lower()} {value_in_words(name, trial.chosen[name])}" for name in names if name in trial.chosen
    )
    color, dash = line_style(trial.number)
    return {
        "id": trial.runs[0],
        "label": f"setting {trial.number + 1}",
        "search": settings,
        "fields": {bare(name): value for name, value in trial.chosen.items()},
        "created": run.created if run else 0.0,
        "facets": {"state": [trial.state], "owner": [], "tag": []},
        "order": {"run": trial.number, "state": view.TRIAL_STATES.index(trial.state)},
        "run": {"name": f"Setting {trial.number + 1}", "settings": settings, "tags": [], "color": color, "dash": dash},
        "state": {"text": trial.state, "tone": TONES.get(trial.state, "gray")},
        "accuracy": trial.accuracy,
        "loss": trial.loss,
        "epochs": trial.epochs,
        "seeds": len(trial.runs),
    }
