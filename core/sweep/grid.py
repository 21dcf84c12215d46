"""A grid whose points come coarse first, then finer, and among equals where the neighbours are good."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.sweep.space import MOST_POINTS, Dimension, Space

Array = NDArray[np.float64]


class Grid:
    """All choices of a space that a grid tries.

    Attributes:
        points: the choices, each as ``Space.config`` takes it.
        levels: (n,) 0 for the coarse points, 1 for those between them, and so on.

    Raises:
        ValueError: if there are more than ``MOST_POINTS`` or fewer than two.
    """

    def __init__(self, space: Space) -> None:
        upper = 1
        for dimension in space.dimensions:
            upper *= len(dimension.ladder)
        if upper > 50 * MOST_POINTS:
            raise ValueError(f"A grid must have at most {MOST_POINTS:,} points, got {upper:,}.")
        self.points = list(space.points())
        if not 2 <= len(self.points) <= MOST_POINTS:
            raise ValueError(
                f"A grid must have 2 to {MOST_POINTS:,} points that fit together, got {len(self.points):,}."
            )
        columns = [_Column(dimension) for dimension in space.dimensions]
        self.levels = np.array([max(column.level(point) for column in columns) for point in self.points])
        self._places = np.array([[column.place(point) for column in columns] for point in self.points], dtype=float)
        self._words = np.array([not column.ordered for column in columns])
        self._index = {key(point): i for i, point in enumerate(self.points)}

    def index(self, chosen: Mapping[str, Any]) -> int | None:
        """Return the place of a choice among the points; None if it is none of them."""
        return self._index.get(key(chosen))

    def next(self, values: Mapping[int, float | None]) -> int | None:
        """Return the place of the next point to try; None if all are tried.

        Args:
            values: of the points that were tried, by their places; None for one without a value yet.
        """
        left = np.setdiff1d(np.arange(len(self.points)), np.array(list(values), dtype=int))
        if not len(left):
            return None
        left = left[self.levels[left] == self.levels[left].min()]
        known = [(place, value) for place, value in values.items() if value is not None]
        if not known or self.levels[left[0]] == 0:
            return int(left[0])
        places, figures = np.array([place for place, _ in known]), np.array([value for _, value in known])
        weights = 1 / (self._distances(left, places) ** 2 + 1e-9)
        # The mean of the known values, near ones first (Shepard 1968).
        return int(left[np.argmax(weights @ figures / weights.sum(axis=1))])

    def _distances(self, some: NDArray[Any], others: NDArray[Any]) -> Array:
        """Return (some, others) distances; 1 in a word that differs, and in a setting that only one of the two has."""
        a, b = self._places[some][:, None, :], self._places[others][None, :, :]
        apart = np.where(self._words, a != b, np.abs(a - b))
        lacking = np.isnan(a) | np.isnan(b)
        apart = np.where(lacking, np.isnan(a) != np.isnan(b), apart)
        distances: Array = np.sqrt((apart**2).sum(axis=2))
        return distances


class _Column:
    """The places and levels of a dimension's values on the grid."""

    def __init__(self, dimension: Dimension) -> None:
        self.name, self.ordered = dimension.name, dimension.ordered
        ladder = dimension.ladder
        self._places = {value: i / max(1, len(ladder) - 1) if self.ordered else i for i, value in enumerate(ladder)}
        levels = refinement(len(ladder)) if self.ordered else [0] * len(ladder)
        self._levels = dict(zip(ladder, levels, strict=True))

    def place(self, point: Mapping[str, Any]) -> float:
        """Return the value's place; NaN where the setting does not exist."""
        return self._places[point[self.name]] if self.name in point else np.nan

    def level(self, point: Mapping[str, Any]) -> int:
        return self._levels[point[self.name]] if self.name in point else 0


def refinement(count: int) -> list[int]:
    """Return the level of each of ``count`` values: 0 for the ends and the middle, then 1 for the gaps' middles, ...

    >>> refinement(9)
    [0, 2, 1, 2, 0, 2, 1, 2, 0]
    """
    levels = [-1] * count
    for place in {0, (count - 1) // 2, count - 1}:
        levels[place] = 0
    level = 0
    while -1 in levels:
        level += 1
        done = [place for place in range(count) if levels[place] >= 0]
        for a, b in pairwise(done):
            if b - a > 1:
                levels[(a + b) // 2] = level
    return levels


def key(chosen: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return a choice as a key: the same for the same values in any order."""
    return tuple(sorted(chosen.items()))


def tried(grid: Grid, trials: Sequence[tuple[Mapping[str, Any], float | None]]) -> dict[int, float | None]:
    """Return the values of the trials that are points of the grid, by their places."""
    found = ((grid.index(chosen), value) for chosen, value in trials)
    return {place: value for place, value in found if place is not None}
