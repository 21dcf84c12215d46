"""A lesson that walks through code: each step in the lab's own code and in Keras, with its result."""

import streamlit as st

from core.runs.store import Run
from dashboard import lab, sources, testing
from dashboard.components.chart import live_chart
from dashboard.views.lessons import Lesson, Step
from dashboard.views.lessons.touches import touch
from dashboard.words import network_table, percent

INVITATION = "Press Run it. The network trains here, and the other steps show their results."
FIRST_DIGITS = 4


def walk(lesson: Lesson, run: Run | None) -> None:
    """Draw the lesson's steps; ``run`` is the run that was started for it."""
    for place, step in enumerate(lesson.steps, 1):
        st.markdown(f"##### {place}. {step.title}")
        st.markdown(step.text)
        core, keras = st.columns(2)
        core.caption("This lab")
        core.code(step.core.strip(), language="python")
        keras.caption("Keras")
        keras.code(step.keras.strip(), language="python")
        _result(step, lesson, run)


def _result(step: Step, lesson: Lesson, run: Run | None) -> None:
    if step.shows == "network":
        table, beside = st.columns(2)
        table.markdown(network_table())
        with beside:
            touch(lesson, run)
    elif step.shows == "curves":
        live_chart([run] if run else [], INVITATION, key=f"lesson.{lesson.key}")
    elif run and run.over and (path := lab.service().parameters_file(run.id)):
        source = sources.from_file(path)
        if step.shows == "evaluation":
            with st.container(horizontal=True, gap="medium"):
                testing.metrics(source)
        elif step.shows == "predictions":
            st.html(testing.first_digits(source, FIRST_DIGITS))
        elif step.shows == "file":
            st.success(
                f"The file has {path.stat().st_size:,} bytes. The network loaded from it reads "
                f"{percent(testing.report_of(source).evaluation.accuracy)} of the test digits; "
                f"before it was saved, it read {percent(run.test_accuracy)}.",
                icon=":material/check:",
            )
    elif step.shows in ("evaluation", "predictions", "file"):
        st.caption("The result is shown here once the network is trained.")
