"""Test of a network on the 10,000 test digits, the same for all pages; and the section of Train that tests one."""

import streamlit as st

from core import data
from core.analysis.report import Report, report
from core.models import checkpoints
from dashboard import fields, network_files, sources, words
from dashboard.pictures import gallery
from dashboard.sources import Source

SHOWN_DIGITS = 20
HERE, FILE = "Saved in this lab", "A file of yours"


def test_digits() -> data.Digits:
    return data.load().test


def report_of(source: Source) -> Report:
    """Return the network's answers to the test digits and their figures; computed once for all visitors and pages."""
    return _report(source.digest, source)


def metrics(source: Source) -> None:
    """Draw accuracy and loss, in a horizontal container."""
    evaluation = report_of(source).evaluation
    st.metric("Accuracy on the 10,000 test digits", words.percent(evaluation.accuracy), width="content")
    st.metric("Test loss", words.loss(evaluation.loss), width="content")


def first_digits(source: Source, count: int) -> str:
    """HTML of the first test digits with the network's predictions."""
    first = test_digits()[:count]
    return gallery(first.images, first.labels, report_of(source).evaluation.predictions[:count])


# A resource, for it is large and nobody changes it: data would be pickled and copied for every visitor.
@st.cache_resource(max_entries=64, show_spinner=False)
def _report(digest: str, _source: Source) -> Report:
    return report(_source.network, test_digits(), _source.loss)


def test_section() -> None:
    """Draw the choice of a saved network or a file, and its figures."""
    st.markdown("#### Test a network")
    with st.container(key="test-a-network"):
        where = st.segmented_control("Where it is", [HERE, FILE], default=HERE, label_visibility="collapsed")
        try:
            network = _uploaded() if where == FILE else _saved()
        except ValueError as error:
            st.error(fields.explain(error))
            return
        if network is None:
            return
        with st.container(key="tested"):
            results(network)


def results(source: Source) -> None:
    """Draw the network's figures, and its answers to the first test digits."""
    with st.container(horizontal=True, gap="medium"):
        metrics(source)
    st.caption(f"The first {SHOWN_DIGITS} test digits and what the network predicts; mistakes are marked.")
    st.html(first_digits(source, SHOWN_DIGITS))


def _saved() -> Source | None:
    models = {path.stem: path for path in checkpoints.list_models()}
    if not models:
        st.caption("No network is saved yet. After a run, Save keeps it here.")
        return None
    if st.session_state.get("test.model") not in models:
        st.session_state["test.model"] = None
    name = st.selectbox("Saved network", list(models), index=None, key="test.model", placeholder="Choose one")
    return sources.from_file(models[name]) if name else None


def _uploaded() -> Source | None:
    file = network_files.drop("A file of a network", "tested")
    upload = network_files.read(file) if file else None
    if file is None or upload is None:
        return None
    if upload.finding:
        convert = " Load it on the Models page to convert it." if upload.finding.clearly_better else ""
        st.info(network_files.sentence(upload.finding) + convert)
    return sources.from_network(upload.model.network, file.name, checkpoints.trained_loss(upload.model.metadata))
