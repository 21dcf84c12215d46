"""A closer look at a run or its settings: one of three analyses, chosen by a person."""

import streamlit as st

from core.runs.store import Run
from dashboard import forms
from dashboard.analysis import lr_finder, stability, weight_step

LR_FINDER, STABILITY, STEP = "Learning-rate finder", "Stability and layers", "One step in numbers"


def closer_look(form: forms.Form, run: Run | None) -> None:
    """Draw the choice and the chosen analysis.

    Args:
        form: the settings on the page.
        run: the run on the page.
    """
    st.markdown("#### A closer look")
    with st.container(key="closer-look"):
        chosen = st.segmented_control(
            "Analysis", [LR_FINDER, STABILITY, STEP], default=LR_FINDER, key="closer", label_visibility="collapsed"
        )
        if chosen == STABILITY:
            stability.section(run)
        elif chosen == STEP:
            if config := run.config if run else form.config:
                weight_step.step_in_numbers([config], key="train", run=run)
        else:
            lr_finder.section(form, run)
