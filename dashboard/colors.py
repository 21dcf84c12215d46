"""The lab's palette: one colour per optimizer, and one per run, the same everywhere.

Eight hues that people with colour-blindness tell apart, each readable on the light and on the dark page; beyond eight
lines the hues come again with another dash.
"""

from itertools import count

from core.analysis.signed_image import NEGATIVE, POSITIVE
from core.optimizers import OPTIMIZERS

BLUE, ORANGE = ("#{:02x}{:02x}{:02x}".format(*color) for color in (POSITIVE, NEGATIVE))
GREEN, RED = "#12946e", "#dc4c43"
VIOLET, OLIVE, CYAN, PINK = "#9a63d4", "#9a8412", "#1597b8", "#d2579b"
#: In the order in which lines take them.
HUES = (BLUE, ORANGE, GREEN, RED, VIOLET, OLIVE, CYAN, PINK)
#: For what stands behind the lines: a diagonal, a mark.
GREY = "#8b98a3"
DASHES = ("solid", "dash", "dot", "dashdot")


def line_style(place: int) -> tuple[str, str]:
    """Colour and dash of the line at ``place``, from 0; 32 places look different.

    A run's place is its number: so it keeps its colour wherever it is shown.

    >>> line_style(0), line_style(9)
    (('#2f7fd6', 'solid'), ('#d97706', 'dash'))
    """
    return HUES[place % len(HUES)], DASHES[place // len(HUES) % len(DASHES)]


def _places() -> dict[str, int]:
    """Map each optimizer to its line: the one that its row names, else the next free one."""
    taken = {spec.line for spec in OPTIMIZERS.values()}
    free = (place for place in count() if place not in taken)
    return {name: next(free) if spec.line is None else spec.line for name, spec in OPTIMIZERS.items()}


OPTIMIZER_COLORS: dict[str, str] = {name: line_style(place)[0] for name, place in _places().items()}
OPTIMIZER_DASHES: dict[str, str] = {name: line_style(place)[1] for name, place in _places().items()}
