"""Places of a page's screens."""

from streamlit.testing.v1 import AppTest


def _app() -> None:
    import streamlit as st

    from dashboard.screens import screen

    with screen(st.session_state["name"]):
        st.markdown(st.session_state["name"])


def _place(test: AppTest, name: str) -> int:
    """Place of the page that holds the screen; the others must be empty."""
    test.session_state["name"] = name
    test.run()
    assert [markdown.value for markdown in test.markdown] == [name]
    # The first child scrolls the page.
    [place] = [number for number, child in test.main.children.items() if number and child.type == "flex_container"]
    return place


def test_another_screen_is_drawn_in_another_place_and_the_same_in_its_own() -> None:
    test = AppTest.from_function(_app)
    places = [_place(test, name) for name in ("list", "list", "one", "one", "another", "list")]
    assert places == [2, 2, 1, 1, 2, 1]
