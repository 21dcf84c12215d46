"""Basins of attraction: the minimum reached from every start of a grid, all walked at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.surfaces.descent import descend
from core.surfaces.expression import Array
from core.surfaces.functions import Point, Surface
from core.training.config import RunConfig

#: A walk that ends within this share of the domain's width of a minimum has reached it.
NEAR = 0.01


@dataclass(frozen=True)
class Basins:
    """The basins of one optimizer.

    Attributes:
        minima: the minima that the map distinguishes, the deepest first.
        reached: for each start, an index into ``minima``, -1 where none was reached, -2 where the walk
            diverged; shape (r, r), rows along y.
        steps: the step after which the walk stayed near its minimum; all steps where it did not.
    """

    minima: tuple[Point, ...]
    reached: NDArray[np.int64]
    steps: NDArray[np.int64]


def basins(
    surface: Surface, config: RunConfig, steps: int = 500, resolution: int = 100, noise: float = 0.0, seed: int = 0
) -> Basins:
    """Compute the map of ``config``'s optimizer on a grid of starts over the domain."""
    minima = local_minima(surface)
    x, y = np.meshgrid(*surface.grid(resolution))
    starts = np.stack([x.ravel(), y.ravel()])
    nearest = _nearest_lookup(surface, minima)
    near = NEAR * 2.0 * float(surface.half_width.max())
    arrived = np.zeros(starts.shape[1], dtype=np.int64)
    target = np.full(starts.shape[1], -1)
    for step, moment in enumerate(descend(surface, [config], starts, steps, noise, seed)):
        now = nearest(moment.theta, near)
        arrived[now != target] = step
        target = now
    target[moment.diverged >= 0] = -2
    arrived[target < 0] = steps
    return Basins(minima, target.reshape(resolution, resolution), arrived.reshape(resolution, resolution))


def _nearest_lookup(surface: Surface, minima: tuple[Point, ...]) -> Callable[[Array, float], NDArray[np.int64]]:
    """Return a function from points (2, n) and a distance to the index of the minimum within that distance, or -1.

    Each cell of a fine grid holds the minimum nearest to its middle as the only candidate, so that a step of ten
    thousand walks costs one distance per walk instead of one per minimum.
    """
    cells = 256
    low, width = surface.centre - surface.half_width, 2.0 * surface.half_width
    points = np.array(minima).reshape(-1, 2).T
    if not minima:
        return lambda theta, near: np.full(theta.shape[1], -1)
    x, y = np.meshgrid(*[(np.arange(cells) + 0.5) / cells] * 2)
    middles = low[:, :, None] + width[:, :, None] * np.stack([x, y])
    distances = np.hypot(middles[0][None] - points[0][:, None, None], middles[1][None] - points[1][:, None, None])
    candidate = distances.argmin(axis=0)

    def nearest(theta: Array, near: float) -> NDArray[np.int64]:
        unit = (theta - low) / width
        inside = ((unit >= 0.0) & (unit < 1.0)).all(axis=0)
        cell = (np.where(inside, unit, 0.0) * cells).astype(np.int64)
        index = candidate[cell[1], cell[0]]
        away = theta - points[:, index]
        return np.where(inside & (away[0] * away[0] + away[1] * away[1] <= near * near), index, -1)

    return nearest


@lru_cache(maxsize=64)
def _local_minima(
    formula: str, constants: tuple[tuple[str, float], ...], domain: tuple[float, ...]
) -> tuple[Point, ...]:
    surface = Surface("", formula, domain, (), 0.0, (0.0, 0.0), constants=dict(constants))  # type: ignore[arg-type]
    return find_minima(surface)


def local_minima(surface: Surface) -> tuple[Point, ...]:
    """Return the surface's minima, the listed ones first, then the local ones that a search finds."""
    searched = _local_minima(surface.formula, tuple(sorted(surface.constants.items())), surface.domain)
    apart = 1e-2 * float(surface.half_width.max())
    extra = [p for p in searched if all(np.hypot(p[0] - a, p[1] - b) > apart for a, b in surface.minima)]
    return surface.minima + tuple(extra)


def find_minima(surface: Surface, resolution: int = 49, steps: int = 400) -> tuple[Point, ...]:
    """Return the minima inside the domain that sign-based descent reaches from a grid of starts, the deepest first."""
    x, y = np.meshgrid(*surface.grid(resolution))
    # Off the axes of symmetry, where a saddle would hold a walk for ever.
    offset = surface.half_width * np.array([[3.1e-4], [2.3e-4]])
    starts = np.stack([x.ravel(), y.ravel()]) + offset
    first = float(surface.half_width.max()) / resolution / 2.0
    config = RunConfig(
        optimizer="rprop",
        lr=first,
        optimizer_params={"step_max": max(first, 0.01), "step_min": 1e-12},
        batch_size="full",
    )
    before = now = starts
    for moment in descend(surface, [config], starts, steps):
        before, now = now, moment.theta
    width = float(surface.half_width.max())
    settled = np.hypot(*(now - before)) < 1e-6 * width
    ends = now[:, settled & (np.abs(now - surface.centre) < surface.half_width).all(axis=0)]
    values = surface.evaluate(ends[0], ends[1])[0]
    minima: list[Point] = []
    for i in np.argsort(values):
        if np.isfinite(values[i]) and all(np.hypot(*(ends[:, i] - m)) > 0.01 * width for m in minima):
            point = (float(ends[0, i]), float(ends[1, i]))
            if _is_lowest_around(surface, point, 1e-3 * width):
                minima.append(point)
    return tuple(minima[:200])


def _is_lowest_around(surface: Surface, point: Point, radius: float) -> bool:
    angles = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    around = surface.evaluate(point[0] + radius * np.cos(angles), point[1] + radius * np.sin(angles))[0]
    here = surface.evaluate(np.array([point[0]]), np.array([point[1]]))[0][0]
    return bool((around > here).all())
