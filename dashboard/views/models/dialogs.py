"""Saving and loading: the parameters, and the whole model."""

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.models import formats
from core.models.library import WHOLE, Model
from core.models.metadata import LONGEST
from core.training.config import EPOCHS
from core.training.state import fewest_epochs
from dashboard import notices
from dashboard.views.models import pictures, runs
from dashboard.views.models.shelf import show
from dashboard.words import literal

SAVED, FILE = "From the library", "A file of yours"
PARAMETER_TYPES = [format.suffix.rpartition(".")[2] for format in formats.READABLE]


def pairs() -> None:
    """The two pairs of buttons."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown("**Parameters**")
        st.caption("The 101,770 weights and biases: all that is needed to test the network, or to use it elsewhere.")
        with st.container(horizontal=True):
            if st.button("Save parameters", icon=":material/save:", width="stretch"):
                _save_parameters()
            if st.button("Load parameters", icon=":material/file_open:", width="stretch"):
                _load_parameters()
    with right, st.container(border=True, height="stretch"):
        st.markdown("**Whole model**")
        st.caption(
            "Network, parameters, optimizer with its memory, schedule, settings, history and the place in training: "
            "training goes on from it exactly where it stood."
        )
        with st.container(horizontal=True):
            if st.button("Save whole model", icon=":material/save:", width="stretch"):
                _save_whole()
            if st.button("Load whole model", icon=":material/file_open:", width="stretch"):
                _load_whole()


@st.dialog("Save parameters", icon=":material/save:")
def _save_parameters() -> None:
    _save(runs.with_parameters())


@st.dialog("Save whole model", icon=":material/save:")
def _save_whole() -> None:
    _save(runs.with_checkpoint())


def _save(choices: list[runs.Choice]) -> None:
    if not choices:
        st.info("There is no run to save yet. Train one first.")
        if st.button("Go to Train", icon=":material/play_arrow:"):
            st.switch_page("views/train/page.py")
        return
    choice = st.selectbox("Run", choices, format_func=lambda choice: choice.label)
    name = st.text_input("Name", choice.name, key=f"models.save.{choice.name}")
    notes = st.text_area("Notes", max_chars=LONGEST["notes"], placeholder="optional", height=80)
    if not st.button("Save", type="primary"):
        return
    _attempt(lambda: runs.keep(choice, name or "", notes or ""), "Saved")


@st.dialog("Load parameters", icon=":material/file_open:")
def _load_parameters() -> None:
    names = [model.name for model in pictures.library().models() if not model.problem]
    if _from_library(names):
        name = st.selectbox("Saved model", names, index=None, placeholder="Choose one")
        if st.button("Load", type="primary", disabled=name is None) and name:
            show(name)
            st.rerun()
        return
    file = st.file_uploader(
        "Parameters of this network",
        type=PARAMETER_TYPES,
        help="A safetensors file, NumPy's .npz, or the .weights.h5 that Keras saves.",
    )
    _bring(file)


def _from_library(names: list[str]) -> bool:
    """Whether the person wants one of these rather than a file; a file, if there are none."""
    if not names:
        return False
    return st.segmented_control("From", [SAVED, FILE], default=SAVED, label_visibility="collapsed") != FILE


def _bring(file: UploadedFile | None) -> None:
    """Take the file into the library."""
    if file is None:
        st.caption("It goes into the library, where everyone finds it, and is tested at once.")
        return
    try:
        suggested = pictures.library().suggested(file.name)
    except ValueError as error:
        st.error(literal(str(error)))
        return
    name = st.text_input("Name", suggested, key=f"models.bring.{file.file_id}")
    if not st.button("Load", type="primary"):
        return
    _attempt(lambda: pictures.library().bring(file.name, file.getvalue(), name or "", owner=pictures.owner()), "Loaded")


@st.dialog("Load whole model", icon=":material/file_open:")
def _load_whole() -> None:
    names = [model.name for model in pictures.library().models() if model.kind == WHOLE and not model.problem]
    if _from_library(names):
        name = st.selectbox("Whole model", names, index=None, placeholder="Choose one")
        if name:
            continue_form(pictures.library().model(name))
        return
    file = st.file_uploader("A whole model that was saved in a lab like this one", type="safetensors")
    _bring(file)


def continue_form(model: Model) -> None:
    """Where the model stands, how far to go on, and the button for it."""
    assert model.config is not None
    config, step = model.config, model.step or 0
    over = step >= config.span.steps
    fewest = min(fewest_epochs(config, step), int(EPOCHS.high))
    st.caption(f"It stands after step {step:,} of {config.span.steps:,}{', its end' if over else ''}.")
    epochs = st.number_input(
        "Epochs in all",
        min_value=fewest,
        max_value=int(EPOCHS.high),
        value=max(config.epochs, fewest),
        help="With the number as it was, it ends as if it had never been left. With another, "
        "a schedule that depends on the length of the run takes another course.",
    )
    if st.button("Continue", type="primary", icon=":material/play_arrow:", key="models.continue"):
        if run_id := runs.go_on(model, int(epochs)):
            st.switch_page("views/train/page.py", query_params={"run": run_id})
        notices.show()


def _attempt(action: Callable[[], Model], done: str) -> None:
    """Do it, and open the model that comes of it; else show in the dialog why it was refused."""

    def open_it() -> None:
        model = action()
        show(model.name)
        notices.say(f"{done} as {literal(model.name)}.")

    if notices.attempt(open_it):
        st.rerun()
    notices.show()
