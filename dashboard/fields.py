"""Settings as a page's fields: their labels, their rules in words, and what is wrong with what was entered.

The terminal and Python name parameter, rule and value. On a page people see labels, so the page words the same rule
itself, from the attributes of core's error.
"""

import math
import re
import sqlite3

from core.hyperparameters import Hyperparameter, ParameterError, number
from dashboard.words import literal

#: Labels that are not just the parameter's name; ``scope.name`` is that of one optimizer or schedule.
LABELS = {
    "lr": "Learning rate",
    "lr_decay": "Rate decay",
    "eps": "Epsilon",
    "lambd": "Lambda",
    ".patience": "Early-stopping patience",
    "amsgrad": "AMSGrad",
    "noise": "Gradient noise",
}
_LONGEST_SHOWN = 60
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def label(name: str, scope: str = "") -> str:
    """A parameter's label; ``scope`` is the optimizer or schedule that it belongs to."""
    return LABELS.get(f"{scope}.{name}") or LABELS.get(name) or name.replace("_", " ").capitalize()


def rule(parameter: Hyperparameter) -> str:
    """A valid value in words, to follow "must be": ``between 0 and 1000, above 0``."""
    if isinstance(parameter.default, bool) or parameter.choices:
        return parameter.rule
    if isinstance(parameter.default, tuple):
        count = "increasing" if parameter.increasing else str(len(parameter.default))
        return f"{count} numbers{_range(parameter, ' between ')}, separated by commas"
    if isinstance(parameter.default, int):
        return f"a whole number{_range(parameter, ' from ')}"
    return _range(parameter, "between ") or "a number"


def help_text(parameter: Hyperparameter) -> str:
    """The explanation of a field: the parameter's own, and its rule."""
    words = rule(parameter)
    return f"{parameter.help} {words[0].upper()}{words[1:]}."


def explain(error: Exception) -> str:
    """What went wrong, as one sentence of safe Markdown."""
    if isinstance(error, ParameterError):
        return _wrong_value(error)
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or "no reason given"
        return f"The lab could not use its disk: {literal(reason)}."
    if isinstance(error, sqlite3.Error):
        return f"The lab could not use its database: {literal(str(error))}."
    text = _labelled(str(error))
    # A single letter is a coordinate, not a word.
    return literal(text if text[1:2] == " " else text[:1].upper() + text[1:])


def _wrong_value(error: ParameterError) -> str:
    words = rule(error.definition) if error.definition else _labelled(error.rule)
    typed = number(error.value).strip()
    entered = f"you entered {literal(typed[:_LONGEST_SHOWN])}" if typed else "the field is empty"
    sentence = f"{label(error.parameter)} must be {literal(words)}; {entered}."
    single = error.definition is None or not isinstance(error.definition.default, tuple)
    return f"{sentence} Use a decimal point." if single and _DECIMAL_COMMA.fullmatch(typed) else sentence


def _labelled(text: str) -> str:
    """The text with ``validation_split = 0.2`` as ``a validation split of 0.2``, and no other underscores in names."""
    text = re.sub(r"\b([a-z]+_[a-z_]+) = (?=\S)", lambda match: f"{label(match[1]).lower()} ", text)
    return re.sub(r"(?<=[a-z])_(?=[a-z])", " ", text)


def _range(parameter: Hyperparameter, before: str) -> str:
    """``between 0 and 1000, above 0``; "" for a parameter without bounds.

    Args:
        before: the word before a range with two ends.
    """
    low, high = number(parameter.low), number(parameter.high)
    if math.isinf(parameter.low) and math.isinf(parameter.high):
        return ""
    if math.isinf(parameter.high):
        lead = " " if before.startswith(" ") else ""
        return f"{lead}above {low}" if parameter.open_low else f"{lead}of at least {low}"
    to = " to " if before == " from " else " and "
    ends = [f", above {low}"] * parameter.open_low + [f", below {high}"] * parameter.open_high
    return f"{before}{low}{to}{high}{''.join(ends)}"
