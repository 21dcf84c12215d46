"""The findings of a run that is over: what came of it, its causes, and remedies that were tried, one click away."""

import streamlit as st

from core.analysis.advice import Advice, advise, trials
from core.analysis.findings import Finding, findings
from core.analysis.report import summary
from core.runs.curves import Curves
from core.runs.store import Run
from core.runs.trials import trials_job
from dashboard import forms, handoff, lab, run_curves, sources, testing, waiting
from dashboard.analysis import stability
from dashboard.pictures import gallery
from dashboard.words import differences, literal

#: Mistakes that are shown of a run that went well.
SHOWN_MISTAKES = 4
#: What a run's optimizer is raced against.
RACED = ("sgd", "momentum", "adam")


def section(run: Run) -> None:
    """Draw the findings."""
    st.markdown("#### What just happened")
    with st.container(key="findings"):
        curves = run_curves.curves(run)
        found = findings(run.config, curves, stability.diagnoses(run))
        if not any(finding.failed for finding in found):
            _outcome(run, curves)
        # Above the progress, which is drawn first because the cards need what it waits for.
        cards = st.container()
        requested = trials(run.config, found)
        outcomes = waiting.show(trials_job(lab.service().jobs, requested)) if requested else ()
        with cards:
            for finding in found:
                advice = None
                if outcomes is not None:
                    by_key = {trial.key: outcome for trial, outcome in zip(requested, outcomes, strict=True)}
                    advice = advise(run.config, finding, by_key)
                _card(run, finding, advice, tried=outcomes is not None)


def _card(run: Run, finding: Finding, advice: Advice | None, tried: bool) -> None:
    """Draw a finding, with its cause and its remedy once they are known."""
    with st.container(border=True, gap="small"):
        st.markdown(literal(finding.sentence))
        if advice:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{literal(advice.cause)} **Tried: {literal(advice.gain)}.**", width="stretch")
                st.button(
                    advice.remedy.action,
                    key=f"remedy.{finding.kind}",
                    icon=":material/edit_note:",
                    help="Fills in the form, with everything else as in this run. "
                    + " · ".join(differences([advice.remedy.config, run.config])[:1]),
                    on_click=forms.fill,
                    args=(advice.remedy.config,),
                )
            if advice.others:
                st.caption(f"Tried beside it: {literal(advice.others)}.")
        elif tried and finding.causes:
            st.caption("No remedy that could be tried made it better.")


def _outcome(run: Run, curves: Curves) -> None:
    """Say what the run's network reads, and show ways on from it."""
    path = lab.service().parameters_file(run.id)
    if not path:
        return
    try:
        source = sources.from_file(path)
    except ValueError:
        # Deleted meanwhile.
        return
    report = testing.report_of(source)
    digits = testing.test_digits()
    started = bool(len(curves.steps)) and (not curves.epochs or curves.epochs[0].epoch == 0)
    st.markdown(literal(summary(report, "From guessing to " if started else "")))
    wrong = (~report.hits).nonzero().flatten()
    shown = wrong.tolist()[:SHOWN_MISTAKES]
    if shown:
        st.html(gallery(digits.images[shown], digits.labels[shown], report.evaluation.predictions[shown]))
    with st.container(horizontal=True, key="ways-on"):
        if st.button("All of its answers", icon=":material/fact_check:", type="tertiary"):
            st.switch_page("views/predictions/page.py", query_params={"run": run.id})
        if st.button(
            "Race its optimizer against others", icon=":material/flag:", type="tertiary", on_click=_to_race, args=(run,)
        ):
            st.switch_page("views/sweep/page.py", query_params=handoff.RACE)


def _to_race(run: Run) -> None:
    # In a callback: the page's form is filled before it is drawn.
    handoff.to_race(run.config, "optimizer", [run.config.optimizer, *RACED])
