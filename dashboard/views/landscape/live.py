"""A run in progress on the plane of runs that are over: its marker moves with every checkpoint."""

from typing import Any

import streamlit as st

from core.landscape.planes import Plane
from core.landscape.study import Result
from core.optimizers import OPTIMIZERS
from core.runs.store import Run
from core.training.config import RunConfig
from core.training.network import Network, to_flat
from dashboard import lab, operating, starting
from dashboard.colors import OPTIMIZER_COLORS
from dashboard.views.landscape import items
from dashboard.views.landscape.address import key
from dashboard.words import literal, run_line

RUN, PATH = "l-live", "l-live-path"
#: Enough for a run that can be followed by eye.
EPOCHS = 20


def watched() -> Run | None:
    """Return the run that this visitor watches, while it trains or waits."""
    run = lab.service().run(st.session_state.get(RUN, ""))
    return run if run and not run.over else None


def marker(plane: Plane, study: str) -> dict[str, Any] | None:
    """Return the watched run's places on the plane so far, as the player takes them; None without such a run.

    Args:
        study: the key of the plane's: places on another plane are others.
    """
    run = watched()
    if run is None:
        return None
    path: dict[int, tuple[float, float, float]]
    of, path = st.session_state.get(PATH, (study, {}))
    if of != study:
        path = {}
    st.session_state[PATH] = study, path
    points = [(0, to_flat(Network(run.config.seed, run.config.initialization))), items.live_point(run)]
    for step, point in (known for known in points if known and known[0] not in path):
        projection = plane.project(point[None])
        path[step] = float(projection.a[0]), float(projection.b[0]), float(projection.distance[0])
    places = (path[step] for step in sorted(path))
    coordinates = dict(zip(("a", "b", "distance"), map(list, zip(*places, strict=True)), strict=True))
    return {"color": OPTIMIZER_COLORS[run.config.optimizer], **coordinates}


def section(result: Result) -> None:
    """Draw the button that trains a run to watch, or the one that stops it."""
    st.markdown("#### Watch a run live on this plane")
    run = watched()
    if run:
        st.caption(f"Now: {literal(run_line(run))}. The plane stays; the large marker is the run.")
        if operating.operable([run]):
            st.button("Stop", on_click=operating.command, args=((run.id,), "stop"))
        return
    ended = lab.service().run(st.session_state.get(RUN, ""))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Optimizer", list(OPTIMIZERS), key="l-live-optimizer", width=200,
                     format_func=lambda name: OPTIMIZERS[name].label)  # fmt: skip
        st.button("Train and watch", icon=":material/play_arrow:", on_click=_start, args=(_start_of(result),))
        if ended and f"run:{ended.id}" not in st.session_state[key("items")]:
            st.button(f"Add {literal(run_line(ended))} to the picture", on_click=_add, args=(ended.id,))


def _start(given: dict[str, Any]) -> None:
    config = RunConfig.recommended(st.session_state["l-live-optimizer"], **given, epochs=EPOCHS)
    if run_id := starting.run(config, again=True):
        st.session_state[RUN] = run_id
        st.session_state.pop(PATH, None)


def _add(run_id: str) -> None:
    chosen = key("items")
    st.session_state[chosen] = [*st.session_state[chosen], f"run:{run_id}"]


def _start_of(result: Result) -> dict[str, Any]:
    """Return what fixes the first run's first weights, so that the new one starts from the same."""
    runs = (items.run_of(path.item) for path in result.paths)
    config = next((run.config for run in runs if run), RunConfig())
    return {"seed": config.seed, "initialization": config.initialization}
