"""Loss and accuracy on a grid of a plane, and at points on and off it.

The first layer is linear in a and b: with images X and a plane W + a D + b E, X (W + a D + b E) = X W + a X D + b X E.
Those three products are taken once; a grid point then costs the ReLU and the small second layer. Images go through in
chunks that stay in the cache, one image per column: so the loops run along the images and not along ten classes.
"""

import math
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core import devices
from core.data import CLASSES, Digits
from core.hyperparameters import Hyperparameter
from core.landscape.planes import Plane, layers
from core.training.network import HIDDEN

SIZE = Hyperparameter("size", 51, "Points along each side of the grid.", low=25, high=201)
#: Sides of the coarser grids that are computed and shown first.
COARSE = (13, 51, 101)
#: Images at once, and grid points at once: few calls, and their output is still in the processor's cache when read.
CHUNK, GROUP = 256, 16
#: Images at once where every network has a first layer of its own, which is then most of the work.
LARGE_CHUNK = 2048

Values = NDArray[np.float64]
#: Called with the share that is done, 0 to 1; raises to end the work.
Tick = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Grid:
    """Mean loss and accuracy, 0 to 1, at ``plane.point(x[j], y[i])`` in row i, column j; (len(y), len(x)) each."""

    x: Values
    y: Values
    loss: Values
    accuracy: Values


def quiet(share: float) -> None:
    """Do nothing: the progress callback where none is given."""


def refined(
    plane: Plane,
    x: tuple[float, float],
    y: tuple[float, float],
    size: int,
    digits: Digits,
    loss: str = "cross_entropy",
    tick: Tick = quiet,
    threads: int = 1,
) -> Generator[Grid, None, None]:
    """Grids over the ranges ``x`` and ``y``, coarser ones first; the last has ``size`` points per side.

    Raises:
        ValueError: for a size outside 25 to 201.
    """
    SIZE.check(size)
    for side in (*(coarse for coarse in COARSE if coarse < size), size):
        yield evaluate_grid(plane, np.linspace(*x, side), np.linspace(*y, side), digits, loss, tick, threads)


def evaluate_grid(
    plane: Plane,
    x: Values,
    y: Values,
    digits: Digits,
    loss: str = "cross_entropy",
    tick: Tick = quiet,
    threads: int = 1,
) -> Grid:
    """Loss and accuracy at every (x[j], y[i]), on the CPU.

    Args:
        plane: on the CPU.
        digits: at least one.
        loss: ``cross_entropy`` or ``mse``, without label smoothing.
        tick: called a few times per second, from any of the threads; its exception ends the work and is raised here.
        threads: share the images; each with one torch thread, since torch's own wait for each other at every step.
    """
    share = -(-len(digits) // min(threads, len(digits)))
    parts = [digits[start : start + share] for start in range(0, len(digits), share)]
    if len(parts) == 1:
        sums = [_grid_sums(plane, x, y, digits, loss, tick)]
    else:
        with ThreadPoolExecutor(len(parts), initializer=devices.prepare_cpu, initargs=(1,)) as pool:
            sums = list(pool.map(lambda part: _grid_sums(plane, x, y, part, loss, tick), parts))
    losses, hits = (sum(each) / len(digits) for each in zip(*sums, strict=True))
    return Grid(np.asarray(x), np.asarray(y), losses, hits)


@torch.no_grad()
def _grid_sums(plane: Plane, x: Values, y: Values, digits: Digits, loss: str, tick: Tick) -> tuple[Values, Values]:
    """Return the sums of the losses and the numbers of correct predictions, (len(y), len(x)) each."""
    losses, hits = np.zeros((len(y), len(x))), np.zeros((len(y), len(x)))
    columns, rows = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y, dtype=torch.float32)
    chunks = _Chunks(plane, digits)
    for k, (base, d, e, labels) in enumerate(chunks):
        hidden = base.new_empty(GROUP, *base.shape)
        for start in range(0, len(y), GROUP):
            tick((k + start / len(y)) / chunks.count)
            b = rows[start : start + GROUP]
            along = b[:, None, None] * e
            second = [chunks.second_layer(a.expand_as(b), b) for a in columns]
            for j, (a, (weights, bias)) in enumerate(zip(x, second, strict=True)):
                units = torch.add(torch.add(base, d, alpha=float(a)), along, out=hidden[: len(b)]).relu_()
                loss_sums, hit_sums = _score(torch.baddbmm(bias, weights, units), labels, loss)
                losses[start : start + GROUP, j] += loss_sums
                hits[start : start + GROUP, j] += hit_sums
    return losses, hits


