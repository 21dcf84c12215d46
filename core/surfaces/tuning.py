"""Each optimizer's best learning rate for a surface: a search over a grid of rates, walked all at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.surfaces.descent import descend
from core.surfaces.expression import Array
from core.surfaces.functions import REACHED, Point, Surface
from core.training.config import RunConfig

#: Ten rates a decade, from 0.000001 to 100.
RATES: Array = np.logspace(-6, 2, 81)
#: The search walks at most this far, so that a longer walk shows the same rates.
SEARCH_STEPS = 500


@dataclass(frozen=True)
class Tuning:
    """The search for one optimizer's rate.

    Attributes:
        gaps: f - minimum after the last step, the mean over the starts, infinite where one diverged; as RATES.
        steps: steps until every start stays within REACHED of the minimum, -1 where one does not; as RATES.
        best: of the rates whose walks never climb above their start (of all, if none), the one that gets
            there first; where none does, the one that ends lowest. A rate counts as the worst of itself
            and its two neighbours, so that one lucky leap does not win.
    """

    gaps: Array
    steps: NDArray[np.int64]
    best: float


def tune(
    surface: Surface,
    configs: Sequence[RunConfig],
    starts: Sequence[Point],
    steps: int,
    noise: float = 0.0,
    seed: int = 0,
) -> list[Tuning]:
    """Search RATES for each config's best rate, everything else as the config says."""
    steps = min(steps, SEARCH_STEPS)
    shape = (len(configs), len(RATES), len(starts))
    columns = np.tile(np.array(starts, dtype=np.float64).T, len(RATES))
    rates = np.repeat(RATES, len(starts))
    # The last step at which each walk was not yet at the minimum.
    above = np.full(len(configs) * columns.shape[1], -1)
    climbed = np.zeros(above.shape, dtype=np.int64)
    first = surface.evaluate(*np.tile(columns, len(configs)))[0]
    for step, moment in enumerate(descend(surface, configs, columns, steps, noise, seed, rates=[rates] * len(configs))):
        above[~surface.reached(moment.theta[0], moment.theta[1], moment.values)] = step
        climbed |= moment.values > first + REACHED
    gaps = np.where(moment.diverged >= 0, np.inf, moment.values - surface.minimum).reshape(shape).mean(axis=2)
    lasts = above.reshape(shape).max(axis=2)
    reached = np.where(lasts < steps, lasts + 1, -1)
    wild = np.where(moment.diverged >= 0, 1, climbed).reshape(shape).max(axis=2)
    return [_choose(*measures) for measures in zip(gaps, reached, wild, strict=True)]


def _choose(gaps: Array, steps: NDArray[np.int64], wild: NDArray[np.int64]) -> Tuning:
    never = np.iinfo(np.int64).max
    worst_first = (np.where(np.isfinite(gaps), gaps, np.inf), np.where(steps >= 0, steps, never), wild)
    # Where nothing arrives all steps are equal, and the gap decides.
    order = np.lexsort([_worst_of_three(measure) for measure in worst_first])
    return Tuning(gaps, steps, float(RATES[order[0]]))


def _worst_of_three(x: Array | NDArray[np.int64]) -> Array | NDArray[np.int64]:
    padded = np.pad(x, 1, mode="edge")
    return np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
