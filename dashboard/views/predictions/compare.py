"""Two networks on the same test digits."""

import streamlit as st
from torch import Tensor

from core.analysis.comparison import PairedHits
from core.analysis.report import Report
from dashboard import sources, testing
from dashboard.components.clickable import clickable
from dashboard.sources import Source
from dashboard.views.predictions import gallery, pictures, results

ONLY_FIRST, ONLY_SECOND = "Only the first is right", "Only the second is right"
BOTH_WRONG, DIFFERENT = "Both are wrong", "They differ"


def panel(source: Source, report: Report) -> None:
    other = sources.choose("Compare with", second=True)
    if other is None:
        st.caption("Choose a second network to see where the two differ.")
        return
    second = testing.report_of(other)
    hits = results.comparison_of(source, other)
    clickable(pictures.comparison([source, other], [report, second], hits), "comparison")
    st.markdown(verdict(hits, source, other))
    shown = st.segmented_control(
        "Digits",
        **gallery.STATE.many("differ", [ONLY_FIRST, ONLY_SECOND, DIFFERENT, BOTH_WRONG], ONLY_FIRST),
        required=True,
        on_change=gallery.to_first_page,
        label_visibility="collapsed",
    )
    answers = [report.evaluation.predictions, second.evaluation.predictions]
    wanted = _wanted(shown, report, second)
    gallery.paged(wanted.nonzero()[:, 0].tolist(), answers, "differ")


def _wanted(shown: str, first: Report, second: Report) -> Tensor:
    if shown == DIFFERENT:
        return first.evaluation.predictions != second.evaluation.predictions
    if shown == BOTH_WRONG:
        return ~first.hits & ~second.hits
    return first.hits & ~second.hits if shown == ONLY_FIRST else second.hits & ~first.hits


def verdict(hits: PairedHits, first: Source, second: Source) -> str:
    """Put the result of McNemar's test into a sentence or two."""
    if first.digest == second.digest:
        return "These are the same parameters: all predictions are equal."
    p = f"p = {hits.p_value:.3f}" if hits.p_value >= 0.001 else "p < 0.001"
    split = (
        f"On {hits.only_first + hits.only_second} digits only one of them is right: {hits.only_first} the first, "
        f"{hits.only_second} the second. McNemar's exact test: **{p}**."
    )
    if hits.p_value < 0.05:
        better = "first" if hits.only_first > hits.only_second else "second"
        return f"{split} So uneven a split is rare by chance: the {better} is better."
    return f"{split} Such a split is common by chance: neither is shown to be better."
