"""Confusion matrix as HTML: one look and one scale wherever a network's predictions are shown."""

from torch import Tensor

from core.analysis.signed_image import POSITIVE
from core.data import CLASSES

RIGHT, WRONG = POSITIVE, (214, 69, 80)
#: The colours, in words.
LEGEND = "Blue: right answers; red: mistakes."
#: A mistake made on this share of a class has the full colour.
FULL_MISTAKE = 0.1
#: Opacity of the fullest cell, so that its number stays readable.
MOST = 0.75
_STYLE = """<style>
.confusion { border-collapse: separate; border-spacing: 2px; width: 100%; table-layout: fixed;
  font-size: 0.82rem; font-variant-numeric: tabular-nums; line-height: 1.2; }
.confusion caption { caption-side: top; text-align: center; padding-bottom: 0.15rem; opacity: 0.75; }
.confusion th { font-weight: 600; padding: 0.15rem 0; text-align: center; }
.confusion td { padding: 0; border: 0; }
.confusion .cell { display: grid; place-content: center; width: 100%; aspect-ratio: 1; max-height: 46px;
  border-radius: 5px; }
.confusion .none { opacity: 0.35; }
.confusion button.none { cursor: default; }
.confusion .chosen { outline: 2px solid var(--st-text-color); outline-offset: -2px; }
.confusion button:not(.none):hover { outline: 2px solid var(--st-primary-color); outline-offset: -2px; }
.confusion.bare { border-spacing: 1px; }
.confusion.bare .cell { border-radius: 2px; }
@media (max-width: 480px) { .confusion { border-spacing: 1px; font-size: 0.72rem; } }
</style>"""


def table(matrix: Tensor, chosen: tuple[int, int] | None = None, numbers: bool = True) -> str:
    """Return the (10, 10) counts as a table: row the true class, column the predicted one.

    Args:
        chosen: makes each cell with digits a button whose ``data-value`` is ``"true-predicted"``, and marks this one.
        numbers: show the counts and the classes; without them, the colours only.
    """
    totals = matrix.sum(1).clamp(min=1).tolist()
    rows = []
    for label in range(CLASSES):
        cells = [
            f"<td>{_cell(label, predicted, int(matrix[label, predicted]), totals[label], chosen, numbers)}</td>"
            for predicted in range(CLASSES)
        ]
        name = f'<th scope="row">{label}</th>' if numbers else ""
        rows.append(f"<tr>{name}{''.join(cells)}</tr>")
    names = "".join(f'<th scope="col">{predicted}</th>' for predicted in range(CLASSES))
    head = f"<caption>columns: predicted · rows: true</caption><thead><tr><th></th>{names}</tr></thead>"
    # Colours alone are a picture: a screen reader need not go through a hundred empty cells.
    kind = 'class="confusion"' if numbers else 'class="confusion bare" role="img"'
    return (
        f'{_STYLE}<table {kind} aria-label="Confusion matrix">'
        f"{head if numbers else ''}<tbody>{''.join(rows)}</tbody></table>"
    )


def color(label: int, predicted: int, count: int, total: int) -> str:
    """CSS colour of a cell with ``count`` of the class's ``total`` digits."""
    share = count / total
    if label == predicted:
        hue, fullness = RIGHT, share
    else:
        # The root: one mistake in a thousand is still visible.
        hue, fullness = WRONG, min(1.0, (share / FULL_MISTAKE) ** 0.5)
    return f"rgb({hue[0]} {hue[1]} {hue[2]} / {MOST * fullness:.3f})"


def _cell(label: int, predicted: int, count: int, total: int, chosen: tuple[int, int] | None, numbers: bool) -> str:
    title = f"{count} digits: a {label}, predicted {predicted}"
    kinds = "cell" + (" none" if not count and label != predicted else "")
    kinds += " chosen" if chosen == (label, predicted) else ""
    style = f'class="{kinds}" style="background: {color(label, predicted, count, total)}" title="{title}"'
    text = (count or "·") if numbers else ""
    if chosen is None:
        return f"<div {style}>{text}</div>"
    action = f'data-value="{label}-{predicted}"' if count else "disabled"
    return f'<button {style} aria-label="{title}" {action}>{text}</button>'
