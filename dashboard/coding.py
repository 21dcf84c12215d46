"""The popover that writes a run out as code, on every page that shows a run or a model that has one."""

from functools import partial

import streamlit as st

from core.models.code import KINDS, write
from core.models.code.recipe import Recipe
from core.runs import export
from core.runs.store import Run
from dashboard import lab
from dashboard.words import literal

_HELP = {
    "pytorch": "A script of PyTorch and numpy.",
    "keras": "A script of Keras and numpy.",
    "notebook": "PyTorch in a Jupyter notebook, with text and curves.",
}


def run_as_code(run: Run, key: str) -> None:
    """Draw the popover of a run that has begun; nothing before that.

    Args:
        key: a prefix for the keys of the widgets.
    """
    if run.started is not None:
        _popover(export.recipe(run, lab.service().events(run.id)), f"run-{run.number}", key)


def _popover(recipe: Recipe, name: str, key: str) -> None:
    with st.popover("As code", icon=":material/code:", key=f"{key}.code"):
        st.markdown(
            "This run as a file that needs no lab: it loads, builds, trains, evaluates and saves, and ends by checking "
            "its figures against those here."
        )
        for kind, (label, suffix) in KINDS.items():
            try:
                text = write(recipe, kind)
            except ValueError as error:
                st.caption(literal(str(error)))
                continue
            file_name = f"{name}-keras{suffix}" if kind == "keras" else f"{name}{suffix}"
            st.download_button(
                label,
                partial(text.encode),
                file_name=file_name,
                icon=":material/download:",
                key=f"{key}.code.{kind}",
                help=_HELP[kind],
                on_click="ignore",
                width="stretch",
            )
