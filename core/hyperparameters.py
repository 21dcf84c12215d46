"""One hyper-parameter of an optimizer or a schedule: its default, its range, one sentence.

The registries hold tuples of these. Forms draw them, the terminal parses them and
``RunConfig`` checks them, so a value gets the same sentence wherever it was typed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Value = bool | int | float | str | tuple[float, ...]


def number(value: Any) -> str:
    """A value as a person would type it: ``0.001``, ``1e-08``, ``0.9,0.999``, ``none``."""
    if isinstance(value, (tuple, list)):
        return ",".join(number(part) for part in value)
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


@dataclass(frozen=True)
class Hyperparameter:
    """A named value. The default's type is the value's type.

    Args:
        name: the keyword that the constructor takes.
        default: ``bool``, ``int``, ``float``, one of ``choices``, or a tuple of floats.
        help: one sentence for the person who chooses it.
        low, high: the range of a number, or of each part of a tuple.
        open_low, open_high: whether the ends themselves are excluded.
        choices: the words allowed; non-empty only when the default is a word.
        increasing: whether a tuple's parts must strictly increase; such a tuple has any length.
    """

    name: str
    default: Value
    help: str
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    choices: tuple[str, ...] = ()
    increasing: bool = False

    @property
    def rule(self) -> str:
        """What a valid value is, in words: ``a number in [0, 1)``."""
        if isinstance(self.default, bool):
            return "true or false"
        if self.choices:
            return "one of " + ", ".join(self.choices)
        left = "(" if self.open_low or self.low == -math.inf else "["
        right = ")" if self.open_high or self.high == math.inf else "]"
        interval = f"{left}{number(self.low)}, {number(self.high)}{right}"
        if isinstance(self.default, tuple):
            count = "increasing" if self.increasing else str(len(self.default))
            return f"{count} numbers in {interval}"
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{kind} in {interval}"

    def check(self, value: Any) -> Value:
        """The value in its own type.

        Raises:
            ValueError: with the name, the rule and the value, if it breaks the rule.
        """
        checked = self._typed(value)
        if checked is None:
            raise ValueError(f"{self.name} must be {self.rule}, got {self.name} = {number(value) or 'nothing'}.")
        return checked

    def parse(self, text: str) -> Value:
        """The value typed as text: ``0.9``, ``true``, ``0.9,0.999``, or a choice.

        Raises:
            ValueError: as ``check`` does.
        """
        text = text.strip()
        if isinstance(self.default, bool):
            return self.check({"true": True, "false": False}.get(text.lower(), text))
        if self.choices:
            return self.check(text)
        try:
            if isinstance(self.default, tuple):
                return self.check(tuple(float(part) for part in text.strip("()[]").split(",") if part.strip()))
            return self.check(int(text) if isinstance(self.default, int) else float(text))
        except ValueError:
            return self.check(text)

    def _typed(self, value: Any) -> Value | None:
        if isinstance(self.default, bool):
            return value if isinstance(value, bool) else None
        if self.choices:
            return value if value in self.choices else None
        if isinstance(self.default, tuple):
            if not isinstance(value, (tuple, list)) or not value:
                return None
            parts = tuple(float(part) for part in value if self._in_range(part))
            if len(parts) != len(value):
                return None
            if self.increasing:
                return parts if all(a < b for a, b in pairwise(parts)) else None
            return parts if len(parts) == len(self.default) else None
        if not self._in_range(value):
            return None
        if isinstance(self.default, int):
            return int(value) if float(value).is_integer() else None
        return float(value)

    def _in_range(self, value: Any) -> bool:
        # A NaN or an infinity fails; an int too large for a float must not raise here.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -math.inf < value < math.inf:
            return False
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below


def check_all(known: tuple[Hyperparameter, ...], given: Mapping[str, Any], owner: str) -> dict[str, Value]:
    """The given values, each checked against the hyper-parameter of its name.

    Raises:
        ValueError: for a name that ``owner`` does not have, or a value that breaks its rule.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"{owner} takes its parameters as names with values, got {given}.")
    by_name = {parameter.name: parameter for parameter in known}
    for name in given:
        if name not in by_name:
            allowed = ", ".join(by_name) or "none"
            raise ValueError(f"{owner} has no parameter {name}; its parameters: {allowed}.")
    return {name: by_name[name].check(value) for name, value in given.items()}
