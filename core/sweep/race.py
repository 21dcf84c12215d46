"""Races: one setting varied, everything else equal, the first weights and the order of the images too.

A race is made of lanes, one per value of the setting; a lane has one run per seed. A run is a pure function of its
config, so lanes with the same seed start from the same weights and train on the same batches without bookkeeping. Only
the runs are stored: lanes and names are read off their configs.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from core.files import shortened
from core.hyperparameters import Hyperparameter, InvalidValue
from core.training.config import SEED, RunConfig

#: The settings that can be varied, with the name that a person reads.
KNOBS = {
    "optimizer": "Optimizer",
    "lr": "Learning rate",
    "batch_size": "Batch size",
    "schedule": "Schedule",
    "shuffle": "Shuffling",
    "seed": "Seed",
}
SEEDS = Hyperparameter("seeds", 1, "Runs of each value, one per seed: their mean and range are shown.", low=1, high=10)
MOST_VALUES, MOST_RUNS = 16, 64
#: A sweep tries each optimizer at its recommended rate times these, for at most so many epochs.
SWEEP_FACTORS, SWEEP_EPOCHS = (0.1, 0.3, 1.0, 3.0, 10.0), 2


@dataclass(frozen=True)
class Lane:
    """One value of the varied setting: configs that are alike but for their seeds."""

    configs: tuple[RunConfig, ...]


def vary(base: RunConfig, knob: str, value: Any) -> RunConfig:
    """Return ``base`` with another value of the knob; another optimizer or schedule has its own default parameters.

    Raises:
        ValueError: as ``RunConfig`` does.
    """
    return replace(base, **changed(base, knob, value))


def changed(base: RunConfig, knob: str, value: Any) -> dict[str, Any]:
    """Return the fields of ``base`` that change with another value of the knob."""
    if getattr(base, knob) == value:
        return {}
    # The parameters of the other optimizer or schedule have other names and ranges.
    own: dict[str, Any] = {f"{knob}_params": {}} if knob in ("optimizer", "schedule") else {}
    return {knob: value, **own}


def race(base: RunConfig, knob: str, values: Sequence[Any], seeds: int = 1) -> list[Lane]:
    """One lane per value, in their order; a lane's seeds count up from the base's.

    Raises:
        ValueError: unless ``knob`` is one of ``KNOBS``, ``values`` are 2 to 16 different ones that are valid with the
            base, ``seeds`` is from 1 to 10 (1 where the seed is varied), the last seed is not above the largest, and
            all are at most 64 runs.
    """
    if knob not in KNOBS:
        raise ValueError(f"knob must be one of {', '.join(KNOBS)}, got knob = {shortened(str(knob))}.")
    SEEDS.check(seeds)
    if knob == "seed" and seeds != 1:
        raise ValueError(f"seeds must be 1 when the seed itself is varied, got seeds = {seeds}.")
    configs = [vary(base, knob, value) for value in values]
    different = [config for i, config in enumerate(configs) if config not in configs[:i]]
    if not 2 <= len(different) <= MOST_VALUES:
        raise ValueError(f"values must be 2 to {MOST_VALUES} different ones, got {len(different)}.")
    return seeded(different, seeds)


def check_last_seed(seed: int, seeds: int) -> None:
    """Check that there are as many seeds as shall count up from ``seed``.

    Raises:
        InvalidValue: of the seed, if they run past the largest one.
    """
    highest = int(SEED.high) - seeds + 1
    if seed > highest:
        raise InvalidValue("seed", f"be at most {highest}, since {seeds} seeds count up from it", seed)


def seeded(configs: Iterable[RunConfig], seeds: int) -> list[Lane]:
    """Each config as a lane of ``seeds`` runs.

    Raises:
        ValueError: if that is more than 64 runs, or the seeds run past the largest one.
    """
    configs = list(configs)
    for config in configs:
        check_last_seed(config.seed, seeds)
    lanes = [Lane(tuple(replace(config, seed=config.seed + i) for i in range(seeds))) for config in configs]
    if len(lanes) * seeds > MOST_RUNS:
        raise ValueError(f"a race must have at most {MOST_RUNS} runs, got {len(lanes)} values x {seeds} seeds.")
    return lanes


def in_turn(lanes: Sequence[Lane]) -> list[RunConfig]:
    """All configs of a race in the order of their start: every lane's first seed, then every lane's second.

    So the lanes progress side by side where fewer runs train at once than the race has.
    """
    return [config for configs in zip(*(lane.configs for lane in lanes), strict=True) for config in configs]


def sweep(base: RunConfig, optimizers: Sequence[str]) -> list[RunConfig]:
    """Short runs of each optimizer at five rates around its recommended one, to find the one that serves it best.

    Raises:
        ValueError: as ``race`` does for the optimizers.
    """
    epochs = min(base.epochs, SWEEP_EPOCHS)
    starts = [lane.configs[0] for lane in race(base, "optimizer", optimizers)]
    return [
        replace(config, lr=rate, epochs=epochs) for config in starts for rate in rates_around(config.optimizer_spec.lr)
    ]


def rates_around(rate: float) -> list[float]:
    """Return ``SWEEP_FACTORS`` times a rate, to two digits."""
    return [float(f"{rate * factor:.2g}") for factor in SWEEP_FACTORS]


def best_rates(results: Iterable[tuple[RunConfig, float | None]]) -> dict[str, float]:
    """Return the rate of the highest accuracy of each optimizer, the smallest among equals; an accuracy may be missing.

    An optimizer without any accuracy is left out.
    """
    best: dict[str, tuple[float, float]] = {}
    for config, accuracy in results:
        if accuracy is not None and math.isfinite(accuracy):
            best[config.optimizer] = max(best.get(config.optimizer, (-math.inf, 0.0)), (accuracy, -config.lr))
    return {optimizer: -rate for optimizer, (_, rate) in best.items()}


def lanes_of(configs: Sequence[RunConfig]) -> list[list[int]]:
    """Return the places of the configs of each lane: those that differ in nothing but the seed share one.

    If nothing but the seed differs among all of them, the seed is varied, and each has a lane of its own.
    """
    groups: dict[str, list[int]] = {}
    for i, config in enumerate(configs):
        groups.setdefault(str(replace(config, seed=0)), []).append(i)
    return [[i] for i in range(len(configs))] if len(groups) == 1 else list(groups.values())


def varied(configs: Sequence[RunConfig]) -> tuple[str, list[Any], int] | None:
    """Return the setting that a race of these configs varied, its values in their order, and the seeds.

    Optimizers may each have a rate of their own.

    Returns:
        None if they are no race of one setting.
    """
    lanes = lanes_of(configs)
    first = [configs[lane[0]] for lane in lanes]
    names = set(differing(first))
    together = {"optimizer": {"optimizer_params", "lr"}, "schedule": {"schedule_params"}}
    for knob in KNOBS:
        if knob in names and names - {knob} <= together.get(knob, set()):
            return knob, list(dict.fromkeys(getattr(config, knob) for config in first)), max(map(len, lanes))
    return None


def differing(configs: Sequence[RunConfig]) -> list[str]:
    """Return the names of the fields in which the configs are not all equal, in the order of ``RunConfig``."""
    return [f.name for f in fields(RunConfig) if len({str(getattr(c, f.name)) for c in configs}) > 1]
