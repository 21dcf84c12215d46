"""Settings as a page's fields: their labels, their rules in words, and the errors in what was entered.

The terminal and Python name parameter, rule and value. On a page people see labels, so the page words the same rule
itself, from the attributes of core's error.
"""

import re
import sqlite3
from functools import cache

import streamlit as st

from core.files import shortened
from core.hyperparameters import Hyperparameter, InvalidValue, number, whole_number
from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from core.training.schedules import SCHEDULES
from dashboard.words import in_words, literal

#: Labels that are not just the parameter's name; ``scope.name`` is that of one optimizer or schedule.
LABELS = {
    "lr": "Learning rate",
    "lr_decay": "Rate decay",
    "train_images": "Training images",
    "initialization": "First weights",
    "eps": "Epsilon",
    "lambd": "Lambda",
    ".patience": "Early-stopping patience",
    "amsgrad": "AMSGrad",
    "noise": "Gradient noise",
    # Of a sweep: values of a range, and settings tried.
    "points": "Steps",
    "trials": "Settings",
    # Of a surface.
    "formula": "f(x, y)",
    "settings": "All settings, as text",
    "x": "x",
    "y": "y",
}
_LONGEST_SHOWN = 60
_INTERVAL = re.compile(r"(a number|a whole number|(?:\d+|increasing) numbers) in ([\[(])([^,]+), ([^\])]+)([\])])")
#: Core's sentence on the text of a surface: what it names, its rule, and what of the text breaks the rule.
_TEXT = re.compile(r"(formula|starts|domain|settings|x|y) ((?:must|may) .*?)(?:, got (?:\1 = )?(.*))?\.", re.DOTALL)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def label(name: str, scope: str = "") -> str:
    """Label of a parameter; ``scope`` is the optimizer or schedule that it belongs to."""
    return LABELS.get(f"{scope}.{name}") or LABELS.get(name) or name.replace("_", " ").capitalize()


def limit(key: str, last: int) -> None:
    """Put a step that was entered when there were more of them back to the last one; before its field is drawn.

    Nobody has entered a step that is out of range only now. One that is entered so stays, and its rule is said.

    Args:
        key: of the field in the session.
        last: the last step that there is now.
    """
    former = st.session_state.get(f"{key}.last", last)
    st.session_state[f"{key}.last"] = last
    try:
        entered = whole_number(str(st.session_state.get(key)).strip())
    except ValueError:
        return
    if last < entered <= former:
        st.session_state[key] = str(last)


def settings(config: RunConfig) -> dict[str, str]:
    """Return every setting in words, by its label; a run and its schedule may each have a patience."""
    values = config.to_dict()
    own = {scope: values.pop(f"{scope}_params") for scope in ("optimizer", "schedule")}
    shown = {label(name): in_words(name, value) for name, value in values.items() if value is not None}
    for scope, params in own.items():
        shown |= {label(name, values[scope]): in_words(name, value) for name, value in params.items()}
    return shown


def help_text(parameter: Hyperparameter) -> str:
    """Explanation of a field: the parameter's own, and its rule; a list of choices shows that itself."""
    if parameter.choices:
        return parameter.help
    words = rule_in_words(parameter.rule)
    return f"{parameter.help} {words[0].upper()}{words[1:]}."


def rule_in_words(rule: str) -> str:
    """Write a rule of core's with its intervals in words.

    >>> rule_in_words("a number in (0, 1000]")
    'between 0 and 1000, above 0'
    >>> rule_in_words("a whole number in [1, 60000] or full")
    'a whole number from 1 to 60000 or full'
    >>> rule_in_words("2 numbers in [0, 1)")
    '2 numbers between 0 and 1, below 1, separated by commas'
    """
    return _INTERVAL.sub(_interval, rule)


def explain(error: Exception, given: str = "you entered {}") -> str:
    """Describe an error in one sentence of safe Markdown.

    Args:
        given: how the sentence names a wrong value.
    """
    if isinstance(error, InvalidValue):
        return _wrong_value(error, given)
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or "no reason given"
        return f"The lab could not use its disk: {literal(reason)}."
    if isinstance(error, sqlite3.Error):
        return f"The lab could not use its database: {literal(str(error))}."
    if found := _TEXT.fullmatch(str(error)):
        name, rule, value = found.groups()
        sentence = f"{label(name)} {literal(_labelled(rule))}"
        return f"{sentence}." if value is None else f"{sentence}; {_entered(value, given)}."
    text = _labelled(str(error))
    # A single letter is a coordinate, not a word.
    return literal(text if text[1:2] == " " else text[:1].upper() + text[1:])


def _wrong_value(error: InvalidValue, given: str) -> str:
    typed = number(error.value).strip()
    sentence = (
        f"{label(error.parameter)} must {literal(_labelled(rule_in_words(error.rule)))}; {_entered(typed, given)}."
    )
    single = "numbers" not in error.rule
    return f"{sentence} Use a decimal point." if single and _DECIMAL_COMMA.fullmatch(typed) else sentence


def _entered(typed: str, given: str) -> str:
    return given.format(literal(shortened(typed, _LONGEST_SHOWN))) if typed else "the field is empty"


@cache
def _named() -> re.Pattern[str]:
    """Return what finds settings' names that are no words; others of such letters are somebody's own, as a file's."""
    rows = [*(row.hyperparameters for row in OPTIMIZERS.values()), *(row.hyperparameters for row in SCHEDULES.values())]
    names = {*RunConfig().to_dict(), *(parameter.name for row in rows for parameter in row)}
    return re.compile(
        rf"(?<![\w.-])({'|'.join(sorted(name for name in names if '_' in name))})(?![\w-]|\.\w)( = (?=\S))?"
    )


def _labelled(text: str) -> str:
    """Put labels in place of settings' names: ``validation_split = 0.2`` is ``validation split 0.2``."""
    return _named().sub(lambda match: label(match[1]).lower() + (" " if match[2] else ""), text)


def _interval(match: re.Match[str]) -> str:
    kind, opening, low, high, closing = match.groups()
    several, whole = kind.endswith("numbers"), kind == "a whole number"
    comma = ", separated by commas" if several else ""
    if high == "inf":
        bounds = "" if low == "-inf" else f" above {low}" if opening == "(" else f" of at least {low}"
        return f"{kind}{bounds}{comma}"
    ends = (f", above {low}" if opening == "(" else "") + (f", below {high}" if closing == ")" else "")
    bounds = f"from {low} to {high}" if whole else f"between {low} and {high}"
    return f"{kind if several or whole else ''} {bounds}{ends}{comma}".lstrip()
