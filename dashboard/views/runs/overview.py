"""All runs: the table with actions on the chosen ones, the leaderboard, the bin.

The browser polls for the rows of a table and updates them itself; no script runs for it.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.runs import states
from core.runs.archive import BIN_SECONDS
from core.runs.store import Run
from dashboard import address, lab, notices, operating
from dashboard.components.run_table import Column, run_table
from dashboard.views.runs import actions, leaderboard, rows
from dashboard.visitors import visitor
from dashboard.words import counted

SHOWN = 300
_TABLE, _BINNED, _PURGING = "runs.table", "runs.bin", "runs.purging"
EMPTY = "No runs yet. Runs from the Train page appear here."
_COLUMNS = (rows.RUN, rows.STATE, rows.CURVE, rows.OWNER, rows.BEST, rows.TEST, rows.SECONDS, rows.CREATED)
_BIN = (
    rows.RUN,
    rows.STATE,
    rows.OWNER,
    rows.BEST,
    rows.TEST,
    Column("deleted", "Deleted", "when", "descending", "right"),
)

ALL, LEADERBOARD, BIN = "All runs", "Leaderboard", "Bin"
#: From so many runs on, an action asks first.
MANY = 10
_STATE = address.State("", {"view": ALL}, linked=True)


#: The current rows of each table, by the name that the browser polls.
VIEWS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "all": lambda: [rows.row(run) for run in rows.latest(SHOWN)],
    "every": lambda: [rows.row(run) for run in rows.latest(-1)],
    "leaders": lambda: leaderboard.leaders(persons=False),
    "persons": lambda: leaderboard.leaders(persons=True),
    "bin": lambda: [rows.row(run, deleted=run.deleted) for run in rows.latest(-1, deleted=True)],
}


def show() -> None:
    everything, leaders, bin = st.tabs([ALL, LEADERBOARD, BIN], on_change="rerun", **_STATE.kept("view"))
    if everything.open:
        with everything:
            _all()
    if leaders.open:
        with leaders:
            leaderboard.show()
    if bin.open:
        with bin:
            _bin()


def _bar_container() -> DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="center", key="runs.bar")


@st.fragment
def _all() -> None:
    notices.place("runs")
    limit = st.session_state.get("runs.limit", SHOWN)
    runs = {run.id: run for run in rows.latest(limit)}
    view = "all" if limit == SHOWN else "every"
    bar = _bar_container()
    answer = run_table(
        _COLUMNS,
        VIEWS[view](),
        key=_TABLE,
        source=rows.SOURCE + view,
        sort="run",
        selectable=True,
        filters=bool(runs),
        empty=EMPTY,
    )
    if answer.opened:
        actions.go(run=answer.opened)
    shown = runs if answer.interrupted is None else answer.interrupted
    interrupted = [runs[run_id] for run_id in shown if run_id in runs and runs[run_id].state == states.INTERRUPTED]
    with bar:
        _bar(
            [runs[run_id] for run_id in answer.chosen if run_id in runs],
            [run.id for run in operating.operable(interrupted)],
        )
    if len(runs) == limit:
        st.button(f"Only the latest {limit:,} are shown. Show all", type="tertiary", on_click=_show_all)


def _show_all() -> None:
    st.session_state["runs.limit"] = -1


def _bar(chosen: list[Run], interrupted: list[str]) -> None:
    """Buttons for the chosen runs. Those that do not apply are disabled, so that none moves under the pointer."""
    ids = [run.id for run in chosen]
    operable = operating.operable(chosen)
    stoppable = [run.id for run in operable if run.going or run.state == states.PAUSED]
    resumable = [run.id for run in operable if run.resumable]
    if st.button("Compare", icon=":material/stacked_line_chart:", disabled=len(ids) < 2, type="primary"):
        actions.go(compare=",".join(ids))
    _act("Resume", "play_arrow", resumable, actions.resume, "They train on from where they stand.")
    waits = bool(chosen) and all(run.state == states.QUEUED for run in chosen)
    _act("Cancel" if waits else "Stop", "stop", stoppable, actions.stop, "What was trained is kept.")
    deletable = ids if actions.deletable(chosen) else []
    _act(
        "Delete",
        "delete",
        deletable,
        actions.delete,
        "Your own finished runs go to the bin, from where they can be restored. The teacher may delete anyone's.",
    )
    notices.undo_button()
    if chosen:
        actions.downloads(ids, "runs.export")
    _places(chosen)
    _queue()
    if interrupted:
        st.button(
            f"Resume all interrupted ({len(interrupted)})",
            icon=":material/restart_alt:",
            on_click=actions.resume,
            args=(interrupted,),
        )
    if len(operable) < len(chosen):
        st.caption("Only its owner or the teacher can resume or stop a run.")
    if not chosen:
        with st.container(key="runs-hint", width="content"):
            st.caption("Select runs to act on them. Click a name to open one.")


def _act(label: str, icon: str, ids: list[str], act: Callable[[list[str]], None], help: str) -> None:
    """Draw the button of an action on these runs; from ``MANY`` on it asks first."""
    click: dict[str, Any] = {"on_click": actions.chosen, "args": (act, ids, _TABLE)}
    if len(ids) < MANY:
        st.button(label, icon=f":material/{icon}:", disabled=not ids, help=help, key=f"runs.{icon}", **click)
        return
    with st.popover(label, icon=f":material/{icon}:", help=help):
        st.markdown(f"**{label} {counted(len(ids), 'run')}?** {help}")
        st.button(f"{label} {len(ids):,}", type="primary", key=f"runs.{icon}.sure", **click)


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
def _bin() -> None:
    notices.place("bin")
    runs = {run.id: run for run in rows.latest(-1, deleted=True)}
    bar = _bar_container()
    answer = run_table(
        _BIN,
        VIEWS["bin"](),
        key=_BINNED,
        source=rows.SOURCE + "bin",
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
            on_click=actions.chosen,
            args=(actions.restore, restorable, _BINNED),
        )
        with st.popover(
            "Delete permanently",
            icon=":material/delete_forever:",
            disabled=not chosen,
            key=_PURGING,
            on_change="rerun",
        ):
            if actions.deletable(chosen):
                st.markdown(f"{counted(len(chosen), 'run')} and their files. This can't be undone.")
                ids = [run.id for run in chosen]
                st.button("Delete now", on_click=_purge, args=(ids,))
            else:
                st.markdown("Only their owner or the teacher can delete these runs.")
        if len(restorable) < len(chosen):
            st.caption("Only its owner or the teacher can restore a run.")
        st.caption(f"Runs are kept here for at least {BIN_SECONDS / 86400:.0f} days.")


def _purge(ids: list[str]) -> None:
    actions.chosen(actions.purge, ids, _BINNED)
    # What it asked for is done; open, it would ask for the same of no runs.
    st.session_state[_PURGING] = False
