"""Predictions page: one network on the 10,000 test digits."""

import streamlit as st

from core.analysis.report import Report
from dashboard import sources, testing
from dashboard.components.clickable import clickable
from dashboard.sources import Source
from dashboard.views.predictions import compare, digit, gallery, panels, pictures

TABS = ("Confusion", "Digits", "Confidence", "Compare", "Inside")


def page() -> None:
    source = sources.choose()
    if source is None:
        return
    report = testing.report_of(source)
    clickable(pictures.overview(report, source.loss), "overview")
    for name, tab in zip(TABS, st.tabs(TABS, **gallery.STATE.kept("tab")), strict=True):
        if tab.open:
            with tab:
                _panel(name, source, report)
    digit.show(source)


def _panel(name: str, source: Source, report: Report) -> None:
    match name:
        case "Confusion":
            panels.mistakes(report)
        case "Digits":
            gallery.panel(report)
        case "Confidence":
            panels.confidence(report, source)
        case "Compare":
            compare.panel(source, report)
        case "Inside":
            panels.inside(source)


page()
