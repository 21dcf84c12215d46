"""The popover that writes a run out as code, on every page that shows a run or a model that has one."""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import streamlit as st

from core.models.code import KINDS, recipe_of, write
from core.models.code.recipe import Recipe
from core.models.library import Model
from core.runs import export
from core.runs.store import Run
from dashboard import lab
from dashboard.words import literal

_HELP = {
    "pytorch": "A script of PyTorch and numpy.",
    "keras": "A script of Keras and numpy.",
    "notebook": "PyTorch in a Jupyter notebook, with text and curves.",
}

#: How the popover's sentence ends, by whether the file trains all that the weights have been through.
_END = {
    True: ", and ends by checking its figures against those here.",
    False: ". The weights that this run went on from are not in it: it begins with others, so its figures are others.",
}


def run_as_code(run: Run, key: str) -> None:
    """Draw the popover of a run that has begun; nothing before that.

    Args:
        key: a prefix for the keys of the widgets.
    """
    if run.started is not None:
        origin = "another run" if run.first_step or run.parent_step is not None else ""
        sketch = Recipe(f"run-{run.number}", run.config, origin=origin)
        _popover(sketch, _is_whole(run), partial(recipe_of_run, run), key)


def model_as_code(model: Model, key: str) -> None:
    """Draw the popover of a model that says how it was trained; nothing for another."""
    if model.config:
        run = lab.service().run(model.run) if model.run else None
        _popover(Recipe(model.name, model.config), not run or _is_whole(run), partial(_recipe_of_model, model), key)


def _is_whole(run: Run) -> bool:
    """Return ``Recipe.whole`` of the run's recipe, without reading what the run recorded."""
    parent = export.parent_of(run, lab.service().run)
    return not run.first_step or (parent is not None and _is_whole(parent))


def recipe_of_run(run: Run) -> Recipe:
    """Return all that code needs to know of a run."""
    service = lab.service()
    return export.recipe_of(run, service.run, service.events, service.branch_rate)


def _recipe_of_model(model: Model) -> Recipe:
    run = lab.service().run(model.run) if model.run else None
    return recipe_of(model, recipe_of_run(run) if run else None)


# A page that is drawn at intervals asks this each time.
@st.cache_resource(max_entries=1000, show_spinner=False)
def _refusal(settings: str, kind: str, _sketch: Recipe) -> str:
    """Return why a run cannot be written out in this way; "" where it can."""
    try:
        write(_sketch, kind)
    except ValueError as error:
        return str(error)
    return ""


def _popover(sketch: Recipe, whole: bool, recipe: Callable[[], Recipe], key: str) -> None:
    """Draw the popover; a file is made when its button is pressed, since a long run takes time to read.

    Args:
        sketch: what is known without reading; its title names the file.
        whole: whether the file trains all that the weights have been through.
    """
    name = sketch.title

    def content(kind: str) -> bytes:
        return write(recipe(), kind).encode()

    with st.popover("As code", icon=":material/code:", key=f"{key}.code"):
        st.markdown(f"This run as a file that needs no lab: it loads, builds, trains, evaluates and saves{_END[whole]}")
        for kind, (label, suffix) in KINDS.items():
            if refusal := _refusal(json.dumps(asdict(sketch), sort_keys=True), kind, sketch):
                st.caption(literal(refusal))
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
