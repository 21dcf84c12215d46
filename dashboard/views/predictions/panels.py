"""Panels of the Predictions page that show one network: confusion, confidence, inside."""

import re

import streamlit as st
import torch
from torch import Tensor

from core.analysis.hidden import Units
from core.analysis.report import Report
from dashboard import confusion
from dashboard.components.clickable import clickable
from dashboard.components.figure import show_figure
from dashboard.sources import Source
from dashboard.views.predictions import gallery, pictures, plots, results
from dashboard.views.predictions.gallery import STATE
from dashboard.words import percent

#: Digits beside the matrix.
PER_CELL = 24
NORM, VOTE, ACTIVITY, UNIT = "Norm", "Class voted for", "Activity", "Number"


def mistakes(report: Report) -> None:
    """Draw the matrix; a click on a cell shows its digits."""
    left, right = st.columns([0.46, 0.54], gap="large")
    with right, st.container(horizontal=True, vertical_alignment="bottom"):
        wrong = report.confusion - report.confusion.diag().diag()
        label, answer = gallery.choose_pair(*divmod(int(wrong.argmax()), 10))
    with left:
        clickable(confusion.table(report.confusion, (label, answer)), "confusion", _cell_clicked)
        st.caption(f"Click a cell to see its digits. {confusion.LEGEND}")
    with right:
        numbers = gallery.pair(label, answer, report).tolist()
        gallery.paged(numbers, [report.evaluation.predictions], "cell", per_page=PER_CELL)
    clickable(pictures.scores(report.scores, report.confusion), "scores")


def _cell_clicked(value: str) -> None:
    if re.fullmatch("[0-9]-[0-9]", value):
        st.session_state["p-true"], st.session_state["p-said"] = int(value[0]), int(value[2])
        gallery.to_first_page()


def confidence(report: Report, source: Source) -> None:
    """Draw the calibration, and the accuracy if uncertain digits are refused."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### Calibration")
        show_figure(plots.reliability(report.calibration), "Calibration", key="reliability", settings=source.label)
        st.caption(
            f"The digits in {len(report.calibration.counts)} bins by confidence, the probability of the answer. Bars: "
            "how many are right, with a point at their mean confidence; dotted line: as many as the confidence says. "
            f"The mean distance of the two is the expected calibration error, {percent(report.calibration.error)} "
            "(Guo et al. 2017)."
        )
    with right:
        st.markdown("##### Refusing uncertain digits")
        place = st.container()
        threshold = st.slider("Refuse below a confidence of", 0, 100, format="%d%%", **STATE.text("refuse", 90))
        curve, n = report.refusal, len(report.hits)
        answered, hits = int(curve.answered[threshold]), int(curve.hits[threshold])
        with place:
            show_figure(
                plots.refusal(curve, threshold, n), "Refusing uncertain digits", key="refusal", settings=source.label
            )
        if answered:
            st.caption(
                f"At {threshold}% it answers {answered:,} of {n:,} digits and is right on "
                f"{percent(hits / answered)}: {answered - hits} mistakes are left of {report.mistakes}."
            )
        else:
            st.caption(f"No digit is answered with a confidence of {threshold}%.")


def inside(source: Source) -> None:
    """Draw the first layer's weights as images, and each class's template."""
    units = results.units_of(source)
    st.markdown("##### Class templates")
    clickable(pictures.templates(units), "templates")
    st.caption(
        "Blue: ink here raises the class's logit above the mean of all ten; orange: it lowers it. Each picture is the "
        "mean gradient over the class's own test digits, so a hidden unit counts as often as it is active on them."
    )
    st.markdown("##### The 128 hidden units")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.segmented_control("Sort by", required=True, **STATE.many("sort", [NORM, VOTE, ACTIVITY, UNIT], NORM))
        same = st.toggle("One scale for all", **STATE.text("scale", False))
    dead = int(units.dead.sum())
    are = {0: "none is dead", 1: "1 is dead"}.get(dead, f"{dead} are dead")
    st.caption(
        "Weights from the 784 pixels; below each the class whose logit the unit raises most, and the weights' norm. "
        f"Of the 128, {are}: never active on any of the 10,000 test digits."
    )
    clickable(pictures.weights(units, _order(units, order).tolist(), same), "weights")


def _order(units: Units, by: str) -> Tensor:
    """Return the units' numbers in order; among those with the same class, the largest norm first."""
    by_norm = units.norms.argsort(descending=True, stable=True)
    if by == VOTE:
        return by_norm[units.votes[by_norm].argsort(stable=True)]
    if by == ACTIVITY:
        return units.activity.argsort(descending=True, stable=True)
    return by_norm if by == NORM else torch.arange(len(units.norms))
