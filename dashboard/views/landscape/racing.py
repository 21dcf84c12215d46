"""Training from the Landscape page: three optimizers for one plane, two batch sizes for one line, a run to watch."""

import secrets

import streamlit as st

from core.training.config import RunConfig
from dashboard import lab, visitors
from dashboard.views.landscape.address import key

#: Three that go different ways; momentum with its own rate takes nearly the way of SGD.
RACERS = ("sgd", "adagrad", "adam")
EPOCHS = 3
SMALL_BATCH = RunConfig.recommended("adam", batch_size=64, epochs=EPOCHS)
#: Its rate is larger by the root of the ratio of the sizes, and it sees the images more often.
LARGE_BATCH = RunConfig.recommended("adam", batch_size=4096, epochs=10 * EPOCHS, lr=8 * SMALL_BATCH.lr)


def submit(config: RunConfig) -> str:
    """Queue a run of this visitor's; returns its id. Pressing twice is pressing once.

    Raises:
        ValueError: with a sentence, if the lab cannot record it.
    """
    you, click = visitors.visitor(), st.session_state.setdefault(key("page"), secrets.token_hex(8))
    return lab.service().submit(config, "", you.id, you.name, click=click)


def race() -> None:
    """Train three optimizers from the same first weights, and choose their common plane."""
    _train([RunConfig.recommended(name, epochs=EPOCHS) for name in RACERS], "pca")


def small_and_large() -> None:
    """Train with small and with large batches, and choose the line between the two minima."""
    _train([SMALL_BATCH, LARGE_BATCH], "line")


def buttons() -> None:
    names = ", ".join(RunConfig.recommended(name).optimizer_spec.label for name in RACERS)
    st.button("Race three optimizers", on_click=race, help=f"{names}, from the same first weights.", width="stretch")
    st.button(
        "Small and large batch",
        on_click=small_and_large,
        help=f"Adam with batches of {SMALL_BATCH.batch_size} and of {LARGE_BATCH.batch_size}, and the line between "
        "their minima.",
        width="stretch",
    )


def trouble() -> str:
    """Why the last run could not be queued, told once; else ""."""
    return str(st.session_state.pop(key("trouble"), ""))


def note(error: ValueError) -> None:
    """Let the page say, when it is drawn next, why a run could not be queued."""
    st.session_state[key("trouble")] = str(error)


def _train(configs: list[RunConfig], plane: str) -> None:
    try:
        runs = [submit(config) for config in configs]
    except ValueError as error:
        note(error)
        return
    st.session_state[key("items")] = [f"run:{run}" for run in runs]
    st.session_state[key("plane")] = plane
