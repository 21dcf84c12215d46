"""Curves of runs, and their lines in a live chart: one per lane of a race."""

from collections.abc import Sequence

import streamlit as st

from core.runs.curves import Curves, curves_in
from core.runs.store import Run
from core.sweep.race import lanes_of
from dashboard import lab, stream
from dashboard.colors import DASHES, HUES, OPTIMIZER_COLORS, OPTIMIZER_DASHES, line_style
from dashboard.components.chart import Line, live_chart
from dashboard.words import counted, differences

#: Lines of one chart: so many look different.
MOST_LINES = len(HUES) * len(DASHES)


def curves(run: Run) -> Curves:
    """Return the curves that the run has recorded so far."""
    return _recorded(run.id, run.ended) if run.over else _read(run.id)


# A million steps have 24 MB.
@st.cache_data(max_entries=16, show_spinner=False)
def _recorded(run_id: str, ended: float | None) -> Curves:
    """Return the curves of a run that ended at ``ended``: part of the cache key, since a resumed run ends again."""
    return _read(run_id)


def _read(run_id: str) -> Curves:
    return curves_in(lab.service().history(run_id))


def live(runs: Sequence[Run], invitation: str, key: str, names: Sequence[str] | None = None) -> None:
    """Draw the live chart of runs, a line per lane; where those are too many for one chart, the first, and say so.

    Args:
        invitation, key: as of ``live_chart``.
        names: as of ``lines``; of so few runs that all are drawn.
    """
    lanes = lanes_of([run.config for run in runs]) if runs else []
    drawn = [lane[: stream.MOST_RUNS] for lane in lanes[:MOST_LINES]]
    while sum(map(len, drawn)) > stream.MOST_RUNS:
        drawn.pop()
    shown = [runs[i] for i in sorted(i for lane in drawn for i in lane)]
    live_chart(shown, invitation, key=key, lines=lines(shown, names) if shown else ())
    if len(drawn) < len(lanes):
        st.caption(f"Curves of the first {len(drawn)} of {counted(len(lanes), 'setting')}: a chart shows no more.")


def lines(runs: Sequence[Run], names: Sequence[str] | None = None) -> list[Line]:
    """One line per lane, named by the settings that differ; with the optimizers' own colours where optimizers race.

    Args:
        names: one per run, for runs that each have a line and a name of their own.
    """
    if names is not None:
        styles = _styles([run.config.optimizer for run in runs])
        return [Line(name, (run.id,), *style) for name, run, style in zip(names, runs, styles, strict=True)]
    groups = [[runs[i] for i in group] for group in lanes_of([run.config for run in runs])]
    first = [group[0].config for group in groups]
    names = differences(first)
    names = [f"{name} ({names[:i].count(name) + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]
    styles = _styles([config.optimizer for config in first])
    return [
        Line(name, tuple(run.id for run in group), color, dash)
        for name, group, (color, dash) in zip(names, groups, styles, strict=True)
    ]


def _styles(optimizers: Sequence[str]) -> list[tuple[str, str]]:
    """Return colour and dash of each line: its optimizer's own, where several race and each line has another one."""
    if 1 < len(set(optimizers)) == len(optimizers):
        return [(OPTIMIZER_COLORS[name], OPTIMIZER_DASHES[name]) for name in optimizers]
    return [line_style(i) for i in range(len(optimizers))]
