"""What the Predictions page shows, computed once for all visitors and kept by the parameters' digest.

Kept as they are, not pickled and copied for every visitor: they are large, and nobody changes them.
"""

import streamlit as st
from torch import Tensor

from core import data
from core.analysis.comparison import PairedHits, compare_hits
from core.analysis.hidden import Units, activations, units
from core.analysis.report import Report, report
from dashboard.sources import Source


def test_digits() -> data.Digits:
    return data.load().test


def report_of(source: Source) -> Report:
    """The answers to the 10,000 test digits."""
    return _report(source.digest, source)


def units_of(source: Source) -> Units:
    """The hidden units, judged on the test digits."""
    return _units(source.digest, source)


def training_activations(source: Source) -> Tensor:
    """(60000, 128) what the hidden units answer to the training digits."""
    return _training_activations(source.digest, source)


def comparison_of(first: Source, second: Source) -> PairedHits:
    return compare_hits(report_of(first).hits, report_of(second).hits)


@st.cache_resource(max_entries=128, show_spinner=False)
def _report(digest: str, _source: Source) -> Report:
    return report(_source.network, test_digits(), _source.loss)


@st.cache_resource(max_entries=32, show_spinner=False)
def _units(digest: str, _source: Source) -> Units:
    return units(_source.network, test_digits())


# 31 MB each.
@st.cache_resource(max_entries=4, show_spinner=False)
def _training_activations(digest: str, _source: Source) -> Tensor:
    return activations(_source.network, data.load().train.images)
