"""The map of a sweep of two settings: it fills while the sweep runs, and a cell opens its run."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.sweep.view import View
from dashboard import address, lab, notices
from dashboard.components.clickable import clickable
from dashboard.components.figure import show_figure
from dashboard.views.sweep import map_figure, map_table
from dashboard.views.sweep.drawings import drawn_once
from dashboard.views.sweep.wording import in_common, label, title

ACCURACY, LOSS = "Validation accuracy", "Validation loss"
_STATE = address.State("map-", {"color": ACCURACY}, linked=True)


def controls(sweep: View) -> Callable[[View], object]:
    """Draw the choice of the colour, which is in the address, and return what draws the map."""
    color = st.segmented_control(
        "Colour", required=True, label_visibility="collapsed", **_STATE.many("color", [ACCURACY, LOSS])
    )
    return lambda now: _map(now, "loss" if color == LOSS else "accuracy")


def _map(sweep: View, figure_of: str) -> None:
    if not sweep.trials:
        st.caption("The map fills here when the first run has ended its first epoch.")
        return
    y, x = map_figure.axes(sweep.settings.space)
    show_figure(
        drawn_once(sweep, f"map {figure_of}", partial(map_figure.figure, sweep, figure_of)),
        f"{title(sweep)}: validation {figure_of} of {len(sweep.trials):,} settings",
        key=f"map.{sweep.id}.{figure_of}",
        settings=in_common(sweep),
        on_click=_open,
    )
    _go()
    said = [f"A cell is one setting of {label(x.name).lower()} and {label(y.name).lower()}; press it to open its run."]
    if sweep.settings.seeds > 1:
        said.append(f"Each is the mean of {sweep.settings.seeds} seeds.")
    if sweep.settings.prune:
        said.append("One that was stopped early keeps its latest colour.")
    st.caption(" ".join(said))
    with st.expander("The map as a table"):
        clickable(map_table.html(sweep, figure_of), key=f"map.table.{sweep.id}", on_click=_open)


def _open(run_id: str) -> None:
    """Note that a run shall be opened, or say that it is gone; a callback, which cannot change the page."""
    if lab.service().run(run_id):
        st.session_state["map.open"] = run_id
    else:
        notices.say("The run of this setting was deleted; its figures stay here.", done=False)


def _go() -> None:
    if run_id := st.session_state.pop("map.open", None):
        st.switch_page("views/runs/page.py", query_params={"run": run_id})
