"""One thing to touch in each lesson, beside its formula: a control, and what core's own functions make of its value."""

from collections.abc import Callable

import streamlit as st

from core.runs.store import Run
from dashboard.views.lessons import Lesson
from dashboard.views.lessons.touches import batches, labels, network, rules, units

#: By the name in a lesson's file; each draws the control and what it changes.
TABLE: dict[str, Callable[[Lesson, Run | None], None]] = {
    "batch": batches.batch,
    "order": batches.order,
    "noise": batches.noise,
    "rate": rules.rate,
    "schedule": rules.schedule,
    "momentum": rules.momentum,
    "adaptive": rules.adaptive,
    "digit": network.digit,
    "labels": labels.labels,
    "units": units.units,
}


def touch(lesson: Lesson, run: Run | None) -> None:
    """Draw what the lesson has to touch; a change of it draws nothing else of the page.

    Args:
        run: that was started for the lesson; the first of several.
    """
    if lesson.touch:
        with st.container(border=True, key="touch"):
            _part(lesson, run)


@st.fragment
def _part(lesson: Lesson, run: Run | None) -> None:
    TABLE[lesson.touch](lesson, run)
