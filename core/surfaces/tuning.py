"""Each optimizer's best learning rate for a surface: a search over a grid of rates, walked all at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.surfaces.descent import descend
from core.surfaces.expression import Array
from core.surfaces.functions import Point, Surface
from core.training.config import RunConfig

#: Ten rates a decade, from 0.000001 to 100.
RATES: Array = np.logspace(-6, 2, 81)
#: A rate is walked from the start and from four points around it, this share of the domain's width away.
AROUND = 0.005
OFFSETS = AROUND * np.array([[0.0, 1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, -1.0]])
#: Distances above the minimum that are rounding errors.
ROUNDING = 1e-12
#: Ends that differ by a smaller share are equally low.
ALIKE = 1e-3


@dataclass(frozen=True)
class Tuning:
    """The search for one optimizer's rate.

    Attributes:
        gaps: f - minimum after the last step, the worst of the walks from the start and around it, so that one
            lucky leap does not win; infinite where one diverged or ended outside the domain. As RATES.
        best: the rate with the lowest gap; of those equally low, the one with the lowest f on the way.
    """

    gaps: Array
    best: float


def tune(
    surface: Surface, configs: Sequence[RunConfig], start: Point, steps: int, noise: float = 0.0, seed: int = 0
) -> list[Tuning]:
    """Search RATES for each config's best rate, everything else as the config says.

    Args:
        noise: each walk, of each rate, has its own.
    """
    around = np.array(start)[:, None] + 2.0 * surface.half_width * OFFSETS
    shape = (len(configs), len(RATES), around.shape[1])
    columns, rates = np.tile(around, len(RATES)), np.repeat(RATES, around.shape[1])
    total = np.zeros(len(configs) * columns.shape[1])
    for moment in descend(surface, configs, columns, steps, noise, seed, rates=[rates] * len(configs)):
        total += moment.values
    inside = (np.abs(moment.theta - surface.centre) <= surface.half_width).all(axis=0)
    ends = np.where(inside & (moment.diverged < 0), moment.values - surface.minimum, np.inf)
    gaps, ways = ends.reshape(shape).max(axis=2), total.reshape(shape).mean(axis=2)
    return [Tuning(gap, float(RATES[_best(gap, way)])) for gap, way in zip(gaps, ways, strict=True)]


def _best(gaps: Array, ways: Array) -> int:
    lowest = max(float(gaps.min()), 0.0)
    alike = gaps <= (1.0 + ALIKE) * lowest + ROUNDING
    # Where no rate ends inside the domain, all are alike, and the first is the smallest.
    return int(np.argmin(np.where(alike, ways, np.inf))) if np.isfinite(lowest) else 0
