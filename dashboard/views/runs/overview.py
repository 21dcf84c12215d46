"""All runs: the table with actions on the chosen ones, the leaderboard, the bin.

The browser polls for the rows of a table and updates them itself; no script runs for it.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.runs import states
from core.runs.archive import BIN_SECONDS
from core.runs.store import Run
from dashboard import lab, notices, operating
from dashboard.components.run_table import Column, run_table
from dashboard.views.runs import actions, rows
from dashboard.visitors import visitor
from dashboard.words import counted

SHOWN, LEADERS = 300, 100
EMPTY = "No runs yet. Runs from the Train page appear here."
_COLUMNS = (rows.RUN, rows.STATE, rows.CURVE, rows.OWNER, rows.BEST, rows.TEST, rows.SECONDS, rows.CREATED)
_LEADERS = (
    Column("place", "Place", "number", classes="right"),
    rows.RUN,
    rows.OWNER,
    rows.BEST,
    rows.TEST,
    rows.EPOCHS,
    rows.SECONDS,
    Column("act", "", "action", sort="", classes="right"),
)
_BIN = (
    rows.RUN,
    rows.STATE,
    rows.OWNER,
    rows.BEST,
    rows.TEST,
    Column("deleted", "Deleted", "when", "descending", "right"),
)

SOURCE = "/lab/runs?view="


def _leaders() -> list[dict[str, Any]]:
    finished = [run for run in rows.latest(-1) if run.state == states.FINISHED and run.best_validation_accuracy]
    best = sorted(finished, key=lambda run: (-(run.best_validation_accuracy or 0), run.seconds or 0))[:LEADERS]
    return [rows.row(run, place=place, act="Train with this") for place, run in enumerate(best, 1)]


#: The current rows of each table, by the name that the browser polls.
VIEWS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "all": lambda: [rows.row(run) for run in rows.latest(SHOWN)],
    "every": lambda: [rows.row(run) for run in rows.latest(-1)],
    "leaders": _leaders,
    "bin": lambda: [rows.row(run, deleted=run.deleted) for run in rows.latest(-1, deleted=True)],
}


def show() -> None:
    everything, leaders, bin = st.tabs(["All runs", "Leaderboard", "Bin"], key="runs.tab", on_change="rerun")
    if everything.open:
        with everything:
            _all()
    if leaders.open:
        with leaders:
            _leaderboard()
    if bin.open:
        with bin:
            _bin()


@st.fragment
def _all() -> None:
    with st.container():
        notices.show()
    limit = st.session_state.get("runs.limit", SHOWN)
    runs = {run.id: run for run in rows.latest(limit)}
    view = "all" if limit == SHOWN else "every"
    bar = st.container(horizontal=True, vertical_alignment="center", key="runs.bar")
    answer = run_table(
        _COLUMNS,
        VIEWS[view](),
        key="runs.table",
        source=SOURCE + view,
        sort="run",
        selectable=True,
        filters=bool(runs),
        empty=EMPTY,
    )
    if answer.opened:
        actions.go(run=answer.opened)
    with bar:
        _bar(
            [runs[run_id] for run_id in answer.chosen if run_id in runs],
            [r.id for r in operating.operable(runs.values()) if r.state == states.INTERRUPTED],
        )
    if len(runs) == limit:
        st.button(f"Only the latest {limit:,} are shown. Show all", type="tertiary", on_click=_show_all)


def _show_all() -> None:
    st.session_state["runs.limit"] = -1


def _bar(chosen: list[Run], interrupted: list[str]) -> None:
    """Buttons for the chosen runs. Those that do not apply are disabled, so that none moves under the pointer."""
    ids = [run.id for run in chosen]
    operable = operating.operable(chosen)
    stoppable = [run.id for run in operable if run.state in (states.QUEUED, states.RUNNING, states.PAUSED)]
    resumable = [run.id for run in operable if run.resumable]
    if st.button("Compare", icon=":material/stacked_line_chart:", disabled=len(ids) < 2, type="primary"):
        actions.go(compare=",".join(ids))
    st.button(
        "Resume",
        icon=":material/play_arrow:",
        disabled=not resumable,
        on_click=actions.command,
        args=(resumable, "resume"),
    )
    waits = bool(chosen) and all(run.state == states.QUEUED for run in chosen)
    st.button(
        "Cancel" if waits else "Stop",
        icon=":material/stop:",
        disabled=not stoppable,
        on_click=actions.command,
        args=(stoppable, "stop"),
        help="What was trained is kept.",
        key="runs.stop",
    )
    st.button(
        "Delete",
        icon=":material/delete:",
        disabled=not chosen or not actions.deletable(chosen),
        on_click=actions.delete,
        args=(chosen,),
        help="Moves your own finished runs to the bin. The teacher may delete anyone's.",
    )
    if chosen:
        actions.downloads(ids, "runs.export")
    _places(chosen)
    _queue()
    if interrupted:
        st.button(
            f"Resume all interrupted ({len(interrupted)})",
            icon=":material/restart_alt:",
            on_click=actions.command,
            args=(interrupted, "resume"),
        )
    if len(operable) < len(chosen):
        st.caption("Only its owner or the teacher can resume or stop a run.")
    if not chosen:
        st.caption("Select runs to compare, export, resume or delete them. Click a name to open a run.")


def _places(chosen: list[Run]) -> None:
    """Buttons that move one of the visitor's queued runs among their others."""
    if len(chosen) == 1 and chosen[0].position and chosen[0].owner == visitor().id:
        for label, icon, by in (("Earlier", "arrow_upward", -1), ("Later", "arrow_downward", 1)):
            st.button(
                label,
                icon=f":material/{icon}:",
                on_click=actions.move,
                args=(chosen[0].id, by),
                help="Among your own queued runs; people take turns.",
            )


