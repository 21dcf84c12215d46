"""The map as an HTML table with a button per cell, for screen readers, phones and keyboards."""

from html import escape

from core.sweep.view import Trial, View
from dashboard.views.sweep import map_figure
from dashboard.views.sweep.wording import EARLY, choice, label, result, value_in_words
from dashboard.words import loss, percent

_STYLE = """<style>
.sweep-map { border-collapse: collapse; font-size: 0.82rem; font-variant-numeric: tabular-nums; }
.sweep-map th, .sweep-map td { padding: 0.25rem 0.5rem; text-align: right; white-space: nowrap; }
.sweep-map th { font-weight: 600; }
.sweep-map caption { text-align: left; padding-bottom: 0.2rem; }
.sweep-map button:hover { text-decoration: underline; }
.sweep-map .best { font-weight: 700; }
</style>"""


def html(sweep: View, figure_of: str) -> str:
    """Return the table; each cell with a run is a button whose ``data-value`` is the run's id."""
    y, x = map_figure.axes(sweep.settings.space)
    rows, columns = map_figure.values(y, sweep.trials), map_figure.values(x, sweep.trials)
    cells = {(trial.chosen.get(y.name), trial.chosen.get(x.name)): trial for trial in sweep.trials}
    heads = "".join(f'<th scope="col">{escape(value_in_words(x.name, value))}</th>' for value in columns)
    lines = []
    for row in rows:
        own = [cells.get((row, column)) for column in columns]
        best = _best(own, figure_of)
        shown = "".join(f"<td>{_cell(trial, figure_of, trial is best) if trial else ''}</td>" for trial in own)
        lines.append(f'<tr><th scope="row">{escape(value_in_words(y.name, row))}</th>{shown}</tr>')
    sides = f"rows: {label(y.name).lower()}, columns: {label(x.name).lower()}"
    caption = f"{sides}; validation {figure_of}, the best of a row bold"
    return (
        f'{_STYLE}<div class="scroll"><table class="sweep-map"><caption>{escape(caption)}</caption>'
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _best(own: list[Trial | None], figure_of: str) -> Trial | None:
    """Return the trial of a row whose shown figure is best; None without another to compare it with."""
    known = [trial for trial in own if trial and trial.state not in ("diverged", *map_figure.CUT_OFF)]
    sign = -1 if figure_of == "loss" else 1
    figures = [(sign * figure, trial) for trial in known if (figure := getattr(trial, figure_of)) is not None]
    return max(figures, key=lambda one: one[0])[1] if len(figures) > 1 else None


def _cell(trial: Trial, figure_of: str, best: bool) -> str:
    if trial.state in ("diverged", "failed") or not trial.accuracies:
        text = result(trial)
    else:
        text = loss(trial.loss) if figure_of == "loss" else percent(trial.accuracy)
        text += EARLY.get(trial.state, "")
    said = escape(f"{choice(trial.chosen)}: {result(trial)}")
    kind = ' class="best"' if best else ""
    if not trial.runs:
        return f"<span{kind}>{escape(text)}</span>"
    return f'<button{kind} data-value="{escape(trial.runs[0])}" aria-label="{said}">{escape(text)}</button>'
