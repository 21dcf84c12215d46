"""Sharpness: the largest eigenvalue of the loss's Hessian at chosen moments of the study's runs."""

import streamlit as st
import torch

from core.analysis.sharpness import SAMPLE, Sharpness, sharpness
from core.landscape.study import Path2D, Result, Study
from core.training.network import from_flat
from dashboard.views.landscape import items

MOMENTS = "l-moments"
ASKED = "l-asked"
END = "end"


def measure_here(player: str) -> None:
    """Note that the moment which the player asks for shall be measured."""
    _add(float(st.session_state[player].inspect or 0.0))
    st.session_state[ASKED] = True


def asked() -> bool:
    """Whether the player has asked since this was called last: the page below it has to be drawn anew."""
    return bool(st.session_state.pop(ASKED, False))


def _add(moment: float | str) -> None:
    moments = st.session_state.setdefault(MOMENTS, [])
    if moment not in moments:
        moments.append(moment)


def section(result: Result) -> None:
    """What was measured, and the button for the ends."""
    st.markdown("#### Sharpness")
    st.caption(
        "The largest eigenvalue of the loss's Hessian: how strongly the loss bends where it bends most. "
        "Full-batch gradient descent can stay only where its learning rate is below 2 divided by it. "
        f"Measured on {SAMPLE:,} training images, always the same."
    )
    moments = st.session_state.get(MOMENTS, [])
    if END not in moments:
        st.button("Measure it at the ends", icon=":material/straighten:", on_click=_add, args=(END,))
    if not moments:
        return
    rows = []
    with st.spinner("Measuring"):
        for moment in moments:
            for path in result.paths:
                place = len(path.steps) - 1 if moment == END else int(abs(path.epochs - float(moment)).argmin())
                rows.append(_row(result.study, path, place))
    head = "| Run | Epoch | Largest eigenvalue | Stable below a rate of |\n|---|--:|--:|--:|\n"
    st.markdown(head + "\n".join(dict.fromkeys(rows)))


def _row(study: Study, path: Path2D, place: int) -> str:
    found = _measured(path.item, int(path.steps[place]), study.loss)
    epoch = f"{path.epochs[place]:.2f}" if path.about else "-"
    about = "" if found.converged else " (not converged)"
    limit = f"{2 / found.value:.3g}" if found.value > 0 else "-"
    return f"| {path.label.replace('|', '/')} | {epoch} | {found.value:.4g}{about} | {limit} |"


@st.cache_data(max_entries=500, show_spinner=False)
def _measured(item: str, step: int, loss: str) -> Sharpness:
    """Of a run's parameters after ``step`` steps, or of a model."""
    study = Study("random", (item,), "training", SAMPLE, loss=loss)
    (track,) = items.gather(study, lambda share: None)
    point = track.points[int((torch.from_numpy(track.steps) == step).nonzero()[0])]
    return sharpness(from_flat(point), loss)
