"""The lessons: a file each, data on top and text below; a new file here is a new lesson.

``+++``, TOML, ``+++``, then Markdown with LaTeX; what stands after the heading ``## What to look at`` is shown below
the curves. The TOML:

- ``title``, ``question``: one line each; ``order``: its place in the list;
- ``[base]``: fields of ``RunConfig`` that all runs share; ``[[lines]]``: a name, and the fields that differ;
- ``touch``: one of ``TOUCHES``, the control beside the lesson's formula;
- ``controls``: which fields a person may set for all runs: ``epochs``, ``seed``;
- ``[prediction]``: ``ask``; ``measure``, one of ``MEASURES``; ``spread``, where seeds make more difference here than
  the measure says; ``why``, shown with the outcome; ``choices``:
  each a ``text`` and either ``lines``, right if the best line by the measure (with ``worst = true`` the worst) is one
  of them, or ``from`` and ``to``, right if the measure of ``prediction.line`` (minus that of ``prediction.minus``) is
  at least ``from`` and below ``to``;
- ``[[steps]]``, for a lesson that walks through code: ``title``, ``text``, ``core``, ``keras``, and ``shows``, what of
  the run is shown there, one of ``SHOWS``.
"""

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.runs.curves import Curves
from core.sweep import race
from core.training.config import RunConfig

FOLDER = Path(__file__).parent
LOOK = "## What to look at"
CONTROLS = ("epochs", "seed")
TOUCHES = ("batch", "order", "noise", "rate", "schedule", "momentum", "adaptive", "digit", "labels", "units")
SHOWS = ("network", "config", "curves", "evaluation", "predictions", "file")


@dataclass(frozen=True)
class Measure:
    """Measure by which a prediction is judged.

    Args:
        words: its name.
        of: its value for a run, or None.
        more: more is better.
        spread: smaller differences come of the seed alone.
    """

    words: str
    of: Callable[[Curves], float | None]
    more: bool
    spread: float = 0.0


MEASURES = {
    # The range over seeds is that of benchmarks/learning_rates.py, see benchmarks/LOG.md.
    "validation_accuracy": Measure(
        "validation accuracy",
        lambda curves: curves.epochs[-1].validation_accuracy if curves.epochs else None,
        more=True,
        spread=0.003,
    ),
    "training_loss": Measure(
        "training loss", lambda curves: curves.epochs[-1].train_loss if curves.epochs else None, more=False
    ),
    "images_per_second": Measure("images per second", lambda curves: curves.images_per_second, more=True),
}


@dataclass(frozen=True)
class Choice:
    """One answer to a prediction's question; see the module's text for ``lines`` and the range."""

    text: str
    lines: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Prediction:
    ask: str
    measure: str
    choices: tuple[Choice, ...]
    why: str
    line: str = ""
    minus: str = ""
    worst: bool = False
    spread: float = 0.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The lines without whose ends it cannot be judged."""
        if self.line:
            return tuple(filter(None, (self.line, self.minus)))
        return tuple(dict.fromkeys(name for choice in self.choices for name in choice.lines))


@dataclass(frozen=True)
class Outcome:
    """Measured values by line, and the choices that they make right.

    Args:
        possible: indices of the choices, the measured one first: more than one where another seed may make another one
            right, none where nothing was measured.
    """

    values: dict[str, float]
    possible: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """A step of a lesson through code."""

    title: str
    text: str
    core: str
    keras: str
    shows: str


@dataclass(frozen=True)
class Lesson:
    """A lesson. ``lines`` are its runs by name, in order; a lesson through code has one. ``touch`` may be empty."""

    key: str
    order: int
    title: str
    question: str
    text: str
    look: str
    lines: dict[str, RunConfig]
    touch: str
    controls: tuple[str, ...]
    prediction: Prediction | None
    steps: tuple[Step, ...]

    @property
    def varied(self) -> str | None:
        """The setting that its lines vary, of those that a race can vary; None for a lesson with one line.

        Where optimizers differ, so may their rates: then it is the optimizer.
        """
        differing = race.differing(list(self.lines.values()))
        return next((knob for knob in race.KNOBS if knob in differing), None)

    def configs(self, **chosen: Any) -> list[RunConfig]:
        """Return the lines' configs with what a person chose for all of them.

        Raises:
            ValueError: as ``RunConfig`` does.
        """
        return [RunConfig.from_dict({**config.to_dict(), **chosen}) for config in self.lines.values()]


@cache
def lessons() -> dict[str, Lesson]:
    """Every lesson by its key, the file's name, in order.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    all_lessons = [read(path.stem, path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.md")]
    return {lesson.key: lesson for lesson in sorted(all_lessons, key=lambda lesson: (lesson.order, lesson.key))}


