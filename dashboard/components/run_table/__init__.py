"""A table of runs: a browser component that filters, sorts and selects by itself, and keeps all three while its rows
change. It takes the place of ``st.dataframe``, whose selection is of places, which new runs move.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from dashboard.components.modules import component_script

_FOLDER = Path(__file__).parent

_component = st.components.v2.component(
    "descent_run_table",
    html=(_FOLDER / "table.html").read_text(),
    css=(_FOLDER / "table.css").read_text(),
    js=component_script("run_table/table.js"),
    isolate_styles=False,
)

Kind = Literal["run", "state", "curve", "action", "text", "percent", "loss", "seconds", "number", "when"]


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        key: where a row has its value; None there is drawn as a dash and comes last.
        kind: how a value is drawn.
        sort: in which direction the first click on its head sorts; empty for a column that cannot be sorted by.
        classes: of CSS: ``right`` aligns, ``wide`` and ``middle`` are left out where there is little room.
    """

    key: str
    title: str
    kind: Kind
    sort: Literal["ascending", "descending", ""] = "ascending"
    classes: str = ""


@dataclass(frozen=True)
class Answer:
    """What a person did: the ids of the rows that are chosen, and of the one just opened or acted on."""

    chosen: tuple[str, ...]
    opened: str | None
    acted: str | None


def run_table(
    columns: Sequence[Column],
    rows: Sequence[dict[str, Any]],
    key: str,
    *,
    sort: str,
    descending: bool = True,
    selectable: bool = False,
    filters: bool = False,
    source: str = "",
    empty: str = "",
) -> Answer:
    """Draw the table.

    Args:
        rows: JSON values: ``id``, ``label``, ``search`` (what the filter looks at, in small letters), ``facets`` (lists
            of words by ``state``, ``owner`` and ``tag``), and a value a column; ``order`` holds what to sort by where
            it is not the value itself.
        sort: the key of the column that it is sorted by at first.
        selectable: whether rows can be chosen.
        filters: whether there is a filter above.
        source: the address where the browser finds the rows as they are by now, and looks every second.
        empty: one sentence for when there are no rows.
    """
    kept = f"{key}.kept"
    data = {
        "columns": [asdict(column) for column in columns],
        "rows": list(rows),
        "sort": {"key": sort, "descending": descending},
        "selectable": selectable,
        "filters": filters,
        "empty": empty,
        "source": source,
        "address": "/runs",
        "chosen": list(st.session_state.get(kept, ())),
    }
    answer = _component(
        data=data,
        key=key,
        default={"chosen": {}},
        on_chosen_change=_nothing,
        on_opened_change=_nothing,
        on_acted_change=_nothing,
    )
    there = {row["id"] for row in rows}
    # Streamlit forgets what a component said when it leaves the page; a person who comes back finds it again.
    asked = answer.chosen["ids"] if answer.chosen else st.session_state.get(kept, ())
    chosen = st.session_state[kept] = tuple(run_id for run_id in asked if run_id in there)
    return Answer(chosen, answer.opened, answer.acted)


def _nothing() -> None:
    """Streamlit tells only of what has a callback."""
