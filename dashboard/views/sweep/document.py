"""A sweep as a page that stands alone."""

from core.sweep.view import View
from dashboard.components import figure, standalone
from dashboard.components.standalone import Block
from dashboard.views.sweep import map_figure, search_figures, verdict
from dashboard.views.sweep.wording import in_common, label, result, title, value_in_words
from dashboard.words import percent


def document(sweep: View, theme: str) -> str:
    """Return the sweep as one HTML file: its pictures, its best, its confirmation and all its settings."""
    names = sweep.settings.space.names
    blocks: list[Block] = [standalone.text(sweep.notes)] if sweep.notes else []
    blocks += [standalone.text(f"The same for all: {in_common(sweep)}.")]
    if sweep.state == "running":
        blocks += [standalone.text("The sweep was running when this page was saved.")]
    if search_figures.scored(sweep):
        blocks += _pictures(sweep)
    if sweep.confirmation:
        said = verdict.sentences(sweep, sweep.confirmation)
        blocks += [standalone.heading("Confirmed with fresh seeds"), *map(standalone.text, said)] if said else []
    rows = [
        (
            f"{trial.number + 1}",
            *(value_in_words(name, trial.chosen[name]) if name in trial.chosen else "" for name in names),
            result(trial),
        )
        for trial in sorted(sweep.trials, key=lambda trial: -(trial.accuracy or 0.0))
    ]
    head = ("Setting", *map(label, names), "Validation accuracy")
    blocks += [standalone.heading("All settings"), standalone.table(head, rows)]
    return standalone.page(title(sweep), blocks, theme)


def _pictures(sweep: View) -> list[Block]:
    dimensions = sweep.settings.space.dimensions
    if len(dimensions) == 2:
        pictures = [figure.still(map_figure.figure(sweep, "accuracy"), title(sweep), in_common(sweep))]
    else:
        pictures = [figure.still(search_figures.history(sweep, ()), "Accuracy of each setting", in_common(sweep))]
        pictures += [
            figure.still(
                search_figures.slices(sweep, dimension, ()), f"Accuracy against {label(dimension.name).lower()}"
            )
            for dimension in dimensions
        ]
    best = sweep.best
    if best is None:
        return [*pictures]
    chosen = {label(name): value_in_words(name, value) for name, value in best.chosen.items()}
    values = {**chosen, "Validation accuracy": percent(best.accuracy)}
    return [*pictures, standalone.heading("The best"), standalone.pairs(values)]
