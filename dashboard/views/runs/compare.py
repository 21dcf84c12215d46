"""Several runs side by side: curves, figures, and settings against results."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import fields as dataclass_fields
from typing import Any

import streamlit as st

from core.runs import export
from core.runs.store import Run
from core.sweep import race
from core.training.config import RunConfig
from dashboard import address, branching, fields, lab, operating
from dashboard.components.chart import live_chart
from dashboard.components.figure import show_figure
from dashboard.components.run_table import Column, run_table
from dashboard.run_curves import MOST_LINES
from dashboard.views.runs import actions, figures, parallel, rows
from dashboard.words import config_in_full, literal, not_here, run_title, settings_in_common

OFFERED = 200
_COLUMNS = (
    Column("run", "Run", "run", classes="run"),
    rows.STATE,
    Column("best_accuracy", "Best validation", "percent", "descending", "right strong"),
    Column("best_epoch", "Best epoch", "number", classes="right middle"),
    Column("final_accuracy", "Last validation", "percent", "descending", "right wide"),
    Column("final_loss", "Validation loss", "loss", classes="right wide"),
    Column("train_loss", "Training loss", "loss", classes="right wide"),
    Column("gap", "Gap", "loss", classes="right wide"),
    Column("test_accuracy", "Test", "percent", "descending", "right middle"),
    Column("seconds", "Trained in", "seconds", classes="right wide"),
)
_RESULTS = {"best_accuracy": "Best validation accuracy", "test_accuracy": "Test accuracy", "seconds": "Seconds"}


def show() -> None:
    ids = address.ids("compare")
    runs = _runs_of(ids)
    if st.button("All runs", icon=":material/arrow_back:", type="tertiary"):
        actions.go()
    if len(runs) < len(ids[:MOST_LINES]):
        st.info(not_here(len(ids[:MOST_LINES]) - len(runs)))
    if len(ids) > MOST_LINES:
        st.info(f"These are the first {MOST_LINES} of {len(ids)} runs: more could not be told apart.")
    _chooser(runs)
    if not runs:
        st.caption("Choose two runs or more: their curves are laid over each other here.")
        return
    live_chart(runs, "", key="compare.live", lines=rows.lines(runs))
    _figures([run.id for run in runs])
    _parallel(runs)


def _chooser(runs: Sequence[Run]) -> None:
    """Draw the choice of the runs; it is kept in the address."""
    offered = {
        run.id: f"{run_title(run)} · {config_in_full(run.config, bool(run.name))}" for run in rows.latest(OFFERED)
    }
    # The chosen ones by that in which they differ.
    offered |= {run.id: name for run, name in zip(runs, rows.names(runs), strict=True)}
    st.session_state["compare.runs"] = [run.id for run in runs]
    st.multiselect(
        "Runs",
        list(offered),
        key="compare.runs",
        format_func=offered.__getitem__,
        max_selections=MOST_LINES,
        placeholder="Add a run",
        on_change=_choose,
        label_visibility="collapsed",
    )
    if len(runs) > 1:
        _difference(runs)


def _difference(runs: Sequence[Run]) -> None:
    """Say in which settings the runs differ, what they have in common, and where one has left another."""
    configs = [run.config for run in runs]
    names = [fields.label(name).lower() for name in race.differing(configs)]
    parts = f"Different: {', '.join(names)}." if names else "All have the same settings.", settings_in_common(configs)
    text = [parts[0], *([f"In common: {parts[1]}."] if parts[1] else []), *branching.departures(runs)]
    st.caption(literal(" ".join(text)))


def _choose() -> None:
    address.put(compare=",".join(st.session_state["compare.runs"]))


@st.fragment
def _figures(ids: list[str]) -> None:
    """Draw the figures of best and last epochs, kept up to date by the browser."""
    runs = _runs_of(ids)
    if not runs:
        # They were deleted for good meanwhile: the page says so.
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("#### Figures", width="content")
        with st.container(horizontal=True, width="content"):
            st.download_button(
                "CSV",
                lambda: _csv(operating.present(ids)),
                file_name="comparison.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                help="This table, with all settings.",
            )
            actions.page_download(runs, "compare", rows.lines(runs))
    source = f"/lab/runs?compare={','.join(ids)}"
    answer = run_table(_COLUMNS, table(ids), key="compare.figures", sort="best_accuracy", source=source)
    if answer.opened:
        actions.go(run=answer.opened)


def table(ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of the figures' table."""
    runs = _runs_of(ids)
    table_rows = []
    for run, (title, apart) in zip(runs, rows.names_apart(runs), strict=True):
        row = rows.row(run, apart, **asdict(figures.figures(run)))
        row["run"]["name"] = title if run.name else f"{title} {run.config.optimizer_spec.label}"
        table_rows.append(row)
    return table_rows


def _runs_of(ids: Sequence[str]) -> list[Run]:
    return [run for run_id in ids[:MOST_LINES] if (run := lab.service().run(run_id))]


def _parallel(runs: Sequence[Run]) -> None:
    """Draw parallel coordinates of the runs that are over: a chart drawn again would lose the marks on its axes."""
    over = [run for run in runs if run.over and run.epoch]
    if len(over) < 2:
        return
    st.markdown("#### Settings and results")
    columns = [figures.figures(run) for run in over]
    results = {title: [getattr(one, name) for one in columns] for name, title in _RESULTS.items()}
    # Its axes need room: on a phone it scrolls by itself.
    st.html("<style>.st-key-parallel { overflow-x: auto } .st-key-parallel > * { min-width: 44rem }</style>")
    with st.container(border=False, gap=None, key="parallel"):
        show_figure(
            parallel.parallel([run.config for run in over], results, [rows.style(run)[0] for run in over]),
            "Settings in which the runs differ, and their results",
            key="compare.parallel.figure",
            settings=settings_in_common([run.config for run in over]),
        )
    st.caption(
        "Drag along an axis to mark runs, click it to unmark them. Runs still in progress join when they are over."
    )


def _csv(runs: Sequence[Run]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    settings = [field.name for field in dataclass_fields(RunConfig)]
    writer.writerow(("run", "number", "name", "state", *figures.NAMES, *settings))
    for run in runs:
        values = export.finite(asdict(figures.figures(run)))
        named = (run.id, run.number, export.spreadsheet_text(run.name), run.state)
        writer.writerow((*named, *values.values(), *(getattr(run.config, name) for name in settings)))
    return text.getvalue().encode()