def read(key: str, text: str) -> Lesson:
    """Parse a lesson from its file's text.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    try:
        _, head, body = text.split("+++\n", 2)
        values = tomllib.loads(head)
        intro, _, look = body.partition(LOOK)
        base = values.get("base", {})
        lines = {
            line["name"]: RunConfig.from_dict({**base, **{k: v for k, v in line.items() if k != "name"}})
            for line in values["lines"]
        }
        prediction = _prediction(values["prediction"], lines) if "prediction" in values else None
        steps = tuple(Step(**step) for step in values.get("steps", []))
        for step in steps:
            _one_of("shows", step.shows, SHOWS)
        if "touch" in values:
            _one_of("touch", values["touch"], TOUCHES)
        for control in values.get("controls", []):
            _one_of("controls", control, CONTROLS)
        return Lesson(
            key, values["order"], values["title"], values["question"], intro.strip(), look.strip(), lines,
            values.get("touch", ""), tuple(values.get("controls", ())), prediction, steps,
        )  # fmt: skip
    except KeyError as error:
        raise ValueError(f"The lesson {key} must have {error.args[0]}.") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"The lesson {key} cannot be read: {error}") from None


def outcome(prediction: Prediction, runs: Mapping[str, Curves]) -> Outcome:
    """Evaluate the prediction on the curves of runs that finished or diverged, given by the names of their lines.

    Of one that diverged before the end of its first epoch nothing is measured: no other can be worse.
    """
    measure, spread = MEASURES[prediction.measure], spread_of(prediction)
    measured = {name: measure.of(curves) for name, curves in runs.items()}
    values = {name: value for name, value in measured.items() if value is not None and math.isfinite(value)}
    if prediction.line:
        value = values.get(prediction.line, math.nan) - (
            values.get(prediction.minus, math.nan) if prediction.minus else 0
        )
        near = (_range(prediction.choices, value + apart) for apart in (0, -spread, spread))
        # Beyond the ends of all ranges there is no other choice to be close to.
        return Outcome(values, tuple(place for place in dict.fromkeys(near) if place is not None))
    if not values.keys() & set(prediction.needs):
        return Outcome(values, ())
    sign, lowest = (1 if measure.more != prediction.worst else -1), -math.inf if measure.more else math.inf
    best = [
        max((sign * values.get(name, lowest) for name in choice.lines if name in runs), default=-math.inf)
        for choice in prediction.choices
    ]
    order = sorted(range(len(best)), key=best.__getitem__, reverse=True)
    highest = best[order[0]]
    others = [place for place in order[1:] if best[place] == highest or highest - best[place] < spread]
    return Outcome(values, (order[0], *others))


def spread_of(prediction: Prediction) -> float:
    """Return the difference below which seeds alone may decide."""
    return prediction.spread or MEASURES[prediction.measure].spread


def _range(choices: tuple[Choice, ...], value: float) -> int | None:
    return next((place for place, choice in enumerate(choices) if choice.low <= value < choice.high), None)


def _prediction(values: dict[str, Any], lines: Mapping[str, RunConfig]) -> Prediction:
    choices = tuple(
        Choice(c["text"], tuple(c.get("lines", ())), c.get("from", -math.inf), c.get("to", math.inf))
        for c in values["choices"]
    )
    _one_of("measure", values["measure"], tuple(MEASURES))
    named = [values[place] for place in ("line", "minus") if place in values]
    for name in named + [name for choice in choices for name in choice.lines]:
        _one_of("line", name, tuple(lines))
    return Prediction(
        values["ask"], values["measure"], choices, values["why"], values.get("line", ""), values.get("minus", ""),
        values.get("worst", False), values.get("spread", 0.0),
    )  # fmt: skip


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {name} = {value}.")
