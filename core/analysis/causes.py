"""Causes that a finding may have, and the remedies whose trials tell which it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.runs.curves import Curves
from core.training.config import LR, RunConfig
from core.training.remarks import remarks

#: What a rate is multiplied or divided by.
FACTORS = (3.0, 10.0, 30.0, 100.0, 1000.0)
TOO_LARGE = "The learning rate of {:g} is too large."
HIGHEST = float(str(LR.high))


@dataclass(frozen=True)
class Remedy:
    """One change of a run's settings.

    Args:
        action: the change, in words.
        measured: its gain, where the run's own curves already show it; such a remedy needs no trial.
    """

    config: RunConfig
    action: str
    measured: str = ""


@dataclass(frozen=True)
class Cause:
    """A possible cause, and the remedies that would show it to be the one.

    Args:
        setting: it is read off the settings, and so goes before a cause that is only guessed.
    """

    sentence: str
    remedies: tuple[Remedy, ...]
    setting: bool = False


def lower_rates(config: RunConfig, factors: Sequence[float] = FACTORS) -> tuple[Remedy, ...]:
    """Return the config with lower rates: divided by the factors, and the optimizer's own."""
    return _rates(config, [config.lr / factor for factor in factors] + [min(config.lr, config.optimizer_spec.lr)])


def higher_rates(config: RunConfig) -> tuple[Remedy, ...]:
    """Return the config with higher rates: multiplied by ``FACTORS``, and the optimizer's own."""
    return _rates(config, [config.lr * factor for factor in FACTORS] + [max(config.lr, config.optimizer_spec.lr)])


def _rates(config: RunConfig, candidates: Sequence[float]) -> tuple[Remedy, ...]:
    """Return the valid candidates, none twice and none as it is; none where the rate does not set every step."""
    if not config.optimizer_spec.rate_sets_every_step:
        return ()
    rounded = dict.fromkeys(float(f"{rate:.2g}") for rate in candidates)
    return tuple(
        Remedy(replace(config, lr=rate), f"Learning rate {rate:g}")
        for rate in rounded
        # The smallest of all floats, divided, are 0 or taken for it.
        if rate != config.lr and 0 < rate <= HIGHEST
    )


def possible_causes(config: RunConfig, curves: Curves, up: bool = True) -> tuple[Cause, ...]:
    """Return what may have kept a run from learning: settings that cannot work, then the rate.

    Args:
        up: the rate may have been too small as well as too large.
    """
    return (*setting_causes(config), *rate_causes(config, up)) if as_planned(config, curves) else ()


def rate_causes(config: RunConfig, up: bool = True) -> list[Cause]:
    """Return a rate that is too large, and one that is too small."""
    # Where both are possible, the first is rare, and one of two rates shows it.
    causes = [
        Cause(f"The learning rate of {config.lr:g} is too small.", higher_rates(config) if up else ()),
        Cause(TOO_LARGE.format(config.lr), lower_rates(config, FACTORS[: 2 if up else None])),
    ]
    return [cause for cause in causes if cause.remedies]


def setting_causes(config: RunConfig) -> list[Cause]:
    """Return the settings that cannot work, each with the config without it."""
    return [
        Cause(remark.sentence, (Remedy(remark.instead, remark.action),), setting=True)
        for remark in remarks(config)
        if remark.instead
    ]


def falling(config: RunConfig, curves: Curves) -> tuple[Cause, ...]:
    """Return what makes the last steps too large: a rate that does not fall, or one that is too high all along."""
    if not config.optimizer_spec.rate_sets_every_step or not as_planned(config, curves):
        return ()
    cosine = Remedy(replace(config, schedule="cosine", schedule_params={}), "Let the rate fall to zero: cosine")
    stays = Cause("The rate stays too high for the last steps.", (cosine,))
    lower = Cause(TOO_LARGE.format(config.lr), lower_rates(config, FACTORS[:2]))
    return (lower,) if config.schedule == "cosine" else (stays, lower)


def as_planned(config: RunConfig, curves: Curves) -> bool:
    """Return True if the run had its config's rates from its first step on, so that a trial is of its beginning.

    A run that went on from another one, or whose rate was set by hand, is not.
    """
    if not len(curves.steps) or curves.steps[0] > 0:
        return False
    if config.schedule_spec.reacts:
        return True
    planned = config.planned_rates([int(step) for step in curves.steps])
    # Another machine may have rounded a cosine otherwise.
    return bool(np.allclose(planned, curves.rates, rtol=1e-9, atol=1e-12 * config.lr))
