"""The network's own loss on a plane through its 101,770 parameters, and runs' paths on it.

Planes, grids on them, and studies, which have one job and one file each. No runs and no pages: the caller loads tracks.
"""

from core.landscape.grid import Grid, evaluate_grid, evaluate_on_plane, evaluate_points, refined
from core.landscape.planes import Plane, Projection, line, pca, random_plane, random_walks, through

__all__ = [
    "Grid", "Plane", "Projection", "evaluate_grid", "evaluate_on_plane", "evaluate_points", "line", "pca",
    "random_plane", "random_walks", "refined", "through",
]  # fmt: skip
