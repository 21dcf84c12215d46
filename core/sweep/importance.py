"""The importance of a sweep's settings, by PED-ANOVA, with its spread over resamples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.jobs import Job, Jobs, Kind, Report

#: Fewer finished trials say nothing.
FEWEST = 4
#: Of a sweep that runs it is computed anew when there are this many times the trials. Each time takes up to seconds of
#: the server's processor; done again after every trial, it would never end.
GROWTH = 1.25
RESAMPLES = 40
IMPORTANCE = Kind("importance", patience=30.0, remembered=64)


@dataclass(frozen=True)
class Importance:
    """A setting's share in being among the best of the trials.

    Args:
        name: of the setting in the space.
        share: from 0 to 1; the shares of all settings sum to 1.
        low, high: the 5th and the 95th percentile over resamples of the trials.
        trials: number of finished trials that this was computed from.
        best: number of those that counted as the best of them.
    """

    name: str
    share: float
    low: float
    high: float
    trials: int
    best: int


def importance_job(
    jobs: Jobs, study_id: str, search: Any, names: Sequence[str], running: bool
) -> Job[tuple[Importance, ...]]:
    """Return the job that computes the importance over the trials that are finished now, most important first.

    Args:
        search: the sweep's ``Search``; it has at least ``FEWEST`` complete trials.
        names: of the varied settings.
        running: True if more trials come: the same job is returned until there are ``GROWTH`` times as many.
    """
    trials = search.complete()
    size = int(math.log(len(trials) / FEWEST, GROWTH)) if running else len(trials)

    def work(report: Report[tuple[Importance, ...]]) -> tuple[Importance, ...]:
        return importance(trials, names, report)

    return jobs.get(IMPORTANCE, (study_id, running, size), work)


def importance(trials: Sequence[Any], names: Sequence[str], report: Any = lambda *_: None) -> tuple[Importance, ...]:
    """Return the importance of each setting, most important first (Watanabe et al. 2023, PED-ANOVA).

    Args:
        trials: complete, of Optuna.
        names: of the settings; one that no trial has gets 0.
        report: called with a stage and a share.

    Returns:
        Nothing where it cannot be said: too many trials are equally good for some to be the best.
    """
    from core.sweep.search import ped_anova

    whole, best = ped_anova(trials)
    chance = np.random.default_rng(0)
    shares: dict[str, list[float]] = {name: [] for name in names}
    for i in range(RESAMPLES):
        report("Resampling the trials", i / RESAMPLES)
        drawn, _ = ped_anova([trials[k] for k in chance.integers(len(trials), size=len(trials))])
        for name in names if drawn else ():
            shares[name].append(drawn.get(name, 0.0))
    if not whole or not all(shares.values()):
        return ()
    spread = {name: [float(end) for end in np.quantile(shares[name], (0.05, 0.95))] for name in names}
    rows = [
        Importance(name, whole.get(name, 0.0), low, high, len(trials), best) for name, (low, high) in spread.items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.share if math.isfinite(row.share) else 0.0))
