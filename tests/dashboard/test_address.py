"""A page's values: what is missing is the default, and what was put in is there on the next page."""

import re
from pathlib import Path

import pytest
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest

from core.runs.service import Service
from core.training.config import RunConfig
from dashboard import forms
from tests.waiting import LIMIT

MAIN = str(Path(__file__).resolve().parents[2] / "dashboard" / "main.py")


def _fields() -> None:
    import streamlit as st

    from dashboard import address

    state = address.State("t.", {"text": "a", "one": "y", "many": ["x"]})
    st.text_input("text", **state.text("text"))
    st.selectbox("one", **state.choice("one", ["x", "y"]))
    st.multiselect("many", **state.many("many", ["x", "y"]))
    st.json([state["text"], state["one"], state["many"]])


@pytest.mark.parametrize("name", ["text", "one"])
def test_a_value_that_is_missing_or_none_is_the_default(name: str) -> None:
    page = AppTest.from_function(_fields).run()
    assert page.json[0].value == '["a", "y", ["x"]]'
    page.session_state[f"t.{name}"] = None
    page.run()
    assert not page.exception and page.json[0].value == '["a", "y", ["x"]]'


def test_what_is_put_in_is_kept_and_an_empty_text_is_not_the_default() -> None:
    page = AppTest.from_function(_fields).run()
    page.text_input[0].set_value("").run()
    assert page.json[0].value == '["", "y", ["x"]]'


def form(page: AppTest) -> dict[str, str]:
    return {name: page.text_input(key=forms.key(name)).value for name in ("epochs", "validation_split")}


def test_a_new_session_that_goes_to_race_at_once_finds_the_form_filled(service: Service) -> None:
    page = AppTest.from_file(MAIN, default_timeout=LIMIT).run()
    page.switch_page("views/sweep/page.py").run()
    assert not page.error
    assert form(page) == {"epochs": "5", "validation_split": "0.2"}


def test_settings_from_a_run_are_still_there_on_the_next_page(service: Service) -> None:
    page = AppTest.from_file(MAIN, default_timeout=LIMIT).run()
    for name, value in RunConfig(epochs=2, validation_split=0.5, loss="mse").to_dict().items():
        if not isinstance(value, dict):
            page.session_state[forms.key(name)] = value if isinstance(value, (bool, str)) else f"{value}"
    page.run()
    page.switch_page("views/sweep/page.py").run()
    assert form(page) == {"epochs": "2", "validation_split": "0.5"}
    assert page.selectbox(key=forms.key("loss")).value == "mse"


def test_the_address_has_one_reader_and_one_writer() -> None:
    folder = Path(MAIN).parent
    users = [path for path in folder.rglob("*.py") if re.search(r"\bst\.query_params", path.read_text())]
    assert users == [folder / "address.py"]


def _written() -> None:
    import streamlit as st

    from dashboard import address

    address.hold()
    st.button("one", on_click=address.put, kwargs={"run": "1", "tab": None})
    st.button("two", on_click=address.only, kwargs={"run": "2"})

    @address.fragment(None)
    def part() -> None:
        st.button("part")
        st.text(address.get("run"))

    part()
    st.text(address.get("run") + address.get("tab"))


def test_a_request_that_was_on_its_way_does_not_bring_the_former_address_back() -> None:
    page = AppTest.from_function(_written)
    page.query_params["tab"] = "a"
    page.run()
    page.button[0].click().run()
    assert [text.value for text in page.text] == ["1", "1"]

    def late(former: dict[str, str]) -> list[str]:
        page.query_params.clear()
        page.query_params.update(former)
        return [text.value for text in page.run().text]

    assert late({"tab": "a"}) == ["1", "1"]
    page.button[1].click().run()
    # Whatever the lab has written since, and what it did not write is the visitor's.
    assert late({"tab": "a"}) == late({"run": "1"}) == ["2", "2"]
    assert late({"run": "3"}) == ["3", "3"]


def test_the_visitors_way_back_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    page = AppTest.from_function(_written).run()
    page.button[0].click().run()
    reset = ScriptRunContext.reset
    monkeypatch.setattr(
        ScriptRunContext, "reset", lambda *a, **named: reset(*a, **named | {"is_history_navigation": True})
    )
    page.query_params.clear()
    assert [text.value for text in page.run().text] == ["", ""]


def test_every_part_that_is_drawn_at_intervals_keeps_the_address() -> None:
    folder = Path(MAIN).parent
    users = [path for path in folder.rglob("*.py") if "run_every" in path.read_text()]
    assert users == [folder / "address.py"]
