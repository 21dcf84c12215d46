"""Sharpness of the study's runs and models at chosen moments of their training."""

import streamlit as st

from core.analysis.sharpness import SAMPLE, Sharpness, sharpness
from core.landscape.study import Path2D, Result
from core.training.network import from_flat
from dashboard import fields
from dashboard.views.landscape import items
from dashboard.words import literal

MOMENTS = "l-moments"
REQUESTED = "l-sharpness-requested"
END = "end"


def request(player: str) -> None:
    """Add the moment at the player's cursor to those that are measured."""
    _add(float(st.session_state[player].inspect or 0.0))
    st.session_state[REQUESTED] = True


def take_request() -> bool:
    """Return True once after a request: the part of the page below the player has to be drawn anew."""
    return bool(st.session_state.pop(REQUESTED, False))


def _add(moment: float | str) -> None:
    moments = st.session_state.setdefault(MOMENTS, [])
    if moment not in moments:
        moments.append(moment)


def section(result: Result) -> None:
    """Draw the table of measurements, and the button for the ends."""
    st.markdown("#### Sharpness")
    st.caption(
        "The largest eigenvalue of the loss's Hessian: how strongly the loss bends where it bends most. "
        "Full-batch gradient descent is stable only with a learning rate below 2 divided by it. "
        f"Measured on {SAMPLE:,} training images, the same on every page."
    )
    moments = st.session_state.get(MOMENTS, [])
    if END not in moments:
        st.button("Measure at the ends", icon=":material/straighten:", on_click=_add, args=(END,))
    if not moments:
        return
    rows = []
    try:
        with st.spinner("Measuring"):
            for moment in moments:
                for path in result.paths:
                    place = len(path.steps) - 1 if moment == END else int(abs(path.epochs - float(moment)).argmin())
                    rows.append(_row(path, place, result.study.loss))
    except ValueError as error:
        # The picture is kept in a file: what it is of may be gone, or not to be replayed.
        st.error(fields.explain(error), icon=":material/error:")
    if not rows:
        return
    head = "| Run | Epoch | Largest eigenvalue | Stable below a rate of |\n|---|--:|--:|--:|\n"
    st.markdown(head + "\n".join(dict.fromkeys(rows)))


def _row(path: Path2D, place: int, loss: str) -> str:
    """Return a line of the table; three digits, as on the Train page."""
    measured = measure(path.item, int(path.steps[place]), loss)
    # Of a run that stopped soon after its start two decimals say nothing.
    epoch = f"{path.epochs[place]:{'.2g' if 0 < path.epochs[place] < 0.1 else '.2f'}}" if path.about else "-"
    note = "" if measured.converged else " (not converged)"
    limit = f"{measured.largest_stable_rate:.3g}" if measured.value > 0 else "-"
    return f"| {literal(path.label)} | {epoch} | {measured.value:.3g}{note} | {limit} |"


@st.cache_data(max_entries=500, show_spinner=False)
def measure(item: str, step: int, loss: str) -> Sharpness:
    """Sharpness of a run after ``step`` steps, or of a model; the item fixes its content, so a result stays true."""
    return sharpness(from_flat(items.point_of(item, step)), loss)
