"""The space of a sweep: settings that vary, the values that each may have, and the config of a choice of them.

A setting is a field of ``RunConfig``, or ``param.NAME`` and ``schedule_param.NAME`` for a parameter of the optimizer or
of the schedule. It exists only where it means something: a momentum for the optimizers that have one, a weight decay
for those that define one.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import product
from typing import Any

from core.files import shortened
from core.hyperparameters import Hyperparameter, InvalidValue, number
from core.optimizers import OPTIMIZERS
from core.sweep.race import changed
from core.training.config import BATCH_SIZE, PLAIN, RunConfig, check_device_name
from core.training.schedules import SCHEDULES

MOST_DIMENSIONS, MOST_VALUES, MOST_POINTS = 12, 100, 2000
#: Points of a range in a grid, unless given.
POINTS = Hyperparameter("points", 9, "Values of a range that a grid tries.", low=2, high=MOST_VALUES)
OPTIMIZER = Hyperparameter("optimizer", "adam", "The rule of each step.", choices=tuple(OPTIMIZERS))
SCHEDULE = Hyperparameter("schedule", "constant", "The course of the learning rate.", choices=tuple(SCHEDULES))
#: The single fields that can vary; ``device`` has a rule of its own.
FIELDS = {parameter.name: parameter for parameter in (OPTIMIZER, SCHEDULE, BATCH_SIZE, *PLAIN)}
#: Prefixes of the parameters of an optimizer and of a schedule, as ``python -m core train`` names them.
OF_OPTIMIZER, OF_SCHEDULE = "param.", "schedule_param."
#: Decided first: other settings exist or not by their values.
_DECIDING = ("optimizer", "schedule", "loss")
#: Significant digits of a value drawn from a range: a person shall be able to type it.
_DIGITS = 4
#: More choices than these are without end.
_COUNTED = 20_000


@dataclass(frozen=True)
class Dimension:
    """A setting and its values: a list of them, or a range.

    Args:
        name: of the setting.
        values: the list; () for a range.
        low, high: the ends of the range, both included.
        log: even in the logarithm.
        whole: whole numbers only; ``Space`` sets it.
        points: values of the range that a grid tries.
    """

    name: str
    values: tuple[Any, ...] = ()
    # Not NaN: as of Python 3.13 no dataclass with one equals another.
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    points: int = 9

    @property
    def is_range(self) -> bool:
        return not self.values

    @property
    def ordered(self) -> bool:
        """True for numbers, whose neighbours are alike."""
        return self.is_range or all(not isinstance(v, bool) and isinstance(v, (int, float)) for v in self.values)

    @cached_property
    def ladder(self) -> tuple[Any, ...]:
        """The values of a grid, those of numbers ascending."""
        if not self.is_range:
            return tuple(sorted(self.values)) if self.ordered else self.values
        return tuple(dict.fromkeys(self.at(i / (self.points - 1)) for i in range(self.points)))

    def at(self, share: float) -> Any:
        """Return the value at a share of the way, from 0 to 1, through the range or the list."""
        if not self.is_range:
            return self.ladder[min(int(share * len(self.ladder)), len(self.ladder) - 1)]
        return self._between(self.low, self.high, share)

    def drawn(self, share: float) -> Any:
        """Return the value for a share that is drawn evenly from 0 to 1: each whole number has a part of its own."""
        return self._between(self.low - 0.5, self.high + 0.5, share) if self.whole else self.at(share)

    def _between(self, low: float, high: float, share: float) -> Any:
        return self.rounded(low * (high / low) ** share if self.log else low + (high - low) * share)

    def rounded(self, value: float) -> Any:
        """Return a value of the range as a person would type it."""
        short = round(value) if self.whole else float(f"{value:.{_DIGITS}g}")
        return min(max(short, self.low), self.high)

    def place(self, value: Any) -> float:
        """Return the share of the way, from 0 to 1, at which a number of the range or of the list is."""
        if not self.is_range:
            return self.ladder.index(value) / max(1, len(self.ladder) - 1)
        if self.high == self.low:
            return 0.0
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return float((value - self.low) / (self.high - self.low))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, without what does not apply."""
        if not self.is_range:
            return {"name": self.name, "values": [list(v) if isinstance(v, tuple) else v for v in self.values]}
        kept = ("name", "low", "high", "log", "whole", "points")
        return {name: getattr(self, name) for name in kept}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Dimension":
        """Make a dimension from what ``to_dict`` returned.

        Raises:
            ValueError: for an unknown name.
        """
        names = {field.name for field in fields(cls)}
        if unknown := [name for name in given if name not in names]:
            raise ValueError(
                f"A varied setting has no {shortened(str(unknown[0]))}; it has {', '.join(sorted(names))}."
            )
        values = tuple(tuple(v) if isinstance(v, list) else v for v in given.get("values", ()))
        return cls(**{**given, "values": values})


