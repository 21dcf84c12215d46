"""One test digit in detail, in a dialog."""

import streamlit as st

from core import data
from core.analysis.attribution import attribute
from core.analysis.hidden import nearest
from dashboard import address, testing
from dashboard.components.clickable import clickable
from dashboard.sources import Source
from dashboard.views.predictions import gallery, pictures, results
from dashboard.words import probability

NEAREST = 10
_VISITED = "predictions.visited"


def show(source: Source) -> None:
    """Open the digit that was just clicked, or, on a visitor's first look at the page, the one in the address.

    Any other action on the page closes the dialog, also one whose closing the server did not get.
    """
    first_look = _VISITED not in st.session_state
    st.session_state[_VISITED] = True
    clicked = st.session_state.pop(gallery.CLICKED, False)
    if (clicked or first_look) and _number() is not None:
        _dialog(source)
    else:
        address.put(digit=None)


def _number() -> int | None:
    """Return the number of the test digit in the address, if it is one."""
    return gallery.digit_number(address.get("digit"))


def _turn_to(number: int) -> None:
    address.put(digit=str(number))


@st.dialog("One test digit", width=1000, on_dismiss="rerun")
def _dialog(source: Source) -> None:
    number = _number()
    if number is None:
        return
    digits = testing.test_digits()
    attribution = attribute(source.network, digits.images[number])
    label = int(digits.labels[number])
    with st.container(horizontal=True, vertical_alignment="center"):
        verdict = (
            f":green[right: a {label}]"
            if attribution.answer == label
            else f":red[wrong: a {label}, taken for {attribution.answer}]"
        )
        sure = probability(float(attribution.probabilities.max()))
        st.markdown(
            f"**Digit {number:d}** · {verdict}, {sure} sure",
            width="stretch",
        )
        for name, by, key in (("Previous", -1, "Left"), ("Next", 1, "Right")):
            to = gallery.beside(number, by)
            st.button(name, shortcut=key, disabled=to is None, on_click=_turn_to, args=(to,))
    hidden = results.training_activations(source)
    indices, distances = nearest(attribution.hidden, hidden, NEAREST)
    near = pictures.neighbours(data.load().train, indices.tolist(), distances.tolist())
    clickable(pictures.one_digit(digits.images[number], attribution, near), "one-digit")
