"""Settings of a lesson: what its link fixes, what its visitor chose, and what its runs had."""

from dataclasses import replace
from typing import Any

from core.files import shortened
from core.runs.store import Run
from core.training import config as rules
from dashboard import address, fields
from dashboard.views.lessons import CONTROLS, Lesson
from dashboard.words import literal

PARAMETERS = {"epochs": rules.EPOCHS, "seed": rules.SEED}
#: Every lesson's settings, and the choice predicted, None before there is one.
STATE = address.State("lesson.", {})


def as_set(lesson: Lesson, runs: list[Run]) -> Lesson:
    """Return the lesson with the settings of its runs; before there are any, with those chosen for them."""
    try:
        # Not the runs' whole configs: any runs may stand in an address.
        values = {name: getattr(runs[0].config, name) for name in lesson.controls} if runs else chosen(lesson)
        configs = lesson.configs(**values)
    except ValueError:
        return lesson
    return replace(lesson, lines=dict(zip(lesson.lines, configs, strict=True)))


def checked(lesson: Lesson, name: str, text: str) -> Any:
    """Return the value of one of the lesson's controls.

    Raises:
        ValueError: if it breaks its rule, or does not fit the lesson.
    """
    value = PARAMETERS[name].parse(text)
    lesson.configs(**{name: value})
    return value


def fixed_by_link(lesson: Lesson) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that the link fixes, by the name of the control, and a sentence on each that is not used."""
    fixed: dict[str, Any] = {}
    unused = []
    for name in CONTROLS:
        if not (text := address.get(name).strip()):
            continue
        if name not in lesson.controls:
            shown = literal(shortened(text))
            unused.append(f"{fields.label(name)} cannot be set in this lesson; this link's {shown} is not used.")
            continue
        try:
            fixed[name] = checked(lesson, name, text)
        except ValueError as wrong:
            unused.append(fields.explain(wrong, "this link's {} is not used"))
    return fixed, unused


def chosen(lesson: Lesson) -> dict[str, Any]:
    """Return the settings of the link and of the page.

    Raises:
        ValueError: if one breaks its rule.
    """
    fixed, _ = fixed_by_link(lesson)
    texts = {name: STATE.get(f"{lesson.key}.{name}", "") for name in lesson.controls if name not in fixed}
    return {**fixed, **{name: PARAMETERS[name].parse(text) for name, text in texts.items() if text.strip()}}
