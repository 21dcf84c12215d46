"""The Surfaces page's state as text, as it stands in the address: starts, domain, optimizers' settings."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.files import shortened
from core.hyperparameters import Hyperparameter, Value, number
from core.optimizers import OPTIMIZERS
from core.surfaces import FIRST_ORDER, Point, Surface
from core.surfaces.functions import FAR, Domain, check_domain
from core.training.config import LR, WEIGHT_DECAY, RunConfig

MOST_STARTS = 9
Settings = dict[str, dict[str, Value]]


def parse_starts(text: str, surface: Surface) -> list[Point]:
    """``"-1.2, 1; 0, 2"`` as points; the surface's own start if there is no text.

    Raises:
        ValueError: if that is not one to nine points near the domain.
    """
    parts = [part for part in text.split(";") if part.strip()]
    if not parts:
        return [surface.start]
    if len(parts) > MOST_STARTS:
        raise ValueError(f"starts must be at most {MOST_STARTS} points, got {len(parts)}.")
    points = []
    for part in parts:
        numbers = _numbers(part)
        if len(numbers) != 2:
            raise ValueError(
                f"starts must be points x, y with a semicolon between them, got {shortened(part.strip())}."
            )
        away = np.abs(np.array(numbers) - surface.centre[:, 0]) / surface.half_width[:, 0]
        if away.max() > FAR:
            raise ValueError(
                f"starts must lie within {FAR:g} half-widths of the domain's centre, got {shortened(part.strip())}."
            )
        points.append((numbers[0], numbers[1]))
    return points


def starts_text(points: Sequence[Sequence[float]]) -> str:
    """Return text for ``parse_starts``, of the first nine points."""
    return "; ".join(f"{number(float(x))}, {number(float(y))}" for x, y in points[:MOST_STARTS])


def parse_domain(text: str) -> Domain:
    """``"-2, 2, -1, 3"``: x from, x to, y from, y to.

    Raises:
        ValueError: if that is not four numbers that run upwards.
    """
    numbers = _numbers(text)
    if len(numbers) != 4:
        raise ValueError(f"domain must be four numbers: x from, x to, y from, y to, got {shortened(text.strip())}.")
    domain = (numbers[0], numbers[1], numbers[2], numbers[3])
    check_domain(domain)
    return domain


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def parameters_of(optimizer: str) -> tuple[Hyperparameter, ...]:
    """Return the parameters of one optimizer that can be set on a surface, the learning rate first."""
    spec = OPTIMIZERS[optimizer]
    # A surface has no biases.
    own = tuple(p for p in spec.hyperparameters if not p.name.startswith("bias_"))
    return (LR, *own, *(() if spec.weight_decay == "none" else (WEIGHT_DECAY,)))


def parse_settings(text: str) -> Settings:
    """``"adam lr=0.01 betas=0.9,0.99; momentum momentum=0.95"`` as values; only what differs from the defaults.

    Raises:
        ValueError: with the name, the rule and the value.
    """
    settings: Settings = {}
    for part in text.split(";"):
        optimizer, *pairs = part.split() or [""]
        if not optimizer:
            continue
        if optimizer not in FIRST_ORDER:
            raise ValueError(f"settings must name one of {', '.join(FIRST_ORDER)}, got {shortened(optimizer)}.")
        known = {p.name: p for p in parameters_of(optimizer)}
        for pair in pairs:
            name, _, value = pair.partition("=")
            if name not in known:
                raise ValueError(f"{optimizer} has no parameter {shortened(name)}; its parameters: {', '.join(known)}.")
            settings.setdefault(optimizer, {})[name] = known[name].parse(value)
    return settings


def settings_text(settings: Mapping[str, Mapping[str, Value]]) -> str:
    """Return text for ``parse_settings``."""
    return "; ".join(
        " ".join([optimizer, *(f"{name}={_typed(value)}" for name, value in values.items())])
        for optimizer, values in settings.items()
        if values
    )


def _typed(value: Value) -> str:
    return number(value).lower() if isinstance(value, bool) else number(value)


def default_of(optimizer: str, name: str) -> Value:
    """Return the value of an optimizer's parameter unless the settings name another."""
    if name == "weight_decay":
        return OPTIMIZERS[optimizer].default_weight_decay
    return {p.name: p.default for p in parameters_of(optimizer)}[name]


def config_of(optimizer: str, settings: Settings, lr: float, **schedule: Any) -> RunConfig:
    """Return the optimizer with its settings; ``lr`` unless they say another.

    Raises:
        ValueError: as RunConfig does.
    """
    own = dict(settings.get(optimizer, {}))
    given = {name: own.pop(name) for name in ("lr", "weight_decay") if name in own}
    return RunConfig.recommended(optimizer, **{"lr": lr, **given}, optimizer_params=own, **schedule)