@torch.no_grad()
def evaluate_on_plane(
    plane: Plane, a: Tensor, b: Tensor, digits: Digits, loss: str = "cross_entropy", tick: Tick = quiet
) -> tuple[Values, Values]:
    """Loss and accuracy, (k,) each, at the plane's points (a[i], b[i]); arguments as of ``evaluate_grid``."""
    losses, hits = np.zeros(len(a)), np.zeros(len(a))
    a, b = a.float(), b.float()
    chunks = _Chunks(plane, digits)
    for k, (base, d, e, labels) in enumerate(chunks):
        tick(k / chunks.count)
        for start in range(0, len(a), GROUP):
            part = slice(start, start + GROUP)
            hidden = base + a[part, None, None] * d + b[part, None, None] * e
            weights, bias = chunks.second_layer(a[part], b[part])
            loss_sums, hit_sums = _score(torch.baddbmm(bias, weights, hidden.relu_()), labels, loss)
            losses[part] += loss_sums
            hits[part] += hit_sums
    return losses / len(digits), hits / len(digits)


@torch.no_grad()
def evaluate_points(
    points: Tensor, digits: Digits, loss: str = "cross_entropy", tick: Tick = quiet
) -> tuple[Values, Values]:
    """Loss and accuracy, (k,) each, of the networks with parameters ``points``, (k, 101770), wherever they lie."""
    losses, hits = np.zeros(len(points)), np.zeros(len(points))
    for start in range(0, len(digits), LARGE_CHUNK):
        part = digits[start : start + LARGE_CHUNK]
        pixels = part.images.float().div_(255).t()
        for i, point in enumerate(points):
            tick((start + len(part) * i / len(points)) / len(digits))
            w1, b1, w2, b2 = layers(point)
            hidden = torch.addmm(b1[:, None], w1, pixels).relu_()
            logits = torch.addmm(b2[:, None], w2, hidden)
            loss_sums, hit_sums = _score(logits[None], part.labels, loss)
            losses[i] += loss_sums[0]
            hits[i] += hit_sums[0]
    return losses / len(digits), hits / len(digits)


class _Chunks:
    """The images, chunk by chunk, with their first layer at the plane's origin and along its directions."""

    def __init__(self, plane: Plane, digits: Digits) -> None:
        parts = [layers(vector) for vector in (plane.origin, plane.u, plane.v)]
        self._first = torch.cat([part[0] for part in parts])
        self._first_bias = torch.cat([part[1] for part in parts])[:, None]
        self._second = torch.stack([part[2] for part in parts]).flatten(1)
        self._second_bias = torch.stack([part[3] for part in parts])
        self._digits = digits
        self.count = -(-len(digits) // CHUNK)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """X W, X D and X E with their biases, each (128, n), and the labels (n,)."""
        for images, labels in zip(self._digits.images.split(CHUNK), self._digits.labels.split(CHUNK), strict=True):
            pixels = images.float().div_(255)
            base, d, e = torch.addmm(self._first_bias, self._first, pixels.t()).chunk(3)
            yield base, d, e, labels

    def second_layer(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Return the second layer at g points (a, b): weights (g, 10, 128), biases (g, 10, 1)."""
        mix = torch.stack((torch.ones_like(a), a, b), 1)
        return (mix @ self._second).view(len(a), CLASSES, HIDDEN), (mix @ self._second_bias)[:, :, None]


def _score(logits: Tensor, labels: Tensor, loss: str) -> tuple[Values, Values]:
    """Sum of the losses and number of correct digits of (g, 10, n) logits; each (g,)."""
    log_probabilities = logits.log_softmax(1)
    true = labels.expand(len(logits), 1, -1)
    picked = log_probabilities.gather(1, true)
    if loss == "cross_entropy":
        losses = -picked.sum((1, 2))
    else:
        # The sum over the classes of (p - t)^2, with t = 1 for the true one and 0 for the others.
        squares = log_probabilities.mul(2).exp_().sum((1, 2))
        losses = (squares - 2 * picked.exp().sum((1, 2)) + len(labels)) / CLASSES
    # Not argmax: it is five times as slow along the classes, which would be nearly half of the time
    # (benchmarks/LOG.md). But it breaks ties as all other figures of the lab do; hardly a network has one.
    others = log_probabilities.scatter_(1, true, -math.inf).amax(1)
    right = picked[:, 0] > others
    if (picked[:, 0] == others).any():
        right = logits.argmax(1) == labels
    return losses.double().numpy(), right.sum(1).double().numpy()
