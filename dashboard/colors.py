"""One colour an optimizer, and one a run, the same everywhere in the lab.

Eight hues that people with colour-blindness tell apart, each readable on the light and on the dark page; the second
eight repeat them with a dashed line.
"""

from core.optimizers import OPTIMIZERS

_BLUE, _ORANGE, _GREEN, _RED = "#2f7fd6", "#d97706", "#12946e", "#dc4c43"
_VIOLET, _OLIVE, _CYAN, _PINK = "#9a63d4", "#9a8412", "#1597b8", "#d2579b"

#: The eight, for what has no optimizer of its own.
SERIES = (_BLUE, _ORANGE, _GREEN, _RED, _VIOLET, _OLIVE, _CYAN, _PINK)

OPTIMIZER_COLORS: dict[str, str] = {
    "sgd": _BLUE,
    "momentum": _ORANGE,
    "nesterov": _GREEN,
    "adam": _RED,
    "rmsprop": _VIOLET,
    "adagrad": _OLIVE,
    "adamw": _CYAN,
    "muon": _PINK,
    "asgd": _BLUE,
    "rprop": _ORANGE,
    "adadelta": _GREEN,
    "nadam": _RED,
    "radam": _VIOLET,
    "adafactor": _OLIVE,
    "adamax": _CYAN,
    "lbfgs": _PINK,
}
#: Beyond eight lines, the hues come again with another pattern.
HUES = (_BLUE, _ORANGE, _GREEN, _RED, _VIOLET, _OLIVE, _CYAN, _PINK)
DASHES = ("solid", "dash", "dot", "dashdot")
_SOLID = ("sgd", "momentum", "nesterov", "adam", "rmsprop", "adagrad", "adamw", "muon")
OPTIMIZER_DASHES: dict[str, str] = {name: "solid" if name in _SOLID else "dash" for name in OPTIMIZERS}


def line_style(place: int) -> tuple[str, str]:
    """Colour and dash of the line at ``place``, from 0; 32 places look different.

    A run's place is its number: so it keeps its colour wherever it is shown.
    """
    return HUES[place % len(HUES)], DASHES[place // len(HUES) % len(DASHES)]
