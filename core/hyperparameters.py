"""Hyper-parameters of optimizers and schedules: default, range and one sentence of help each.

The registries hold tuples of these. Forms draw them, the terminal parses them and
``RunConfig`` checks them, so a value gets the same sentence wherever it was typed.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from core.files import shortened

Value = bool | int | float | str | tuple[float, ...]


class InvalidValue(ValueError):  # noqa: N818 - a name that pages and notebooks read well
    """A value that breaks its parameter's rule; the message names all three.

    Args:
        parameter: the name in Python and on the terminal; a page shows its own label in its place.
        rule: what follows "must": ``be a number in (0, 1000]``.
        value: as it was given.
    """

    def __init__(self, parameter: str, rule: str, value: Any) -> None:
        # A value from outside must not break the sentence into lines.
        shown = shortened(number(value)) or "nothing"
        super().__init__(f"{parameter} must {rule}, got {parameter} = {shown}.")
        self.parameter, self.rule, self.value = parameter, rule, value


def number(value: Any) -> str:
    """Write a value as a person would type it: ``0.001``, ``1e-08``, ``0.9,0.999``, ``none``."""
    if isinstance(value, (tuple, list)):
        return ",".join(number(part) for part in value)
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


def counted(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``, ``10,000 test digits``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def exact(value: Any) -> str:
    """Write a value so that to read it gives the same one: as ``number`` does, with more digits where it needs them."""
    if isinstance(value, (tuple, list)):
        return ",".join(exact(part) for part in value)
    text = number(value)
    return text if not isinstance(value, float) or float(text) == value else repr(value)


@dataclass(frozen=True)
class Hyperparameter:
    """A named value. The default's type is the value's type.

    Args:
        name: the constructor's keyword.
        default: ``bool``, ``int``, ``float``, one of ``choices``, or a tuple of floats.
        help: one sentence for the person who chooses it.
        low, high: the range of a number, or of each part of a tuple.
        open_low, open_high: True where that end is itself excluded.
        choices: the words allowed; non-empty only when the default is a word.
        increasing: True for a tuple of any length whose parts must strictly increase.
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
        """Valid values in words: ``a number in [0, 1)``."""
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
        """Return the value in its own type.

        Raises:
            InvalidValue: if it breaks the rule.
        """
        checked = self._typed(value)
        if checked is None:
            raise InvalidValue(self.name, f"be {self.rule}", value)
        return checked

    def parse(self, text: str) -> Value:
        """Return the value that a text says: ``0.9``, ``true``, ``0.9,0.999``, or a choice.

        Raises:
            InvalidValue: as ``check`` does.
        """
        text = text.strip()
        if isinstance(self.default, bool):
            return self.check({"true": True, "false": False}.get(text.lower(), text))
        if self.choices:
            return self.check(text)
        try:
            if isinstance(self.default, tuple):
                return self.check(tuple(_float(part) for part in text.strip("()[]").split(",") if part.strip()))
            return self.check(whole_number(text) if isinstance(self.default, int) else _float(text))
        except ValueError:
            # The text as it was typed, not what became of it on the way.
            raise InvalidValue(self.name, f"be {self.rule}", text) from None

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


def whole_number(text: str) -> int:
    """Return the whole number that a text says in ASCII digits.

    Raises:
        ValueError: if it says none; ``int`` alone would also take ``6_4`` and the digits of other scripts.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text):
        raise ValueError("not a whole number")
    return int(text)


def _float(text: str) -> float:
    if not text.isascii() or "_" in text:
        raise ValueError("not a number")
    return float(text)


def check_all(known: tuple[Hyperparameter, ...], given: Mapping[str, Any], owner: str) -> dict[str, Value]:
    """Return the given values, each checked against the hyper-parameter of its name, in the order of ``known``.

    Raises:
        ValueError: for a name that ``owner`` does not have.
        InvalidValue: for a value that breaks its rule.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"{owner} takes its parameters as names with values, got {shortened(str(given))}.")
    by_name = {parameter.name: parameter for parameter in known}
    for name in given:
        if name not in by_name:
            allowed = ", ".join(by_name) or "none"
            raise ValueError(f"{owner} has no parameter {shortened(str(name))}; its parameters: {allowed}.")
    # One order whatever the order of the given: texts of equal values are compared.
    return {name: parameter.check(given[name]) for name, parameter in by_name.items() if name in given}