def _queue() -> None:
    """Buttons that empty the queue: of the visitor's own runs, or of all for the teacher."""
    you, all_waiting = visitor(), len(lab.service().positions())
    mine = len(lab.service().waiting(you.id))
    if mine > 1:
        st.button(
            f"Cancel all mine ({mine})",
            icon=":material/playlist_remove:",
            on_click=actions.cancel_mine,
            help="Takes all of your waiting runs out of the queue.",
            key="runs.cancel-mine",
        )
    if you.teacher and all_waiting:
        st.button(
            f"Clear the queue ({all_waiting})",
            icon=":material/clear_all:",
            on_click=actions.clear_queue,
            help="Takes everyone's waiting runs out of the queue. Runs in training go on.",
            key="runs.clear-queue",
        )


@st.fragment
def _leaderboard() -> None:
    st.caption(
        "Everyone's finished runs, ranked by their best epoch on the validation images, with epochs and time used."
    )
    answer = run_table(
        _LEADERS,
        VIEWS["leaders"](),
        key="runs.leaders",
        source=SOURCE + "leaders",
        sort="place",
        descending=False,
        empty="No run with a validation split has finished yet.",
    )
    if answer.opened:
        actions.go(run=answer.opened)
    if answer.acted and (run := lab.service().run(answer.acted)):
        actions.train_with(run.config)


@st.fragment
def _bin() -> None:
    with st.container():
        notices.show()
    runs = {run.id: run for run in rows.latest(-1, deleted=True)}
    bar = st.container(horizontal=True, vertical_alignment="center")
    answer = run_table(
        _BIN,
        VIEWS["bin"](),
        key="runs.bin",
        source=SOURCE + "bin",
        sort="deleted",
        selectable=True,
        empty="The bin is empty.",
    )
    if answer.opened:
        actions.go(run=answer.opened)
    chosen = [runs[run_id] for run_id in answer.chosen if run_id in runs]
    restorable = [run.id for run in operating.operable(chosen)]
    with bar:
        st.button(
            "Restore",
            icon=":material/restore_from_trash:",
            type="primary",
            disabled=not restorable,
            on_click=actions.restore,
            args=(restorable,),
        )
        with st.popover("Delete permanently", icon=":material/delete_forever:", disabled=not chosen):
            if actions.deletable(chosen):
                st.markdown(f"{counted(len(chosen), 'run')} and their files. This can't be undone.")
                st.button("Delete now", on_click=actions.purge, args=(chosen,))
            else:
                st.markdown("Only their owner or the teacher can delete these runs.")
        if len(restorable) < len(chosen):
            st.caption("Only its owner or the teacher can restore a run.")
        st.caption(f"Runs are kept here for {BIN_SECONDS / 86400:.0f} days.")
