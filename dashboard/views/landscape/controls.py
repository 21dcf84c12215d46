"""The controls of the Landscape page. Their state is the address, which is therefore a link to the picture."""

from collections.abc import Container

import streamlit as st

from core.landscape.study import PLANES, SEED, SETS, Study, images_parameter
from core.training.config import LOSS
from dashboard import fields
from dashboard.views.landscape import address, items, new_runs
from dashboard.views.landscape.address import STATE, key, value
from dashboard.words import literal

PLANE_LABELS = {
    "pca": "Where the runs moved (PCA)",
    "three": "Through start and two ends",
    "random": "Random, around a model",
    "line": "Line between two",
}
PLANE_HELP = {
    "pca": "The plane with most of the movement of all chosen runs together, through the mean of their ends.",
    "three": "The one plane through three points: the first run's first weights and the ends of two runs, or "
    "three ends. These three points lie on it exactly.",
    "random": "Two random directions around the first one's end, each unit's weights as long as its own "
    "(filter-normalised, Li et al. 2018): 1 on an axis changes every unit by as much as it is.",
    "line": "From the first one's end, at 0, straight to the second one's, at 1.",
}
PART_LABELS = {"test": "test images", "validation": "validation images", "training": "training images"}
LOSS_LABELS = {"cross_entropy": "Cross-entropy", "mse": "Mean squared error"}
#: The question which of the chosen ones a plane takes that has room for fewer.
WHICH = {"line": "Line from, and to", "three": "Plane through", "pca": "Plane of", "random": "Plane of"}
SIZES = ("25", "51", "101", "201")


def start_from_address() -> None:
    """Set the controls from the address, where the session has no values of its own."""
    choices: dict[str, Container[str]] = {"plane": PLANE_LABELS, "part": SETS, "size": SIZES, "loss": LOSS.choices}
    address.read(choices, items.default_items())


def controls(known: dict[str, str]) -> Study | None:
    """Draw the controls; the study that they describe, or None while nothing is chosen.

    Raises:
        ValueError: with a sentence, if a value is outside its range.
    """
    st.session_state[key("items")] = [item for item in st.session_state[key("items")] if item in known]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Plane", **STATE.choice("plane", list(PLANE_LABELS)), format_func=PLANE_LABELS.__getitem__, width=250
        )
        selection = st.multiselect("Runs and models", **STATE.many("items", list(known)), format_func=known.__getitem__)
        count = images_parameter(value("part"))
        # As it was entered where it is no number; the field then says so.
        images = f"{int(value('images')):,}" if value("images").isdecimal() else value("images")
        grid = literal(f"{images} {PART_LABELS[value('part')]}, {value('size')} x {value('size')}")
        with st.popover(grid, width=250, key=key("grid")):
            st.selectbox(
                "Loss on", **STATE.choice("part", list(SETS)), format_func=lambda part: PART_LABELS[part].capitalize()
            )
            st.text_input("How many images", **STATE.text("images"), help=fields.help_text(count))
            st.selectbox("Grid", **STATE.choice("size", SIZES), format_func=lambda side: f"{side} x {side}")
            st.selectbox("Loss", **STATE.choice("loss", LOSS.choices), format_func=LOSS_LABELS.__getitem__)
            st.text_input("Seed of the random plane", **STATE.text("seed"), help=fields.help_text(SEED))
        with st.popover("New runs", width=120):
            new_runs.buttons()
    st.caption(PLANE_HELP[value("plane")])
    chosen = selection if len(selection) <= PLANES[value("plane")][1] else _some(selection, known)
    address.write(items=selection, through=chosen if chosen != selection else [])
    if not selection:
        return None
    low, high = PLANES[value("plane")]
    if len(chosen) < low:
        needed = f"{low} to {high}" if low < high else str(low)
        raise ValueError(f"This plane needs {needed} runs or models; you chose {len(chosen)}.")
    return Study(
        plane=value("plane"),
        items=tuple(items.pinned(item) for item in chosen),
        part=value("part"),
        images=int(str(count.parse(value("images")))),
        size=int(value("size")),
        loss=value("loss"),
        seed=int(str(SEED.parse(value("seed")))),
    )


def _some(selection: list[str], known: dict[str, str]) -> list[str]:
    """Draw the choice of those that a plane takes which has room for fewer; the first ones until others are chosen."""
    most = PLANES[value("plane")][1]
    kept = [item for item in value("through") if item in selection][:most]
    STATE["through"] = kept or selection[:most]
    return st.multiselect(
        f"{WHICH[value('plane')]}: {most} of the {len(selection)} chosen",
        **STATE.many("through", selection),
        format_func=known.__getitem__,
        max_selections=most,
    )
