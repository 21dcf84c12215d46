"""A study of the loss on a plane (which runs or models, which plane, which images), and its results, step by step."""

import hashlib
import json
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data import TEST_IMAGES, Digits, Mnist
from core.hyperparameters import Hyperparameter
from core.landscape import grid as grids
from core.landscape import planes
from core.landscape.grid import SIZE, Grid, Tick
from core.landscape.planes import Plane
from core.training.config import LOSS

FORMAT_VERSION = 1
#: The fewest and the most runs or models of each kind of plane.
PLANES = {"pca": (1, 8), "three": (2, 3), "random": (1, 8), "line": (2, 2)}
#: Images of each set that there are.
SETS = {"test": TEST_IMAGES, "validation": 12_000, "training": 48_000}
PLANE = Hyperparameter("plane", "pca", "Kind of plane.", choices=tuple(PLANES))
PART = Hyperparameter("part", "test", "Set of the images.", choices=tuple(SETS))
SEED = Hyperparameter("seed", 0, "Fixes the random directions.", low=0, high=2**31 - 1)
#: Points along a line between two models, and how far it goes beyond them.
LINE_POINTS, BEYOND = 121, 0.5
#: Lowest and highest coordinate along one direction of a plane.
Range = tuple[float, float]
#: Yields grids over two ranges of a plane, coarser ones first.
Surface = Callable[[Plane, Range, Range], Generator[Grid, None, None]]
#: The space around the paths, as a share of their extent.
MARGIN = 0.2


@dataclass(frozen=True)
class Study:
    """Request for a landscape.

    Args:
        plane: ``pca``, the plane that holds most of the runs' movement; ``three``, through three models, or the first
            weights and the ends of two runs; ``random``, filter-normalised directions around the first item's end;
            ``line``, between two.
        items: the runs and models, each a text that fixes it and its content: a result is known by them for ever.
        part: the images: ``test``, ``validation`` (the last 12,000 of the training files) or ``training``.
        images: how many, spread evenly over them.
        size: points along each side of the grid, 25 to 201.
        loss: ``cross_entropy`` or ``mse``.
        seed: of the random directions.

    Raises:
        ValueError: with the parameter, the rule and the value.
    """

    plane: str = "pca"
    items: tuple[str, ...] = ()
    part: str = "test"
    images: int = 2000
    size: int = 51
    loss: str = "cross_entropy"
    seed: int = 0

    def __post_init__(self) -> None:
        for parameter in (PLANE, PART, LOSS, SIZE, SEED):
            parameter.check(getattr(self, parameter.name))
        images_parameter(self.part).check(self.images)
        low, high = PLANES[self.plane]
        if not low <= len(set(self.items)) <= high or len(set(self.items)) < len(self.items):
            count = f"{low}" if low == high else f"{low} to {high}"
            raise ValueError(
                f"items must be {count} different runs or models for plane {self.plane}, got {len(self.items)}."
            )

    @property
    def key(self) -> str:
        """Digest of all that the result depends on."""
        content = json.dumps({"format": FORMAT_VERSION, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:24]

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "items": list(self.items)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Study":
        """Inverse of ``to_dict``."""
        return cls(**{**values, "items": tuple(values["items"])})

    def digits(self, mnist: Mnist) -> Digits:
        """Return the images that the loss is taken on."""
        training, validation = mnist.split(SETS["validation"])
        return {"test": mnist.test, "validation": validation, "training": training}[self.part].spread(self.images)


@dataclass(frozen=True, eq=False)
class Track:
    """A run's path through parameter space, or a model's single point.

    Args:
        item: as in the study.
        label: for people.
        about: JSON values for pages: ``optimizer``, ``number`` and ``note``; empty for a model.
        steps, epochs: (k,) of each point; epochs may be fractions.
        points: (k, 101770), the last one the end.
        start: (101770,) the first weights, or None for a model.
        curve: (2, m) epochs and training losses.
    """

    item: str
    label: str
    about: dict[str, Any]
    steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    points: Tensor
    start: Tensor | None = None
    curve: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 0)))


@dataclass(frozen=True, eq=False)
class Path2D:
    """A track on the plane; each array (k,) but ``curve``. Losses are NaN until they are computed.

    Args:
        a, b: the nearest point of the plane; ``distance`` is how far off it lies.
        true, shown: mean loss of the track's own point, and of the nearest point of the plane.
        accuracy: of the track's own point.
    """

    item: str
    label: str
    about: dict[str, Any]
    steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    curve: NDArray[np.float64]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    distance: NDArray[np.float64]
    true: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    shown: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Result:
    """Result so far. ``explained`` and ``baseline`` are shares from 0 to 1, NaN where there are none."""

    study: Study
    plane: Plane
    paths: tuple[Path2D, ...]
    grid: Grid | None = None
    explained: float = math.nan
    baseline: float = math.nan
    done: bool = False


