"""Basins of attraction: the minimum reached from every start of a grid, all walked at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.optimizers import OPTIMIZERS
from core.optimizers.stepper import stepper
from core.surfaces.descent import descend
from core.surfaces.expression import Array
from core.surfaces.functions import Point, Surface
from core.training.config import RunConfig

#: A walk that ends within this share of the domain's width of a minimum has reached it. As for every distance here,
#: each direction counts in the domain's own width along it.
NEAR = 0.01
#: Two minima closer than this are one, in half-widths.
APART = 0.01
#: A minimum is lower than all around it at this distance, in half-widths.
AROUND = 1e-3
#: A walk whose steps are shorter has settled, in half-widths.
SETTLED = 1e-6
#: Most steps along a valley's floor, and most points that set out on it.
FLOOR_STEPS, MOST = 100, 200
#: A height that is less by a smaller share of itself, or of the surface's unit, is as high.
ROUNDING = 1e-13
#: Arcs of a circle, and how often each is halved in search of its lowest point.
ARCS, HALVINGS = 8, 16


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
    arrived = np.zeros(starts.shape[1], dtype=np.int64)
    target = np.full(starts.shape[1], -1)
    for step, moment in enumerate(descend(surface, [config], starts, steps, noise, seed)):
        now = nearest(moment.theta)
        arrived[now != target] = step
        target = now
    target[moment.diverged >= 0] = -2
    arrived[target < 0] = steps
    return Basins(minima, target.reshape(resolution, resolution), arrived.reshape(resolution, resolution))


def _in_half_widths(surface: Surface, points: Sequence[Point]) -> Array:
    """Return the points as columns (2, n), from the domain's centre in its half-widths: from -1 to 1 inside it."""
    return (np.array(points, dtype=np.float64).reshape(-1, 2).T - surface.centre) / surface.half_width


def _nearest_lookup(surface: Surface, minima: tuple[Point, ...]) -> Callable[[Array], NDArray[np.int64]]:
    """Return a function from points (2, n) to the index of the minimum that each has reached, or -1.

    Each cell of a fine grid holds the minimum nearest to its middle as the only candidate, so that a step of ten
    thousand walks costs one distance per walk instead of one per minimum.
    """
    cells = 256
    low, width = surface.centre - surface.half_width, 2.0 * surface.half_width
    if not minima:
        return lambda theta: np.full(theta.shape[1], -1)
    points = (_in_half_widths(surface, minima) + 1.0) / 2.0
    x, y = np.meshgrid(*[(np.arange(cells) + 0.5) / cells] * 2)
    candidate = np.hypot(x - points[0][:, None, None], y - points[1][:, None, None]).argmin(axis=0)

    def nearest(theta: Array) -> NDArray[np.int64]:
        unit = (theta - low) / width
        inside = ((unit >= 0.0) & (unit < 1.0)).all(axis=0)
        cell = (np.where(inside, unit, 0.0) * cells).astype(np.int64)
        index = candidate[cell[1], cell[0]]
        away = unit - points[:, index]
        return np.where(inside & (away[0] * away[0] + away[1] * away[1] <= NEAR * NEAR), index, -1)

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
    listed = _in_half_widths(surface, surface.minima)
    new = (np.hypot(*(point[:, None] - listed)) > APART for point in _in_half_widths(surface, searched).T)
    return surface.minima + tuple(p for p, apart in zip(searched, new, strict=True) if apart.all())


def find_minima(surface: Surface) -> tuple[Point, ...]:
    """Return the minima inside the domain, the deepest first.

    They are where sign-based descent from a grid of starts, and then the floors of valleys, lead.
    """
    resolution, steps = 49, 400
    # In half-widths from the centre, in which the same lengths of steps suit every domain, and both of its directions.
    x, y = np.meshgrid(*[np.linspace(-1.0, 1.0, resolution)] * 2)
    # Off the axes of symmetry, where a saddle would hold a walk for ever.
    now = np.stack([x.ravel(), y.ravel()]) + np.array([[3.1e-4], [2.3e-4]])
    first = 1.0 / resolution / 2.0
    rprop = stepper(OPTIMIZERS["rprop"], {"step_max": first, "step_min": 1e-12})
    with np.errstate(all="ignore"):
        for t in range(1, steps + 1):
            now = rprop.step(now, np.stack(_evaluated(surface, now)[1:]), first, t)
    ends = _apart(surface, _along_valleys(surface, _apart(surface, now)))
    minima = np.array([end for end in ends.T if _is_lowest_around(surface, end)]).reshape(-1, 2).T
    return tuple((float(x), float(y)) for x, y in (surface.centre + surface.half_width * minima).T)


def _apart(surface: Surface, places: Array) -> Array:
    """Return the places inside the domain, the lowest first, without those near a lower one; ``MOST`` at the most."""
    places = places[:, (np.abs(places) < 1.0).all(axis=0)]
    heights = _evaluated(surface, places)[0]
    left = places[:, np.argsort(heights)][:, : np.isfinite(heights).sum()]
    kept: list[Array] = []
    while left.shape[1] and len(kept) < MOST:
        kept.append(left[:, 0])
        left = left[:, np.hypot(*(left - left[:, :1])) > APART]
    return np.array(kept).reshape(-1, 2).T


def _along_valleys(surface: Surface, places: Array) -> Array:
    """Return where walks end that step to the lowest point of a circle around them; those alone that come to an end.

    A gradient's signs stand still on the floor of a narrow valley across the axes, far from its lowest point.
    """
    places, radii = places.copy(), np.full(places.shape[1], AROUND)
    for _ in range(FLOOR_STEPS):
        going = np.flatnonzero(radii >= SETTLED)
        if not len(going):
            break
        here = places[:, going]
        spots, lowest = _lowest_on_circles(surface, here, radii[going])
        heights = _evaluated(surface, here)[0]
        lower = lowest < heights - ROUNDING * (surface.unit + np.abs(heights))
        places[:, going] = np.where(lower, spots, here)
        radii[going] = np.where(lower, np.minimum(2.0 * radii[going], APART), radii[going] / 2.0)
    return places[:, radii < SETTLED]


def _lowest_on_circles(surface: Surface, places: Array, radii: Array) -> tuple[Array, Array]:
    """Return the lowest points of circles around the places, and their heights."""
    low, width = np.tile(np.linspace(0.0, 2.0 * np.pi, ARCS, endpoint=False)[:, None], len(radii)), 2.0 * np.pi / ARCS
    for _ in range(HALVINGS):
        width /= 2.0
        along = np.stack([-np.sin(low + width), np.cos(low + width)])
        spots = places[:, None] + radii * np.stack([along[1], -along[0]])
        heights, *slopes = _evaluated(surface, spots.reshape(2, -1))
        falls = (np.stack(slopes).reshape(spots.shape) * surface.half_width[:, :, None] * along).sum(axis=0) < 0.0
        low = np.where(falls, low + width, low)
    heights = np.where(np.isfinite(heights), heights, np.inf).reshape(low.shape)
    best = heights.argmin(axis=0), np.arange(len(radii))
    return spots[:, *best], heights[best]


def _evaluated(surface: Surface, places: Array) -> tuple[Array, Array, Array]:
    """f, df/dx, df/dy at places (2, n) in half-widths from the centre."""
    x, y = surface.centre + surface.half_width * places
    return surface.evaluate(x, y)


def _is_lowest_around(surface: Surface, place: Array) -> bool:
    angles = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    around = place[:, None] + AROUND * np.stack([np.cos(angles), np.sin(angles)])
    return bool((_evaluated(surface, around)[0] > _evaluated(surface, place[:, None])[0]).all())
