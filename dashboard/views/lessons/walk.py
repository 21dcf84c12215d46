"""A lesson that walks through code: each step in the lab's own code and in Keras, with its result."""

import streamlit as st

from core import data
from core.analysis.evaluation import evaluate
from core.models import checkpoints
from core.runs.store import Run
from dashboard import lab
from dashboard.components.chart import live_chart
from dashboard.pictures import gallery
from dashboard.views.lessons import Lesson, Step
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
        st.markdown(network_table())
    elif step.shows == "curves":
        live_chart([run] if run else [], INVITATION, key=f"lesson.{lesson.key}")
    elif run and run.over and (path := lab.service().parameters_file(run.id)):
        content = path.read_bytes()
        if step.shows == "evaluation":
            accuracy, loss, _ = st.columns([1, 1, 2])
            accuracy.metric("Accuracy on the 10,000 test digits", percent(_tested(content)[1]))
            loss.metric("Test loss", f"{_tested(content)[0]:.4f}")
        elif step.shows == "predictions":
            st.html(_first_digits(content))
        elif step.shows == "file":
            read = percent(_tested(content)[1])
            st.success(
                f"The file has {len(content):,} bytes. The network loaded from it reads {read} of the test digits; "
                f"before it was saved, it read {percent(run.test_accuracy or 0.0)}.",
                icon=":material/check:",
            )
    elif step.shows in ("evaluation", "predictions", "file"):
        st.caption("The result is shown here once the network is trained.")


@st.cache_data(max_entries=32, show_spinner=False)
def _tested(content: bytes) -> tuple[float, float]:
    """Test loss and accuracy of a parameter file."""
    network, _ = checkpoints.load_parameters(content)
    result = evaluate(network, data.load().test)
    return result.loss, result.accuracy


@st.cache_data(max_entries=32, show_spinner=False)
def _first_digits(content: bytes) -> str:
    """Return the first test digits and the network's predictions, as HTML."""
    network, _ = checkpoints.load_parameters(content)
    first = data.load().test[:FIRST_DIGITS]
    return gallery(first.images, first.labels, evaluate(network, first).predictions)
