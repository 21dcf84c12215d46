"""A sweep of three settings or more: what was found, and what matters; what is marked in one figure is in all."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Protocol

import plotly.graph_objects as go
import streamlit as st

from core.sweep.view import RUNNING, View
from dashboard import address, lab, waiting
from dashboard.components.figure import show_figure
from dashboard.views.sweep import search_figures as figures
from dashboard.views.sweep.drawings import drawn_once
from dashboard.views.sweep.wording import choice, in_common, label, result
from dashboard.words import counted, literal

_STATE = address.State("sweep.pair.", {"x": "", "y": ""})
#: In the session: the sweep, the figure in which trials were marked, and their numbers.
_MARKED = "sweep.marked"
#: In the session: the sweep whose importance was shown last, and that.
_IMPORTANCE = "sweep.importance"
#: Marked trials that are named in words.
NAMED = 5


class Draw(Protocol):
    """Make a figure of a sweep, in which some trials are marked."""

    def __call__(self, sweep: View, *, marked: Collection[int]) -> go.Figure: ...


def show(sweep: View) -> None:
    """Draw history, parallel coordinates, slices and a contour."""
    trials = figures.scored(sweep)
    if not trials:
        st.caption("The figures grow here when the first run has ended its first epoch.")
        return
    source, marked = _marked(sweep)
    above = st.container()
    # First, though below: who has chosen another pair of settings waits for this one, and the others stay as they are.
    _contour(sweep, marked)
    with above:
        _said(sweep, marked)
        _figure(sweep, figures.history, marked, "Accuracy of each setting, and the best so far", "history")
        st.markdown("#### Settings and results")
        st.html(
            "<style>.st-key-sweep-parallel { overflow-x: auto } .st-key-sweep-parallel > * { min-width: 44rem }</style>"
        )
        with st.container(gap=None, key="sweep-parallel"):
            own = () if source == "parallel" else marked
            _figure(sweep, figures.parallel, own, "Settings through to their accuracy", "parallel")
        st.caption(
            "Drag along an axis, or draw a box in another figure, to mark settings: they are then marked in all."
        )
        slices(sweep, marked)


def slices(sweep: View, marked: Collection[int]) -> None:
    """Draw accuracy against each setting, two figures side by side."""
    if not figures.scored(sweep):
        return
    dimensions = sweep.settings.space.dimensions
    st.markdown("#### Each setting by itself" if len(dimensions) > 1 else "#### Result by value")
    for start in range(0, len(dimensions), 2):
        columns = st.columns(2) if len(dimensions) > 1 else [st.container()]
        for column, dimension in zip(columns, dimensions[start : start + 2], strict=False):
            with column:
                chart = partial(figures.slices, dimension=dimension)
                title = f"Accuracy against {label(dimension.name).lower()}"
                _figure(sweep, chart, marked, title, f"slice.{dimension.name}")


def _contour(sweep: View, marked: Collection[int]) -> None:
    """Draw the contour of a chosen pair of settings that are numbers."""
    ordered = {d.name: d for d in sweep.settings.space.dimensions if d.ordered}
    if len(ordered) < 2:
        return
    st.markdown("#### Two settings together")
    left, right = st.columns(2)
    with left:
        x = st.selectbox("Across", **_STATE.choice("x", list(ordered)), format_func=label)
    with right:
        y = st.selectbox("Up", **_STATE.choice("y", [name for name in ordered if name != x]), format_func=label)
    title = f"{label(x)} and {label(y).lower()}: validation accuracy"
    _figure(sweep, partial(figures.contour, x=ordered[x], y=ordered[y]), marked, title, "contour")
    st.caption("Points are settings; the colours between them are interpolated, and the other settings differ.")


def importance(sweep: View) -> None:
    """Draw each setting's importance with its spread, once enough settings have finished.

    While it is computed anew, the last one stays.
    """
    job = lab.sweeps().importance(sweep.id)
    if job is None:
        return
    st.markdown("#### What matters")
    own, last = st.session_state.get(_IMPORTANCE, ("", None))
    last = last if own == sweep.id else None
    if last is not None and sweep.state == RUNNING and not job.status().done:
        # The next drawing shows it.
        job.start()
        found = last
    else:
        found = waiting.show(job, draw=None if last is None else lambda _: None)
        found = last if found is None else found
    if found is None:
        return
    st.session_state[_IMPORTANCE] = sweep.id, found
    if not found:
        st.caption("It cannot be told yet: too many of the settings that have finished are equally good.")
    else:
        figure = drawn_once(sweep, f"importance {found[0].trials}", partial(figures.importance, found))
        show_figure(figure, "Importance of each setting", key=f"importance.{sweep.id}")
        st.caption(
            f"The share of each setting in being among the best {found[0].best:,} (PED-ANOVA). The line is the 5th to "
            f"the 95th percentile over resamples of the {found[0].trials:,} settings that had finished or diverged."
        )


# What is marked


def _marked(sweep: View) -> tuple[str, Collection[int]]:
    own, source, numbers = st.session_state.get(_MARKED, ("", "", ()))
    return (source, numbers) if own == sweep.id else ("", ())


def _mark(study_id: str, source: str, names: Sequence[str]) -> None:
    """Mark the trials; a callback. The names come from a browser."""
    numbers = tuple(int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 9)
    st.session_state[_MARKED] = (study_id, source, numbers)


def _figure(sweep: View, draw: Draw, marked: Collection[int], title: str, name: str) -> None:
    show_figure(
        drawn_once(sweep, f"{title} {sorted(marked)}", partial(draw, sweep, marked=marked)),
        title,
        key=f"sweep.{sweep.id}.{name}",
        settings=in_common(sweep),
        on_click=lambda number: _mark(sweep.id, name, [number]),
        on_select=lambda numbers: _mark(sweep.id, name, numbers),
    )


def _said(sweep: View, marked: Collection[int]) -> None:
    """Name the marked settings, with the ways to their runs."""
    if not marked:
        return
    trials = sorted((t for t in sweep.trials if t.number in marked), key=lambda t: -(t.accuracy or 0.0))
    with st.container(border=True, gap="xsmall", key="sweep-marked"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{counted(len(trials), 'setting')} marked**")
            st.button("Unmark all", icon=":material/close:", type="tertiary", on_click=_mark, args=("", "", ()))
        for trial in trials[:NAMED]:
            text = f"{literal(choice(trial.chosen))}: {literal(result(trial))}"
            if st.button(text, key=f"marked.{trial.number}", type="tertiary", disabled=not trial.runs):
                st.switch_page("views/runs/page.py", query_params={"run": trial.runs[0]})
