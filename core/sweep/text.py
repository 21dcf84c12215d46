"""The space of a sweep as text, for the terminal and for addresses of pages."""

from collections.abc import Mapping, Sequence

from core.hyperparameters import InvalidValue, number
from core.optimizers import OPTIMIZERS
from core.sweep.space import FIELDS, OF_OPTIMIZER, OF_SCHEDULE, POINTS, Dimension, Space, rows
from core.training.config import BATCH_SIZE, RunConfig, parse_batch_size
from core.training.schedules import SCHEDULES


def parse(base: RunConfig, texts: Sequence[str], own_rates: bool = False) -> Space:
    """Return the space that texts such as ``lr=1e-4:1:log`` and ``batch_size=16,64,full`` say.

    A range is ``LOW:HIGH``, then ``log`` and the points of a grid if wanted: ``lr=1e-4:1:log:13``. Values of several
    numbers are parted by semicolons: ``betas=0.9,0.999;0.8,0.99``. A parameter may be given without its prefix where
    its name is no field's.

    Raises:
        ValueError: one sentence, as ``Space`` does.
    """
    pairs = []
    for text in texts:
        name, equals, said = text.partition("=")
        if not equals or not name.strip() or not said.strip():
            raise InvalidValue("vary", "be NAME=VALUE,VALUE or NAME=LOW:HIGH", text)
        pairs.append((name.strip().replace("-", "_"), said.strip()))
    in_play = {
        knob: next((tuple(said.split(",")) for name, said in pairs if name == knob), (getattr(base, knob),))
        for knob in ("optimizer", "schedule")
    }
    dimensions = tuple(_parsed(_full_name(name, in_play), said, in_play) for name, said in pairs)
    return Space(base, dimensions, own_rates)


def _full_name(name: str, in_play: Mapping[str, Sequence[str]]) -> str:
    if name in FIELDS or name == "device":
        return name
    for knob, prefix, table in (("optimizer", OF_OPTIMIZER, OPTIMIZERS), ("schedule", OF_SCHEDULE, SCHEDULES)):
        own = (table[row].hyperparameters for row in in_play[knob] if row in table)
        if any(parameter.name == name for parameters in own for parameter in parameters):
            return prefix + name
    return name


def _parsed(name: str, said: str, in_play: Mapping[str, Sequence[str]]) -> Dimension:
    parameter = None if name == "device" else rows(name, in_play["optimizer"], in_play["schedule"])[0]
    if ":" in said and name != "device":
        ends = said.split(":")
        log = "log" in ends[2:]
        counts = [part for part in ends[2:] if part != "log"]
        if len(counts) > 1 or len(ends) - len(counts) - log != 2:
            raise InvalidValue(name, "have a range written LOW:HIGH, LOW:HIGH:log or LOW:HIGH:log:POINTS", said)
        assert parameter is not None
        if isinstance(parameter.default, (bool, str, tuple)):
            raise ValueError(f"{name} must be varied over a list of values, got a range.")
        low, high = (parameter.parse(end) for end in ends[:2])
        points = POINTS.parse(counts[0]) if counts else POINTS.default
        return Dimension(name, (), low, high, log, False, points)  # type: ignore[arg-type]
    if parameter is None:
        return Dimension(name, tuple(part.strip() for part in said.split(",")))
    parts = said.split(";" if isinstance(parameter.default, tuple) else ",")
    reading = parse_batch_size if parameter is BATCH_SIZE else parameter.parse
    return Dimension(name, tuple(reading(part) for part in parts))


def text(dimension: Dimension) -> str:
    """Return a dimension as ``parse`` reads it."""
    if not dimension.is_range:
        between = ";" if any(isinstance(value, tuple) for value in dimension.values) else ","
        written = (number(v).lower() if isinstance(v, bool) else number(v) for v in dimension.values)
        return f"{dimension.name}={between.join(written)}"
    ends = f"{number(dimension.low)}:{number(dimension.high)}{':log' if dimension.log else ''}"
    return f"{dimension.name}={ends}" + (f":{dimension.points}" if dimension.points != POINTS.default else "")
