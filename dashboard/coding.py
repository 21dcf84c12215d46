"""The popover that writes a run out as code, on every page that shows a run or a model that has one."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st

from core.models.code import KINDS, recipe_of, write
from core.models.code.recipe import Recipe
from core.models.library import Model
from core.runs import export
from core.runs.store import Run
from core.training.config import RunConfig
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
        _popover(run.config, partial(_recipe, run), f"run-{run.number}", key)


def model_as_code(model: Model, key: str) -> None:
    """Draw the popover of a model that says how it was trained; nothing for another."""
    if model.config:
        _popover(model.config, partial(_recipe_of_model, model), model.name, key)


def _recipe(run: Run) -> Recipe:
    return export.recipe(run, lab.service().events(run.id))


def _recipe_of_model(model: Model) -> Recipe:
    # Its run, where this lab has it, knows of rates that were set by hand.
    run = lab.service().run(model.run) if model.run else None
    return replace(recipe_of(model), plan=_recipe(run).plan if run else ())


def _popover(config: RunConfig, recipe: Callable[[], Recipe], name: str, key: str) -> None:
    """Draw the popover; a file is made when its button is pressed, since a long run takes time to read."""

    def content(kind: str) -> bytes:
        return write(recipe(), kind).encode()

    with st.popover("As code", icon=":material/code:", key=f"{key}.code"):
        st.markdown(
            "This run as a file that needs no lab: it loads, builds, trains, evaluates and saves, and ends by checking "
            "its figures against those here."
        )
        for kind, (label, suffix) in KINDS.items():
            try:
                write(Recipe(name, config), kind)
            except ValueError as error:
                st.caption(literal(str(error)))
                continue
            st.download_button(
                label,
                partial(content, kind),
                file_name=f"{name}{'-keras' if kind == 'keras' else ''}{suffix}",
                icon=":material/download:",
                key=f"{key}.code.{kind}",
                help=_HELP[kind],
                on_click="ignore",
                width="stretch",
            )
