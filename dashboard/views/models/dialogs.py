"""Dialogs that save and load: the parameters, and the whole model."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.models.library import WHOLE, Model
from core.models.metadata import LONGEST
from core.training.config import EPOCHS
from core.training.state import fewest_epochs
from dashboard import network_files, notices
from dashboard.views.models import keeping, pictures, runs
from dashboard.views.models.shelf import show

SAVED, FILE = "From the library", "A file of yours"
#: In the session: the name in the open dialog.
_NAME = "models.save.name"
FILE_LABEL = "A file of a network, from this lab or any other tool"
WHOLE_LABEL = "A file of a whole model, from this lab or another one like it"
NOT_WHOLE = (
    "This file holds a network's parameters alone. It is no whole model: training cannot go on from it. It can be "
    "added to the library as parameters."
)
#: Key of the container that shows what is in the file.
_BRING = "models-bring"


def pairs() -> None:
    """Draw the two pairs of buttons."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch"):
        st.markdown("**Parameters**")
        st.caption("The 101,770 weights and biases: all that is needed to test the network, or to use it elsewhere.")
        with st.container(horizontal=True):
            if st.button("Save parameters", icon=":material/save:", width="stretch", on_click=_forget_name):
                _save_parameters()
            if st.button("Load parameters", icon=":material/file_open:", width="stretch"):
                _load_parameters()
    with right, st.container(border=True, height="stretch"):
        st.markdown("**Whole model**")
        st.caption(
            "Network, parameters, optimizer with its memory, schedule, settings, history and the place in training: "
            "training continues exactly where it stopped."
        )
        with st.container(horizontal=True):
            if st.button("Save whole model", icon=":material/save:", width="stretch", on_click=_forget_name):
                _save_whole()
            if st.button("Load whole model", icon=":material/file_open:", width="stretch"):
                _load_whole()


@st.dialog("Save parameters", icon=":material/save:")
def _save_parameters() -> None:
    _save(runs.with_parameters())


@st.dialog("Save whole model", icon=":material/save:")
def _save_whole() -> None:
    _save(runs.with_checkpoint())


def _save(choices: list[runs.SaveableRun]) -> None:
    if not choices:
        st.info("There is no run to save yet. Train one first.")
        if st.button("Go to Train", icon=":material/play_arrow:"):
            st.switch_page("views/train/page.py")
        return
    choice = st.selectbox("Run", choices, format_func=lambda choice: choice.label)
    name = keeping.name_field("Name", choice.name, _NAME)
    notes = st.text_area("Notes", max_chars=LONGEST["notes"], placeholder="optional", height=80)
    if not st.button("Save", type="primary"):
        return
    keeping.attempt(lambda: runs.keep(choice, name, notes or ""), "Saved")


def _forget_name() -> None:
    st.session_state.pop(_NAME, None)


@st.dialog("Load parameters", icon=":material/file_open:")
def _load_parameters() -> None:
    names = [model.name for model in pictures.library().models() if not model.problem]
    if _from_library(names):
        name = st.selectbox("Saved model", names, index=None, placeholder="Choose one")
        if st.button("Load", type="primary", disabled=name is None) and name:
            show(name)
            st.rerun()
        return
    _bring(network_files.drop(FILE_LABEL, _BRING))


def _from_library(names: list[str]) -> bool:
    """Draw the choice between the library and a file; True for the library, False if it is empty."""
    if not names:
        return False
    return st.segmented_control("From", [SAVED, FILE], default=SAVED, label_visibility="collapsed") != FILE


def _bring(file: UploadedFile | None, whole: bool = False) -> None:
    """Draw the form that adds the file to the library.

    Args:
        whole: a whole model is asked for; parameters alone are loaded with a word.
    """
    with st.container(key=_BRING):
        _name_and_load(file, whole)


def _name_and_load(file: UploadedFile | None, whole: bool) -> None:
    if file is None:
        st.caption("The file is added to the library, which everyone shares, and tested.")
        return
    upload = network_files.read(file)
    if upload is None:
        return
    if whole and not upload.whole:
        st.info(NOT_WHOLE, icon=":material/info:")
    name = st.text_input("Name", pictures.library().suggested(file.name), key=f"models.bring.{file.file_id}")
    finding = upload.finding
    if finding is None or not finding.clearly_better:
        if finding:
            st.warning(network_files.sentence(finding), icon=":material/help:")
        if st.button("Load", type="primary"):
            keeping.attempt(lambda: pictures.library().bring(file.name, file.getvalue(), name or ""), "Loaded")
        return
    st.info(network_files.sentence(finding), icon=":material/lightbulb:")
    st.caption("Converted, it takes this lab's pixels and reads the same: its weights take up the difference exactly.")
    with st.container(horizontal=True):
        convert, as_is = st.button("Convert and load", type="primary"), st.button("Load as it is")
    if convert or as_is:
        keeping.attempt(
            lambda: pictures.library().bring(file.name, file.getvalue(), name or "", convert=convert), "Loaded"
        )


@st.dialog("Load whole model", icon=":material/file_open:")
def _load_whole() -> None:
    names = [model.name for model in pictures.library().models() if model.kind == WHOLE and not model.problem]
    if _from_library(names):
        name = st.selectbox("Whole model", names, index=None, placeholder="Choose one")
        if name:
            continue_form(pictures.library().model(name))
        return
    _bring(network_files.drop(WHOLE_LABEL, _BRING), whole=True)


def continue_form(model: Model) -> None:
    """Draw the form that continues training: the model's step, the epochs, the button."""
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
        help="With the same number, the run ends as if it had never been interrupted. Another number changes "
        "a schedule that depends on the length of the run.",
    )
    if st.button("Continue", type="primary", icon=":material/play_arrow:", key="models.continue"):
        if run_id := runs.go_on(model, int(epochs)):
            st.switch_page("views/train/page.py", query_params={"run": run_id})
        notices.show()