@dataclass(frozen=True)
class Space:
    """All choices of a sweep.

    Args:
        base: the settings that do not vary, and the values of those that do not exist in a choice.
        dimensions: those that vary, each once.
        own_rates: each optimizer at its recommended rate, where the rate itself does not vary.

    Raises:
        InvalidValue: for a value that breaks its setting's rule.
        ValueError: one sentence, for anything else that cannot vary so.
    """

    base: RunConfig
    dimensions: tuple[Dimension, ...]
    own_rates: bool = False

    def __post_init__(self) -> None:
        names = [dimension.name for dimension in self.dimensions]
        if not 1 <= len(names) <= MOST_DIMENSIONS:
            raise ValueError(f"A sweep must vary 1 to {MOST_DIMENSIONS} settings, got {len(names)}.")
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"A setting must be varied once, got {shortened(twice[0])} twice.")
        deciding = sorted(self.dimensions, key=lambda d: d.name not in _DECIDING)
        # Those that decide come first, since the parameters of the others' rows depend on their values.
        for dimension in deciding:
            checked = self._checked(dimension)
            done = tuple(checked if d is dimension else d for d in self.dimensions)
            object.__setattr__(self, "dimensions", done)

    @property
    def names(self) -> list[str]:
        return [dimension.name for dimension in self.dimensions]

    @cached_property
    def in_order(self) -> list[Dimension]:
        """The dimensions, those that decide which others exist first."""
        return sorted(self.dimensions, key=lambda d: d.name not in _DECIDING)

    @property
    def size(self) -> int | None:
        """Number of different choices; None where there is no end of them."""
        counts = [d.high - d.low + 1 if d.is_range else len(d.values) for d in self.dimensions]
        if any(d.is_range and not d.whole for d in self.dimensions) or math.prod(counts) > _COUNTED:
            return None
        return sum(1 for _ in self.points(whole=True))

    def exists(self, name: str, chosen: Mapping[str, Any]) -> bool:
        """Return True if the setting means something beside those that are ``chosen``."""
        spec = OPTIMIZERS[chosen.get("optimizer", self.base.optimizer)]
        if name.startswith(OF_OPTIMIZER):
            return any(p.name == name.removeprefix(OF_OPTIMIZER) for p in spec.hyperparameters)
        if name.startswith(OF_SCHEDULE):
            schedule = SCHEDULES[chosen.get("schedule", self.base.schedule)]
            return any(p.name == name.removeprefix(OF_SCHEDULE) for p in schedule.hyperparameters)
        match name:
            case "batch_size":
                return not spec.full_batch_only
            case "weight_decay":
                return spec.weight_decay != "none"
            case "label_smoothing":
                return bool(chosen.get("loss", self.base.loss) != "mse")
        return True

    def config(self, chosen: Mapping[str, Any]) -> RunConfig:
        """Return the config of a choice: the base with the chosen values.

        What does not exist beside them falls back: another optimizer or schedule has its own default parameters.

        Raises:
            ValueError: if the values do not fit together.
        """
        given: dict[str, Any] = {f.name: getattr(self.base, f.name) for f in fields(RunConfig)}
        for knob in ("optimizer", "schedule"):
            given |= changed(self.base, knob, chosen.get(knob, given[knob]))
        spec = OPTIMIZERS[given["optimizer"]]
        if self.own_rates:
            given["lr"] = spec.lr
        for name, value in chosen.items():
            if name.startswith(OF_OPTIMIZER):
                given["optimizer_params"] = {**given["optimizer_params"], name.removeprefix(OF_OPTIMIZER): value}
            elif name.startswith(OF_SCHEDULE):
                given["schedule_params"] = {**given["schedule_params"], name.removeprefix(OF_SCHEDULE): value}
            else:
                given[name] = value
        absent = {"batch_size": "full", "weight_decay": 0.0, "label_smoothing": 0.0}
        given |= {name: value for name, value in absent.items() if not self.exists(name, chosen)}
        return RunConfig(**given)

    def points(self, whole: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the choices of a grid that fit together, each once, in the order of the dimensions' values.

        Args:
            whole: every whole number of a range, not only those of its ladder.
        """
        ladders = [range(int(d.low), int(d.high) + 1) if whole and d.is_range else d.ladder for d in self.in_order]
        seen = set()
        for values in product(*ladders):
            chosen: dict[str, Any] = {}
            for dimension, value in zip(self.in_order, values, strict=True):
                if self.exists(dimension.name, chosen):
                    chosen[dimension.name] = value
            key = tuple(chosen.items())
            if key not in seen and self.fits(chosen):
                seen.add(key)
                yield chosen

    def fits(self, chosen: Mapping[str, Any]) -> bool:
        """Return True if the values of the choice fit together."""
        try:
            self.config(chosen)
        except ValueError:
            return False
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "base": self.base.to_dict(),
            "dimensions": [dimension.to_dict() for dimension in self.dimensions],
            "own_rates": self.own_rates,
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Space":
        """Make a space from what ``to_dict`` returned; raises as the constructor."""
        dimensions = tuple(map(Dimension.from_dict, given["dimensions"]))
        return cls(RunConfig.from_dict(given["base"]), dimensions, bool(given.get("own_rates", False)))

    def rows(self, name: str) -> list[Hyperparameter]:
        """Return what the registries say of a setting: a row per optimizer or schedule in the space that has it.

        Raises:
            ValueError: if there is no such setting, or none of them has it.
        """
        return rows(name, *(self._in_play(knob) for knob in ("optimizer", "schedule")))

    def _in_play(self, knob: str) -> Sequence[str]:
        varied = next((d.values for d in self.dimensions if d.name == knob), ())
        return tuple(map(str, varied)) or (getattr(self.base, knob),)

    def _checked(self, dimension: Dimension) -> Dimension:
        """Return the dimension with its values in their own types; raise ValueError for one that cannot be."""
        name = dimension.name
        if name == "device":
            for value in dimension.values:
                check_device_name(value)
            found: list[Hyperparameter] = []
        else:
            found = self.rows(name)
        if dimension.is_range:
            return _checked_range(dimension, found)
        values = dimension.values if name == "device" else tuple(_checked_value(found, v) for v in dimension.values)
        if len(set(values)) < len(values):
            raise ValueError(f"{name} must be varied over different values, got {number(values)}.")
        if not 2 <= len(values) <= MOST_VALUES:
            raise ValueError(f"{name} must be varied over 2 to {MOST_VALUES} values, got {len(values)}.")
        return replace(dimension, values=values)


def rows(name: str, optimizers: Sequence[str], schedules: Sequence[str]) -> list[Hyperparameter]:
    """Return what the registries say of a setting: a row per optimizer or schedule that has it.

    Raises:
        ValueError: if there is no such setting, or none of them has it.
    """
    if name in FIELDS:
        return [FIELDS[name]]
    families = ((OF_OPTIMIZER, OPTIMIZERS, optimizers), (OF_SCHEDULE, SCHEDULES, schedules))
    for prefix, table, names in families:
        if name.startswith(prefix):
            parameters = [p for row in names if row in table for p in table[row].hyperparameters]
            if found := [p for p in parameters if p.name == name.removeprefix(prefix)]:
                return found
            known = ", ".join(dict.fromkeys(prefix + p.name for p in parameters)) or "none"
            raise ValueError(
                f"{shortened(name)} must be a parameter of {', '.join(names)}; of theirs these can vary: {known}."
            )
    known = ", ".join([*FIELDS, "device", f"{OF_OPTIMIZER}NAME", f"{OF_SCHEDULE}NAME"])
    raise ValueError(f"A varied setting must be one of {known}, got {shortened(name) or 'nothing'}.")


def _checked_value(found: Sequence[Hyperparameter], value: Any) -> Any:
    if found[0] is BATCH_SIZE and value == "full":
        return value
    # Each row has its say: a parameter of several optimizers may have other bounds in each.
    checked = [parameter.check(value) for parameter in found]
    return checked[0]


def _checked_range(dimension: Dimension, found: Sequence[Hyperparameter]) -> Dimension:
    name = dimension.name
    default = found[0].default if found else ""
    if isinstance(default, (bool, str, tuple)):
        raise ValueError(f"{name} must be varied over a list of values, got a range.")
    low, high = (_checked_value(found, end) for end in (dimension.low, dimension.high))
    if not low < high:
        raise InvalidValue(name, "run from a lower to a higher value", f"{number(low)} to {number(high)}")
    if dimension.log and low <= 0:
        raise InvalidValue(name, "begin above 0 in a logarithmic range", low)
    points = int(str(POINTS.check(dimension.points)))
    return replace(dimension, low=low, high=high, whole=isinstance(default, int), points=points)
