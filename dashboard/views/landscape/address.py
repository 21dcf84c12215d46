"""The page's state, in its address: a link opens the same picture.

Streamlit does not read and write these values itself, as it does on Surfaces and Predictions: what is chosen at first
depends on the runs that the lab has, a link's items may be gone, and the values outlive a visit to another page.
"""

from collections.abc import Container, Mapping
from typing import Any

import streamlit as st

from dashboard import address

DEFAULTS = {
    "plane": "pca", "part": "test", "images": "2000", "size": "51", "loss": "cross_entropy", "seed": "0"
}  # fmt: skip
#: Lists of items: all that are chosen, and those of them that a plane takes which has room for fewer.
LISTS = ("items", "through")
STATE = address.State("l-", DEFAULTS | {name: [] for name in LISTS})
key = STATE.key


def value(name: str) -> Any:
    """Return the value of a control."""
    return STATE[name]


def read(choices: Mapping[str, Container[str]], items: list[str]) -> None:
    """Put the address's values into controls that the session has no value for; into all after Back and Forward.

    Args:
        choices: the options of the controls that have some; a value that is none of them becomes the default.
        items: the chosen ones where the address names none.
    """
    returned = address.returned()
    for name, default in DEFAULTS.items():
        if returned or st.session_state.get(key(name)) is None:
            STATE[name] = address.get(name) or default
    for name, allowed in choices.items():
        if value(name) not in allowed:
            STATE[name] = DEFAULTS[name]
    for name, chosen in (("items", items), ("through", [])):
        if returned or st.session_state.get(key(name)) is None:
            named = address.get(name)
            STATE[name] = named.split(",") if named else chosen


def write(**lists: list[str]) -> None:
    """Write the ``LISTS``, and the values that are not the default, into the address, so that links stay short."""
    values = {name: str(value(name)) for name, default in DEFAULTS.items() if str(value(name)) != default}
    values |= {name: ",".join(items) for name, items in lists.items() if items}
    (address.complete if address.empty() else address.only)(**values)
