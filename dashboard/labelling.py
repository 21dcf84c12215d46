"""The form of the labels that people give to a run or a sweep: its name, notes and tags."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

Stored = Mapping[str, Any]


def form(
    title: str, owner: str, stored: Stored, save: Callable[..., object], known_tags: Sequence[str] | None = None
) -> None:
    """Draw the form. Only what was changed in it is saved: others may have changed the rest since it was drawn.

    Args:
        owner: id of the run or the sweep.
        stored: its ``name``, ``notes`` and, where there are any, ``tags`` (a tuple).
        save: called with those of them that were changed, by name.
        known_tags: offered beside its own; None for what has no tags.
    """
    with st.expander(title, expanded=bool(stored["notes"])), st.form(f"labels.{owner}", border=False):
        st.text_input("Name", stored["name"], key=_key(owner, "name", stored), max_chars=100)
        st.text_area("Notes", stored["notes"], key=_key(owner, "notes", stored), max_chars=10_000, height=110)
        if known_tags is not None:
            st.multiselect(
                "Tags",
                sorted({*stored["tags"], *known_tags}),
                stored["tags"],
                key=_key(owner, "tags", stored),
                accept_new_options=True,
                placeholder="Type a tag and press Enter",
            )
        st.form_submit_button("Save", on_click=_save, args=(owner, stored, save))


def _key(owner: str, part: str, stored: Stored) -> str:
    # What is stored makes it a new field when somebody else has changed it.
    return f"{part}.{owner}.{hash(stored[part])}"


def _save(owner: str, stored: Stored, save: Callable[..., object]) -> None:
    entered = {part: st.session_state[_key(owner, part, stored)] for part in stored}
    entered = {part: tuple(value) if part == "tags" else value for part, value in entered.items()}
    save(**{part: value for part, value in entered.items() if value != stored[part]})
