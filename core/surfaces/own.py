"""A typed formula as a surface: its minima are found by a search."""

from dataclasses import replace

import numpy as np

from core.files import shortened
from core.surfaces.basins import find_minima
from core.surfaces.functions import Domain, Surface, check_domain

#: Where half of the domain lies within this share of the heights, levels at equal distances would leave it empty.
STEEP = 0.1


def own_surface(formula: str, domain: Domain) -> Surface:
    """Return the surface of a typed formula over a domain.

    Its lowest minima in the domain count as its minima; where none lies inside, the lowest value of a grid is
    its minimum and there is no point to measure a distance to. A steep surface is drawn at logarithmic levels.

    Raises:
        ValueError: for a formula that is not allowed or has no finite value, or a bad domain.
    """
    check_domain(domain)
    x_low, x_high, y_low, y_high = domain
    start = (x_low + 0.15 * (x_high - x_low), y_low + 0.8 * (y_high - y_low))
    surface = Surface("Own formula", formula, domain, (), 0.0, start, log_levels=False)
    heights = surface.heights(101)
    if not np.isfinite(heights).any():
        raise ValueError(
            f"formula must have a value somewhere in its domain, got {shortened(formula)}, which has none."
        )
    finite = heights[np.isfinite(heights)]
    lowest, middle, highest = (float(np.quantile(finite, share)) for share in (0.0, 0.5, 1.0))
    rise = highest - lowest
    surface = replace(surface, log_levels=middle - lowest < STEEP * rise, unit=min(1.0, rise) or 1.0)
    candidates = find_minima(surface)
    values = [float(surface.evaluate(np.array([a]), np.array([b]))[0][0]) for a, b in candidates]
    if not values or min(values) > lowest + 1e-6 * (1.0 + abs(lowest)):
        return replace(surface, minimum=lowest)
    deepest = min(values)
    minima = tuple(p for p, v in zip(candidates, values, strict=True) if v - deepest < 1e-6 * (1.0 + abs(deepest)))
    return replace(surface, minima=minima, minimum=deepest)
