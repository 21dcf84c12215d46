"""Results that the Predictions page shows, computed once for all visitors and cached by the parameters' digest.

Kept as resources, not pickled and copied for every visitor: they are large, and nobody changes them.
"""

import streamlit as st
from torch import Tensor

from core import data
from core.analysis.comparison import PairedHits, compare_hits
from core.analysis.hidden import Units, activations, units
from dashboard.sources import Source
from dashboard.testing import report_of, test_digits


def units_of(source: Source) -> Units:
    """Return the hidden units, measured on the test digits."""
    return _units(source.digest, source)


def training_activations(source: Source) -> Tensor:
    """Return the (60000, 128) activations of the hidden units on the training digits."""
    return _training_activations(source.digest, source)


def comparison_of(first: Source, second: Source) -> PairedHits:
    return compare_hits(report_of(first).hits, report_of(second).hits)


@st.cache_resource(max_entries=32, show_spinner=False)
def _units(digest: str, _source: Source) -> Units:
    return units(_source.network, test_digits())


# 31 MB each.
@st.cache_resource(max_entries=4, show_spinner=False)
def _training_activations(digest: str, _source: Source) -> Tensor:
    return activations(_source.network, data.load().train.images)