def images_parameter(part: str) -> Hyperparameter:
    """Rule for the number of images of a set."""
    return Hyperparameter("images", min(2000, SETS[part]), "How many, spread evenly.", low=1, high=SETS[part])


def plane_of(study: Study, tracks: Sequence[Track]) -> Plane:
    """Return the study's plane.

    Raises:
        ValueError: if the items do not make one.
    """
    ends = [track.points[-1] for track in tracks]
    if study.plane == "pca":
        return planes.pca(_moving(tracks))
    if study.plane == "three":
        if len(ends) == 3:
            return planes.through(*ends)
        if tracks[0].start is None:
            raise ValueError(
                "This plane goes through three ends, or a run's start and two ends; choose a run first, or one more."
            )
        return planes.through(tracks[0].start, *ends)
    if study.plane == "random":
        return planes.random_plane(ends[0], study.seed)
    return planes.line(*ends)


def compute(
    study: Study,
    tracks: Sequence[Track],
    mnist: Mnist,
    tick: Tick = grids.quiet,
    threads: int = 1,
    surface: Surface | None = None,
) -> Iterator[Result]:
    """Yield results, each with more than the one before; the last one is ``done``.

    The order is: the paths' places, a coarse grid, the paths' losses, finer grids.

    Args:
        tick, threads: as of ``grid.evaluate_grid``.
        surface: computes the grids in place of ``grid.refined``.

    Raises:
        ValueError: if the items do not make a plane.
    """
    digits = study.digits(mnist)
    plane = plane_of(study, tracks)
    result = Result(study, plane, tuple(_project(plane, track) for track in tracks))
    if study.plane == "pca":
        walks = planes.random_walks(_moving(tracks))
        result = replace(
            result, explained=plane.explained(_moving(tracks)), baseline=planes.pca(walks).explained(walks)
        )
    elif study.plane != "line" and (moving := _moving(tracks)):
        result = replace(result, explained=plane.explained(moving))
    yield result
    if study.plane == "line":
        ticks = np.linspace(-BEYOND, 1 + BEYOND, LINE_POINTS)
        result = replace(result, grid=grids.evaluate_grid(plane, ticks, np.zeros(1), digits, study.loss, tick))
        yield _with_losses(result, tracks, digits, tick, done=True)
        return

    def refined(plane: Plane, x: Range, y: Range) -> Generator[Grid, None, None]:
        return grids.refined(plane, x, y, study.size, digits, study.loss, tick, threads)

    with closing((surface or refined)(plane, *_box(study, result.paths))) as refining:
        for grid in refining:
            first, last = result.grid is None, len(grid.x) == study.size
            result = replace(result, grid=grid, done=last and not first)
            yield result
            if first:
                result = _with_losses(result, tracks, digits, tick, done=last)
                yield result


def _moving(tracks: Sequence[Track]) -> list[Tensor]:
    """Return the points of the tracks that have more than one."""
    return [track.points for track in tracks if len(track.points) > 1]


def _project(plane: Plane, track: Track) -> Path2D:
    projection = plane.project(track.points)
    unknown = np.full(len(track.points), np.nan)
    return Path2D(
        track.item, track.label, track.about, track.steps, track.epochs, track.curve,
        projection.a.numpy(), projection.b.numpy(), projection.distance.numpy(), unknown, unknown, unknown,
    )  # fmt: skip


def _box(study: Study, paths: Sequence[Path2D]) -> tuple[Range, Range]:
    """Return a square around all paths; around a model, as far as the directions go once."""
    if study.plane == "random":
        return (-1.0, 1.0), (-1.0, 1.0)
    a, b = (np.concatenate([getattr(path, name) for path in paths]) for name in ("a", "b"))
    half = (0.5 + MARGIN) * max(float(np.ptp(a)), float(np.ptp(b)))
    x, y = ((float(values.max()) + float(values.min())) / 2 for values in (a, b))
    return (x - half, x + half), (y - half, y + half)


def _with_losses(result: Result, tracks: Sequence[Track], digits: Digits, tick: Tick, done: bool) -> Result:
    loss, paths = result.study.loss, []
    for path, track in zip(result.paths, tracks, strict=True):
        true, accuracy = grids.evaluate_points(track.points, digits, loss, tick)
        places = torch.from_numpy(path.a), torch.from_numpy(path.b)
        shown, _ = grids.evaluate_on_plane(result.plane, *places, digits, loss, tick)
        paths.append(replace(path, true=true, accuracy=accuracy, shown=shown))
    return replace(result, paths=tuple(paths), done=done)
