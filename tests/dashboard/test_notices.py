"""Errors that a page or a callback raises, as a visitor sees them."""

import sqlite3
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import paths
from core.handwriting.drawings import Drawings
from core.runs.service import Service
from tests.core.handwriting.test_drawings import way
from tests.dashboard.conftest import button, labels, open_page, text
from tests.waiting import LIMIT

MALFORMED = "The lab could not use its database: database disk image is malformed."


class Damaged:
    """A store that fails whatever is asked of it, as with a damaged page."""

    def __getattr__(self, name: str) -> Any:
        raise sqlite3.DatabaseError("database disk image is malformed")


@pytest.mark.parametrize("view", ["train", "runs", "sweep", "landscape", "predictions"])
def test_a_damaged_store_is_one_sentence(view: str, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_store", Damaged())
    monkeypatch.setattr("dashboard.views.runs.rows._latest", {})
    page = open_page(view, **({"runs": "some"} if view == "sweep" else {}))
    assert not page.exception
    assert [error.value for error in page.error] == [MALFORMED]


def test_damaged_drawings_leave_the_rest_of_the_page(service: Service) -> None:
    path = paths.home() / "drawings.sqlite"
    for offset in range(5):
        Drawings(path).keep(way(offset), 7)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        page = open_page("draw")
        assert not page.exception
        (error,) = page.error
        sentence = "The lab could not use its database: drawings.sqlite is damaged"
        assert error.value.replace("\\", "").startswith(sentence)
        assert "#### The team's test set" in text(page)
        assert "Clear" in labels(page)
        assert path.read_bytes() == whole[: len(whole) // 2]
    finally:
        path.unlink()


def faults() -> None:
    import streamlit as st

    def fail(error: Exception) -> None:
        raise error

    @st.fragment
    def part() -> None:
        st.caption("before")
        if st.session_state.get("failing"):
            fail(OSError(5, "Input/output error"))

    st.button("Callback", on_click=fail, args=(PermissionError(13, "Permission denied"),))
    st.button("Fault of ours", on_click=fail, args=(KeyError("x"),))
    part()
    st.caption("after")


def test_a_failing_part_says_so_in_its_place() -> None:
    page = AppTest.from_function(faults, default_timeout=LIMIT)
    page.session_state["failing"] = True
    page.run()
    assert [error.value for error in page.error] == [r"The lab could not use its disk: Input\/output error."]
    assert not page.exception and page.caption[0].value == "before"


def test_a_callback_that_fails_says_so_and_a_fault_of_ours_is_not_hidden() -> None:
    page = AppTest.from_function(faults, default_timeout=LIMIT).run()
    button(page, "Callback").click().run()
    assert [error.value for error in page.error] == ["The lab could not use its disk: Permission denied."]
    page = AppTest.from_function(faults, default_timeout=LIMIT).run()
    button(page, "Fault of ours").click().run()
    assert len(page.exception) == 1 and not page.error
