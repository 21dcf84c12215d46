"""A run that trains now, on the plane of runs that are over: its marker moves as its checkpoints come in."""

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
from dashboard.words import run_line

RUN, WAY = "l-live", "l-live-way"
#: Long enough to be watched.
EPOCHS = 20


def watching() -> Run | None:
    """The run that is watched, while it trains or waits."""
    run = lab.service().run(st.session_state.get(RUN, ""))
    return run if run and not run.over else None


def place(plane: Plane) -> dict[str, Any] | None:
    """Where the watched run has been and is on the plane, as the player wants it."""
    run = watching()
    if run is None:
        return None
    way: dict[int, tuple[float, float]] = st.session_state.setdefault(WAY, {})
    found = [(0, to_flat(Network(run.config.seed))), items.live_point(run)]
    for step, point in (known for known in found if known and known[0] not in way):
        seen = plane.project(point[None])
        way[step] = float(seen.a[0]), float(seen.b[0])
    points = [way[step] for step in sorted(way)]
    return {
        "color": OPTIMIZER_COLORS[run.config.optimizer],
        "a": [a for a, _ in points],
        "b": [b for _, b in points],
    }


def section(result: Result) -> None:
    """Start a run and watch it, or say what is watched."""
    st.markdown("#### Watch a run live on this plane")
    run = watching()
    if run:
        st.caption(f"Now: {run_line(run)}. The plane stays; the large marker is where the run is.")
        st.button("Stop it", on_click=operating.command, args=((run.id,), "stop"))
        return
    ended = lab.service().run(st.session_state.get(RUN, ""))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Optimizer", list(OPTIMIZERS), key="l-live-optimizer", width=200,
                     format_func=lambda name: OPTIMIZERS[name].label)  # fmt: skip
        st.button("Train it and watch", icon=":material/play_arrow:", on_click=_start, args=(_seed(result),))
        if ended and f"run:{ended.id}" not in st.session_state[key("items")]:
            st.button(f"Add {run_line(ended)} to the picture", on_click=_add, args=(ended.id,))


def _start(seed: int) -> None:
    config = RunConfig.recommended(st.session_state["l-live-optimizer"], seed=seed, epochs=EPOCHS)
    if run_id := starting.run(config):
        st.session_state[RUN], st.session_state[WAY] = run_id, {}


def _add(run_id: str) -> None:
    chosen = key("items")
    st.session_state[chosen] = [*st.session_state[chosen], f"run:{run_id}"]


def _seed(result: Result) -> int:
    """The first run's, so that the new one starts where it did."""
    runs = (items.run_of(path.item) for path in result.paths)
    return next((run.config.seed for run in runs if run), 0)
