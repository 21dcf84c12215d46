"""Load a network, from the lab's models or from a file, and test it."""

from dataclasses import dataclass

import streamlit as st

from core import data
from core.analysis.evaluation import evaluate
from core.models import checkpoints
from dashboard.pictures import gallery
from dashboard.words import percent

SHOWN_DIGITS = 20
HERE, FILE = "Saved in this lab", "A file of yours"


@dataclass(frozen=True)
class Report:
    """How a network does on the test set; ``digits`` is HTML."""

    loss: float
    accuracy: float
    digits: str


def test_section() -> None:
    st.markdown("#### Test a network")
    with st.container(key="test-a-network"):
        source = st.segmented_control("Where it is", [HERE, FILE], default=HERE, label_visibility="collapsed")
        content = _uploaded() if source == FILE else _saved()
        if content is None:
            return
        try:
            report = _report(content)
        except checkpoints.CheckpointError as error:
            st.error(str(error))
            return
        accuracy, loss, _ = st.columns([1, 1, 2])
        accuracy.metric("Accuracy on the 10,000 test digits", percent(report.accuracy))
        loss.metric("Test loss", f"{report.loss:.4f}")
        st.caption(f"The first {SHOWN_DIGITS} test digits and what the network takes them for; mistakes are marked.")
        st.html(report.digits)


def _saved() -> bytes | None:
    models = {path.stem: path for path in checkpoints.list_models()}
    if not models:
        st.caption("No network is saved yet. After a run, Save keeps it here.")
        return None
    if st.session_state.get("test.model") not in models:
        st.session_state["test.model"] = None
    name = st.selectbox("Saved network", list(models), index=None, key="test.model", placeholder="Choose one")
    return models[name].read_bytes() if name else None


def _uploaded() -> bytes | None:
    file = st.file_uploader("Parameters, as safetensors", type="safetensors")
    return file.getvalue() if file else None


@st.cache_data(max_entries=32, show_spinner="Testing on 10,000 digits")
def _report(content: bytes) -> Report:
    """Raises CheckpointError unless ``content`` is this network's parameters."""
    network, metadata = checkpoints.load_parameters(content)
    digits = data.load().test
    result = evaluate(network, digits, checkpoints.trained_loss(metadata))
    first = digits[:SHOWN_DIGITS]
    return Report(result.loss, result.accuracy, gallery(first.images, first.labels, result.predictions[:SHOWN_DIGITS]))
