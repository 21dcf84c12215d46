"""The leaderboard: finished runs ranked by their best epoch, those that differ in nothing but the seed as one row.

A run that has left its settings has a row of its own: training them would not give its figures.
"""

from dataclasses import replace
from statistics import fmean
from typing import Any

import streamlit as st

from core.runs import states
from core.runs.store import Run
from dashboard import address, handoff, lab
from dashboard.components.run_table import Column, run_table
from dashboard.views.runs import actions, rows

SHOWN = 100
EVERY, PERSONS = "All results", "Best of each person"
_COLUMNS = (
    Column("place", "Place", "number", classes="right"),
    rows.RUN,
    rows.OWNER,
    Column("best", "Best validation", "spread", "descending", "right strong"),
    Column("test", "Test", "spread", "descending", "right middle"),
    rows.EPOCHS,
    rows.SECONDS,
    Column("act", "", "action", sort="", classes="right middle"),
)
_STATE = address.State("", {"rank": EVERY}, linked=True)


def leaders(persons: bool) -> list[dict[str, Any]]:
    """Return the table's rows, ranked by the mean of their seeds.

    Args:
        persons: each person's runs by themselves, and of them the best row alone; what nobody owns is left out.
    """
    finished = [run for run in rows.latest(-1) if run.state == states.FINISHED and run.best_validation_accuracy]
    groups: dict[tuple[str, str, str], dict[int, Run]] = {}
    for run in sorted(finished, key=_rank):
        if run.owner or not persons:
            key = run.owner if persons else "", str(replace(run.config, seed=0)), "" if run.plain else run.id
            # The same seed of plain runs again is the same result, and counts once.
            groups.setdefault(key, {}).setdefault(run.config.seed, run)
    ranked = sorted((list(group.values()) for group in groups.values()), key=_mean_rank)
    if persons:
        best: dict[str, list[Run]] = {}
        for group in ranked:
            best.setdefault(group[0].owner, group)
        ranked = list(best.values())
    return [
        rows.group(group, place=place, act="Train with this" if group[0].plain else None)
        for place, group in enumerate(ranked[:SHOWN], 1)
    ]


def _rank(run: Run) -> tuple[float, float]:
    return -(run.best_validation_accuracy or 0), run.seconds or 0


def _mean_rank(group: list[Run]) -> tuple[float, ...]:
    return tuple(map(fmean, zip(*map(_rank, group), strict=True)))


def show() -> None:
    """Draw the leaderboard; no fragment, since its choice is in the address."""
    rank = st.segmented_control(
        "Rank", required=True, label_visibility="collapsed", **_STATE.many("rank", [EVERY, PERSONS])
    )
    st.caption(
        "Finished runs, ranked by their best epoch on the validation images. Runs that differ in nothing but the seed "
        "share a row: their mean, lowest and highest. A branch, or a run whose rate was set by hand, has a row of its "
        "own: its settings alone do not give its figures."
    )
    table = leaders(rank == PERSONS)
    answer = run_table(
        _COLUMNS,
        table,
        key="runs.leaders",
        source=f"{rows.SOURCE}{'persons' if rank == PERSONS else 'leaders'}",
        sort="place",
        descending=False,
        empty="No run with a validation split has finished yet.",
    )
    if answer.opened:
        several = next((row.get("compare") for row in table if row["id"] == answer.opened), None)
        actions.go(**({"compare": several} if several else {"run": answer.opened}))
    if answer.acted and (run := lab.service().run(answer.acted)):
        handoff.to_train(run.config)
