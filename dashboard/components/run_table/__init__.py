"""A table of runs: a browser component that filters, sorts and selects by itself, and keeps all three while its rows
change. Not ``st.dataframe``: its selection is of row numbers, which new runs move.
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

Kind = Literal["run", "state", "curve", "action", "text", "percent", "spread", "loss", "seconds", "number", "when"]


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        key: its value in a row; None is drawn as a dash and comes last.
        kind: the form of its cells, one of ``cells.js``.
        sort: the direction of the first click on its head; empty for a column that can't be sorted by.
        classes: CSS classes: ``right`` aligns, ``wide`` and ``middle`` are left out where there is little room.
    """

    key: str
    title: str
    kind: Kind
    sort: Literal["ascending", "descending", ""] = "ascending"
    classes: str = ""


@dataclass(frozen=True)
class TableState:
    """State of the table after a click.

    Args:
        chosen: ids of the rows that are chosen and shown: of those that the filter hides, none is.
        opened, acted: id of the row just opened or acted on.
        interrupted: ids of the interrupted runs that are shown; None before the browser has said so.
    """

    chosen: tuple[str, ...]
    opened: str | None
    acted: str | None
    interrupted: tuple[str, ...] | None = None


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
) -> TableState:
    """Draw the table.

    Args:
        rows: JSON values: ``id``, ``label``, ``search`` (the text whose words the filter searches), ``fields`` (values
            by the names that the filter knows), ``created`` (its day, as unix time), ``facets`` (lists of words by
            ``state``, ``owner`` and ``tag``), and a value per column; ``order`` holds the value to sort by where it is
            another; ``compare`` the ids that its link compares, if it stands for several runs.
        sort: key of the column that orders the rows at first.
        selectable: adds a checkbox per row.
        filters: adds the filters above.
        source: address of the present rows as JSON, which the browser fetches every second.
        empty: sentence shown without rows.
    """
    selection_key = f"{key}.kept"
    data = {
        "columns": [asdict(column) for column in columns],
        "rows": list(rows),
        "sort": {"key": sort, "descending": descending},
        "selectable": selectable,
        "filters": filters,
        "empty": empty,
        "source": source,
        "address": "/runs",
        "chosen": list(st.session_state.get(selection_key, ())),
    }
    state = _component(
        data=data,
        key=key,
        default={"chosen": {}},
        on_chosen_change=_nothing,
        on_opened_change=_nothing,
        on_acted_change=_nothing,
    )
    present = {row["id"] for row in rows}
    # Streamlit drops a component's state when a person leaves the page; here the choice outlives that.
    requested = state.chosen["ids"] if state.chosen else st.session_state.get(selection_key, ())
    chosen = st.session_state[selection_key] = tuple(run_id for run_id in requested if run_id in present)
    interrupted = tuple(state.chosen["interrupted"]) if state.chosen else None
    return TableState(chosen, state.opened, state.acted, interrupted)


def still_chosen(key: str, ids: Sequence[str]) -> list[str]:
    """Select those of the ids whose rows are chosen and shown now; in a callback.

    A callback's arguments are of the last drawing, and the filter may have changed since then.
    """
    state = st.session_state.get(key)
    now = state.chosen["ids"] if state is not None and state.chosen else ids
    return [run_id for run_id in ids if run_id in now]


def _nothing() -> None:
    """Do nothing: Streamlit sends only values that have a callback."""
