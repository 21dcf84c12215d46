"""A run as code that needs no lab: a script of PyTorch or Keras, or a notebook, that ends by checking its figures."""

from dataclasses import replace

from core.files import shortened
from core.models.code import keras, notebook, pytorch
from core.models.code.recipe import Recipe
from core.models.library import Model

#: The kinds of code: their label, and the suffix of their file.
KINDS = {"pytorch": ("PyTorch", ".py"), "keras": ("Keras", ".py"), "notebook": ("Notebook", ".ipynb")}


def write(recipe: Recipe, kind: str = "pytorch") -> str:
    """Return the run's code, of one of ``KINDS``.

    Raises:
        ValueError: in one sentence, for an unknown kind and for a run that Keras cannot train.
    """
    match kind:
        case "pytorch":
            return pytorch.script(recipe)
        case "keras":
            return keras.script(recipe)
        case "notebook":
            return notebook.content(recipe)
    raise ValueError(f"as must be one of {', '.join(KINDS)}, got as = {shortened(kind)}.")


def recipe_of(model: Model, run: Recipe | None = None) -> Recipe:
    """Return what a saved model tells of its run.

    Args:
        run: its run's, where the lab has it: rates that were set by hand, and what the run began with, are not in the
            model's file.

    Raises:
        ValueError: if it does not say how it was trained.
    """
    config, step = model.config, model.step
    if config is None:
        raise ValueError(f"{model.name} does not say how it was trained.")
    steps = None if step is None or step == config.span.steps else step
    own = Recipe(model.name, config, steps, test_accuracy=model.test_accuracy)
    if run is None:
        return own
    first, origin = run.first_step, run.origin
    return replace(own, plan=run.plan, first_step=first, origin=origin, before=run.before, own_rate=run.own_rate)
