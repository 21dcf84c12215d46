"""The findings of a run that is over; each remedy is one click away from the form."""

import streamlit as st

from core.analysis.findings import findings
from core.runs.store import Run
from dashboard import forms, run_curves
from dashboard.analysis import stability
from dashboard.words import differences


def section(run: Run) -> None:
    """Draw the findings."""
    st.markdown("#### What just happened")
    with st.container(key="findings"):
        matches = findings(run.config, run_curves.curves(run), stability.diagnoses(run))
        if not matches:
            st.caption("Nothing stands out: no sign of divergence, overfitting, bouncing or a rate that is too small.")
        for finding in matches:
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.markdown(finding.sentence, width="stretch")
                if finding.remedy:
                    st.button(
                        finding.action,
                        key=f"remedy.{finding.kind}",
                        icon=":material/edit_note:",
                        help="Fills in the form, with everything else as in this run. "
                        + " · ".join(differences([finding.remedy, run.config])[:1]),
                        on_click=forms.fill,
                        args=(finding.remedy,),
                    )
