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
    found = results.comparison_of(source, other)
    clickable(pictures.comparison([source, other], [report, second], found), "comparison")
    st.markdown(verdict(found, source, other))
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


def verdict(found: PairedHits, first: Source, second: Source) -> str:
    """What McNemar's test says, in a sentence or two."""
    if first.digest == second.digest:
        return "These are the same parameters: no answer differs."
    p = f"p = {found.p_value:.3f}" if found.p_value >= 0.001 else "p < 0.001"
    split = (
        f"On {found.only_first + found.only_second} digits only one of them is right: {found.only_first} the first, "
        f"{found.only_second} the second. McNemar's exact test: **{p}**."
    )
    if found.p_value < 0.05:
        better = "first" if found.only_first > found.only_second else "second"
        return f"{split} Chance alone rarely splits them so unevenly: the {better} is better."
    return f"{split} Chance alone often splits them so: neither is shown to be better."
