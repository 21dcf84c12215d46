"""The controls of the Landscape page. Their state is the address, which is therefore a link to the picture."""

from typing import Any

import streamlit as st

from core.config import RunConfig
from core.hyperparameters import Hyperparameter
from core.landscape.study import LOSSES, SEED, SETS, Study, count_of
from dashboard import lab
from dashboard.landscape import items

PLANE_LABELS = {
    "pca": "Where the runs moved (PCA)",
    "three": "Through start and two ends",
    "random": "Random, around a model",
    "line": "Line between two",
}
PLANE_HELP = {
    "pca": "The plane that holds most of the movement of all chosen runs together, through the mean of their ends.",
    "three": "The one plane through three points: the first run's first weights and the ends of two runs, or "
    "three ends. These three points lie on it exactly.",
    "random": "Two random directions around the first one's end, each unit's weights as long as its own "
    "(filter-normalised, Li et al. 2018): 1 on an axis changes every unit by as much as it is.",
    "line": "From the first one's end, at 0, straight to the second one's, at 1.",
}
PART_LABELS = {"test": "test images", "validation": "validation images", "training": "training images"}
LOSS_LABELS = {"cross_entropy": "Cross-entropy", "mse": "Mean squared error"}
SIZES = ("25", "51", "101", "201")
DEFAULTS = {
    "plane": "pca", "part": "test", "images": "2000", "size": "51", "loss": "cross_entropy", "seed": "0"
}  # fmt: skip
#: Three that go different ways; momentum with its own rate takes nearly the way of SGD.
RACERS = ("sgd", "adagrad", "adam")
RACE_EPOCHS = 3
#: The large one's rate is larger by the root of the ratio of the sizes, and it sees the images more often.
SMALL_BATCH = RunConfig.recommended("adam", batch_size=64, epochs=RACE_EPOCHS)
LARGE_BATCH = RunConfig.recommended("adam", batch_size=4096, epochs=10 * RACE_EPOCHS, lr=8 * SMALL_BATCH.lr)

#: Widgets whose values outlive a visit to another page.
KEPT: dict[str, Any] = {"persist_state": "session"}


def key(name: str) -> str:
    """The session-state key of a control."""
    return f"l-{name}"


def start_from_address() -> None:
    """Let the controls begin as the address says, where the session does not know better."""
    for name, default in DEFAULTS.items():
        st.session_state.setdefault(key(name), st.query_params.get(name, default))
    for name, allowed in (("plane", PLANE_LABELS), ("part", SETS), ("size", SIZES), ("loss", LOSSES)):
        if st.session_state[key(name)] not in allowed:
            st.session_state[key(name)] = DEFAULTS[name]
    named = st.query_params.get("items")
    st.session_state.setdefault(key("items"), named.split(",") if named else items.default_items())


def controls(known: dict[str, str]) -> Study | None:
    """Draw the controls and read them; None while nothing is chosen.

    Raises:
        ValueError: the sentence about what is wrong.
    """
    st.session_state[key("items")] = [item for item in st.session_state[key("items")] if item in known]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Plane", list(PLANE_LABELS), key=key("plane"), **KEPT, format_func=PLANE_LABELS.get, width=250)
        chosen = st.multiselect("Runs and models", list(known), key=key("items"), **KEPT, format_func=known.get)
        count = Hyperparameter("images", 2000, "How many of them, spread evenly.", low=1, high=count_of(_said("part")))
        said = f"{_said('images')} {PART_LABELS[_said('part')]}, {_said('size')} x {_said('size')}"
        with st.popover(said, width=250):
            st.selectbox(
                "Loss on", SETS, key=key("part"), **KEPT, format_func=lambda part: PART_LABELS[part].capitalize()
            )
            st.text_input("How many images", key=key("images"), **KEPT, help=f"{count.help} {count.rule.capitalize()}.")
            st.selectbox("Grid", SIZES, key=key("size"), **KEPT, format_func=lambda side: f"{side} x {side}")
            st.selectbox("Loss", LOSSES, key=key("loss"), **KEPT, format_func=LOSS_LABELS.get)
            st.text_input(
                "Seed of the random plane", key=key("seed"), **KEPT, help=f"{SEED.help} {SEED.rule.capitalize()}."
            )
        with st.popover("New runs", width=120):
            _trainers()
    st.caption(PLANE_HELP[_said("plane")])
    _write_address(chosen)
    if not chosen:
        return None
    return Study(
        plane=_said("plane"),
        items=tuple(items.pinned(item) for item in chosen),
        part=_said("part"),
        images=count.parse(_said("images") or ""),  # type: ignore[arg-type]
        size=int(_said("size")),
        loss=_said("loss"),
        seed=SEED.parse(_said("seed") or ""),  # type: ignore[arg-type]
    )


def race() -> None:
    """Train three optimizers from the same first weights, and choose their common plane."""
    _train([RunConfig.recommended(name, epochs=RACE_EPOCHS) for name in RACERS], "pca")


def small_and_large() -> None:
    """Train with small and with large batches, and choose the line between the two minima."""
    _train([SMALL_BATCH, LARGE_BATCH], "line")


def _trainers() -> None:
    names = ", ".join(RunConfig.recommended(name).optimizer_spec.label for name in RACERS)
    st.button("Race three optimizers", on_click=race, help=f"{names}, from the same first weights.", width="stretch")
    st.button(
        "Small and large batch",
        on_click=small_and_large,
        help=f"Adam with batches of {SMALL_BATCH.batch_size} and of {LARGE_BATCH.batch_size}, and the line between "
        "their minima.",
        width="stretch",
    )


def _train(configs: list[RunConfig], plane: str) -> None:
    st.session_state[key("items")] = [f"run:{lab.service().submit(config)}" for config in configs]
    st.session_state[key("plane")] = plane


def _said(name: str) -> Any:
    return st.session_state[key(name)]


def _write_address(chosen: list[str]) -> None:
    """Only what is not the default, so that links stay short."""
    said = {name: str(_said(name)) for name, default in DEFAULTS.items() if str(_said(name)) != default}
    wanted = said | ({"items": ",".join(chosen)} if chosen else {})
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)
