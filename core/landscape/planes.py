"""Planes through parameter space: their construction, and the share of a run's path that they show.

Parameters are flat vectors, (101770,) float32, in the order of ``network.parameters()``; a trajectory is (k, 101770),
one row per moment of a run, the last one its end.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.training.network import SIZES, parameter_shapes

#: Columns of a trajectory at once: sums are in double precision, and a copy of all of it would be large.
BLOCK = 8192
#: A direction with less than this share of the movement is rounding.
NEGLIGIBLE = 1e-9


@dataclass(frozen=True, eq=False)
class Projection:
    """Points on a plane: coordinates and distance off it, each (k,) float64; distance in parameter space."""

    a: Tensor
    b: Tensor
    distance: Tensor


@dataclass(frozen=True, eq=False)
class Plane:
    """The points ``origin + a u + b v``; each is (101770,) float32, and ``v`` is zero for a line."""

    origin: Tensor
    u: Tensor
    v: Tensor

    def point(self, a: float, b: float) -> Tensor:
        """(101770,) the parameters at (a, b)."""
        return self.origin + a * self.u + b * self.v

    def project(self, points: Tensor) -> Projection:
        """Return the nearest point of the plane to each of (k, 101770) points."""
        along = torch.zeros(len(points), 2, dtype=torch.float64)
        gram = torch.zeros(2, 2, dtype=torch.float64)
        for block in _blocks(self.origin):
            axes = torch.stack((self.u[block], self.v[block])).double()
            along += (points[:, block].double() - self.origin[block].double()) @ axes.t()
            gram += axes @ axes.t()
        # A pseudo-inverse, since a line has no second direction.
        places = along @ torch.linalg.pinv(gram, hermitian=True)
        squared = torch.zeros(len(points), dtype=torch.float64)
        for block in _blocks(self.origin):
            axes = torch.stack((self.u[block], self.v[block])).double()
            rest = points[:, block].double() - self.origin[block].double() - places @ axes
            squared += rest.square().sum(1)
        return Projection(places[:, 0].clone(), places[:, 1].clone(), squared.sqrt())

    def explained(self, trajectories: Sequence[Tensor]) -> float:
        """Return the share, 0 to 1, of squared distances from the origin in the plane; NaN without movement."""
        off = total = 0.0
        for trajectory in trajectories:
            off += float(self.project(trajectory).distance.square().sum())
            total += sum(
                float((trajectory[:, block].double() - self.origin[block].double()).square().sum())
                for block in _blocks(self.origin)
            )
        return 1.0 - off / total if total else math.nan


def pca(trajectories: Sequence[Tensor]) -> Plane:
    """Return the plane with most of the squared distances of all trajectories' points from the mean of their ends.

    One trajectory's plane goes through its end; the directions have length 1. The first trajectory starts at the left.

    Raises:
        ValueError: if nothing moves, or there is no trajectory.

    Source: Li et al. 2018, Visualizing the Loss Landscape of Neural Nets, section 7; with the Gram matrix of the points
    in place of the covariance of the parameters.
    """
    if not trajectories:
        raise ValueError("This plane is of runs that move; choose at least one run, since models do not.")
    origin = torch.stack([trajectory[-1].double() for trajectory in trajectories]).mean(0).float()
    count = sum(len(trajectory) for trajectory in trajectories)
    gram = torch.zeros(count, count, dtype=torch.float64)
    for block in _blocks(origin):
        rows = torch.cat([trajectory[:, block] for trajectory in trajectories]).double() - origin[block].double()
        gram += rows @ rows.t()
    values, vectors = torch.linalg.eigh(gram)
    if not float(values[-1]) > 0:
        raise ValueError("This plane is of runs that move; the parameters of these never change.")
    axes = []
    for value, weights in zip(values.flip(0)[:2], vectors.flip(1).t()[:2], strict=False):
        if float(value) > NEGLIGIBLE * float(values[-1]):
            direction = _weighted(trajectories, origin, weights / value.sqrt())
            axes.append(-direction if float((trajectories[0][0] - origin) @ direction) > 0 else direction)
    u = axes[0]
    return Plane(origin, u, axes[1] if len(axes) > 1 else _some_orthogonal(u))


def through(first: Tensor, second: Tensor, third: Tensor) -> Plane:
    """Return the plane through three points, by Gram-Schmidt: origin ``first``, directions of length 1.

    Raises:
        ValueError: if the points lie on one line.
    """
    u, towards = second.double() - first.double(), third.double() - first.double()
    length = float(u.norm())
    v = towards - (towards @ u) / max(length, 1e-300) ** 2 * u
    if not length > 0 or not float(v.norm()) > 1e-6 * float(towards.norm()):
        raise ValueError("Three points on one line make no plane; two of the three are the same, or all are in a row.")
    return Plane(first, (u / length).float(), (v / v.norm()).float())


def line(first: Tensor, second: Tensor) -> Plane:
    """Return the line between two points: ``first`` at a = 0 and ``second`` at a = 1.

    Raises:
        ValueError: if they are the same.
    """
    if torch.equal(first, second):
        raise ValueError("A line needs two points that differ; these have the same parameters.")
    return Plane(first, second - first, torch.zeros_like(first))


def random_plane(centre: Tensor, seed: int = 0) -> Plane:
    """Two filter-normalised random directions around a network.

    Each row of a weight matrix is random with the length of the network's own row, so that a = 1 changes every unit
    by as much as it is; biases stay.

    Source: Li et al. 2018, Visualizing the Loss Landscape of Neural Nets, section 4.
    """
    generator = torch.Generator().manual_seed(seed)

    def direction() -> Tensor:
        parts = []
        for layer in layers(centre):
            if layer.dim() == 1:
                parts.append(torch.zeros_like(layer))
                continue
            rows = torch.randn(layer.shape, generator=generator)
            parts.append((rows * (layer.norm(dim=1) / rows.norm(dim=1))[:, None]).flatten())
        return torch.cat(parts)

    return Plane(centre, direction(), direction())


def random_walks(trajectories: Sequence[Tensor]) -> list[Tensor]:
    """For each trajectory a random walk from its start, with as many steps of the same lengths in random directions.

    Two principal components "explain" most of such walks too: the baseline for a run's figure.

    Source: Antognini and Sohl-Dickstein 2018, PCA of high dimensional random walks.
    """
    generator = torch.Generator().manual_seed(0)
    walks = []
    for trajectory in trajectories:
        walk = torch.empty_like(trajectory)
        walk[0] = trajectory[0]
        for i in range(1, len(trajectory)):
            step = torch.randn(trajectory.shape[1], generator=generator)
            torch.add(walk[i - 1], step, alpha=_length(trajectory[i] - trajectory[i - 1]) / _length(step), out=walk[i])
        walks.append(walk)
    return walks


def layers(flat: Tensor) -> list[Tensor]:
    """Return the two weight matrices and biases of a flat vector, as views: (128, 784), (128,), (10, 128), (10,)."""
    parts = zip(flat.split(SIZES), parameter_shapes().values(), strict=True)
    return [part.view(shape) for part, shape in parts]


def _length(vector: Tensor) -> float:
    # Squares of a run that is about to diverge are beyond single precision.
    return float(vector.norm(dtype=torch.float64))


def _blocks(vector: Tensor) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, len(vector), BLOCK)]


def _weighted(trajectories: Sequence[Tensor], origin: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of all points' offsets from the origin, each times its weight."""
    total, start = -weights.sum() * origin.double(), 0
    for trajectory in trajectories:
        for point in trajectory:
            total += weights[start] * point.double()
            start += 1
    return total.float()


def _some_orthogonal(u: Tensor) -> Tensor:
    """Return a random direction of length 1, orthogonal to ``u``: a second direction for movement along one line."""
    other = torch.randn(len(u), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    other -= (other @ u.double()) / u.double().square().sum() * u.double()
    direction: Tensor = (other / other.norm()).float()
    return direction
