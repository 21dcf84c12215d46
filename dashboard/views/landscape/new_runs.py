"""Training from the Landscape page: three optimizers for a plane, two batch sizes for a line."""

import streamlit as st

from core.training.config import RunConfig
from dashboard import starting
from dashboard.views.landscape.address import key

#: Three with different paths; momentum with its own rate takes nearly that of SGD.
RACERS = ("sgd", "adagrad", "adam")
EPOCHS = 3
RACE = [RunConfig.recommended(name, epochs=EPOCHS) for name in RACERS]
SMALL_BATCH = RunConfig.recommended("adam", batch_size=64, epochs=EPOCHS)
#: With a rate larger by the root of the ratio of the sizes, and more epochs, since each has fewer steps.
LARGE_BATCH = RunConfig.recommended("adam", batch_size=4096, epochs=10 * EPOCHS, lr=8 * SMALL_BATCH.lr)


def race() -> None:
    """Train three optimizers from the same first weights, and choose their common plane."""
    _train(RACE, "pca")


def small_and_large() -> None:
    """Train with small and with large batches, and choose the line between the two minima."""
    _train([SMALL_BATCH, LARGE_BATCH], "line")


def buttons() -> None:
    """Draw the buttons that train."""
    names = ", ".join(config.optimizer_spec.label for config in RACE)
    st.button("Race three optimizers", on_click=race, help=f"{names}, from the same first weights.", width="stretch")
    st.button(
        "Small and large batch",
        on_click=small_and_large,
        help=f"Adam with batches of {SMALL_BATCH.batch_size} and of {LARGE_BATCH.batch_size}, and the line between "
        "their minima.",
        width="stretch",
    )


def _train(configs: list[RunConfig], plane: str) -> None:
    if runs := starting.group(configs):
        st.session_state[key("items")] = [f"run:{run}" for run in runs]
        st.session_state[key("plane")] = plane
