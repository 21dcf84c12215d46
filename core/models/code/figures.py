"""The last lines of a run's code: its figures beside those of the lab's own run, and how far apart they may be."""

import math
from typing import NamedTuple

from core.models.code.recipe import Recipe
from core.training.config import RunConfig

#: Tolerances of losses, relative: of the first one and that of ``EARLY_STEP``, of that of ``LATER_STEP``, and of the
#: mean over the first ones. Rounding grows from step to step until late losses are others altogether; up to the rate
#: that is recommended for its optimizer it has hardly grown at ``LATER_STEP``.
EARLY, LATER, MEAN = 1e-4, 1e-3, 0.2
EARLY_STEP, LATER_STEP = 9, 99
#: Optimizers that make rounding large within a few steps, and the tolerance of the second step there.
UNSTEADY, SECOND = ("lbfgs", "muon"), 1e-2
#: Optimizer whose first step is some ten times its rate for every weight, whichever way rounding turns its gradient.
TURNED = "rmsprop"
#: Of the learning rate's base: what writing a rate in 32 bits may change in it.
RATE = 1e-6


class Figure(NamedTuple):
    """A figure: its name, the expression that gives it in the code, the lab's value, and how far apart they may be."""

    name: str
    code: str
    lab: float
    apart: float


def losses(recipe: Recipe) -> list[Figure]:
    """Return losses of single steps, and the mean over the first ones, as far as they are finite."""
    values = recipe.losses[: _certain(recipe)]
    count = len(values)
    found = [
        Figure(f"training loss of step {step}", f"losses[{step}]", values[step], values[step] * tolerance)
        for step, tolerance in _tolerances(recipe, count).items()
        if step < count
    ]
    if count and not recipe.diverged and not _begins_short(recipe):
        name, mean = f"mean training loss of the first {count} steps", sum(values) / count
        found.append(Figure(name, f"sum(losses[:{count}]) / {count}", mean, mean * MEAN))
    return [figure for figure in found if math.isfinite(figure.lab)]


def _certain(recipe: Recipe) -> int:
    """Return the number of steps that the code has at least: where losses decide on the end, their rounding does."""
    ends = [
        max(run.first_step, (run.config.patience + 1) * run.config.span.steps_per_epoch)
        for run in recipe.way
        if run.config.patience
    ]
    return min([len(recipe.losses), *ends])


def _begins_short(recipe: Recipe) -> bool:
    """Return True if L-BFGS begins at a rate below its own: its line search then goes as far as rounding lets it."""
    for run in recipe.way:
        config, step = run.config, run.first_step
        if config.optimizer == "lbfgs":
            (planned,) = config.planned_rates([step])
            if dict(run.plan).get(step, planned) < config.optimizer_spec.lr:
                return True
    return False


def _tolerances(recipe: Recipe, count: int) -> dict[int, float]:
    """Return the steps whose losses are compared, of the first ``count``, each with its relative tolerance."""
    if _begins_short(recipe):
        return {0: EARLY}
    if any(run.config.optimizer in UNSTEADY for run in recipe.way):
        return {0: EARLY, 1: SECOND}
    calm = all(
        rate <= RunConfig.recommended(run.config.optimizer).lr
        for run in recipe.way
        for rate in (run.config.lr, *(rate for _, rate in run.plan))
    )
    if any(run.config.optimizer == TURNED for run in recipe.way):
        return {0: EARLY, EARLY_STEP: LATER}
    if recipe.diverged or not calm or recipe.way[0].config.initialization == "large":
        return {0: EARLY, EARLY_STEP: EARLY}
    later = min(LATER_STEP, count - 1)
    return {0: EARLY, EARLY_STEP: EARLY} | ({later: LATER} if later > EARLY_STEP else {})


def rate(recipe: Recipe, code: str, scale: float = 1.0) -> list[Figure]:
    """Return the learning rate of the last step, which is the lab's own whatever rounding does; nothing where it may
    not be.

    Args:
        code: the expression of the optimizer's rate after the last step.
        scale: that rate as a multiple of the schedule's.
    """
    # Where losses decide on the rate or on the end, their rounding does.
    if recipe.last_rate is None or recipe.config.schedule_spec.reacts or recipe.config.patience:
        return []
    return [Figure("learning rate of the last step", code, recipe.last_rate * scale, RATE * recipe.config.lr * scale)]


def accuracy(recipe: Recipe, apart: float) -> list[Figure]:
    """Return the test accuracy, if the lab has it; a run whose accuracy falls from epoch to epoch may be as far off."""
    if recipe.test_accuracy is None or recipe.diverged or _begins_short(recipe):
        return []
    first = recipe.way[0].config
    # Of weights that stay 0, outputs that saw as many images of each digit differ by rounding alone.
    if first.initialization == "zero" and first.train_images:
        return []
    return [Figure("test accuracy", "test_accuracy", recipe.test_accuracy, max(apart, 2 * recipe.fall))]


def comparison(figures: list[Figure], causes: str) -> str:
    """Return lines that compare the figures and end the code with a sentence on the first that is too far off.

    Args:
        causes: what the tolerances allow for, as "rounding".
    """
    if not figures:
        return "# The lab has no figures of this run."
    rows = "\n".join(f'    ("{name}", {code}, {lab!r}, {apart:.1g}),' for name, code, lab, apart in figures)
    return (
        "# Each figure here, in the lab, and how far apart the two may be.\n"
        f"FIGURES = [\n{rows}\n]\n"
        "for name, here, lab, apart in FIGURES:\n"
        "    if not abs(here - lab) <= apart:\n"
        f'        why = "{causes} cannot explain that"\n'
        '        sys.exit(f"The {name} is {here:.6g} here and {lab:.6g} in the lab: {why}.")\n'
        'print("These are the figures of the lab\'s own run.")'
    )
