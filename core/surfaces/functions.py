"""The two-parameter loss functions of the lab, one row each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.hyperparameters import Hyperparameter, number
from core.surfaces.expression import Array, Expression, parse

Point = tuple[float, float]
Domain = tuple[float, float, float, float]

#: How ill-conditioned the bowl is: the ratio of its two curvatures.
DEFAULT_CONDITION = 50.0
CONDITION = Hyperparameter(
    "k", DEFAULT_CONDITION, "The bowl's curvature along y; along x it is 1.", low=1.0, high=1000.0
)
#: How far from its domain's centre a walk may go, in half-widths, before it counts as diverged.
FAR = 10.0
#: A value within this of the minimum counts as having reached it.
REACHED = 1e-3


@dataclass(frozen=True)
class Surface:
    """A function of two parameters.

    Args:
        label: the name that a person reads.
        formula: f(x, y) as text.
        domain: (x_low, x_high, y_low, y_high) that is drawn.
        minima: where f is lowest, all of them.
        minimum: f there.
        start: where a walk starts unless another start is given.
        help: one sentence on what makes it hard.
        log_levels: whether contours are drawn at levels of log10(f - minimum) instead of f.
        unit: what differences of f and its slopes are judged in; less than 1 for a function that hardly rises.
        constants: named numbers of the formula.
    """

    label: str
    formula: str
    domain: Domain
    minima: tuple[Point, ...]
    minimum: float
    start: Point
    help: str = ""
    log_levels: bool = True
    unit: float = 1.0
    constants: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def expression(self) -> Expression:
        return parse(self.formula, self.constants)

    def evaluate(self, x: Array, y: Array) -> tuple[Array, Array, Array]:
        """f, df/dx, df/dy."""
        return self.expression.evaluate(x, y)

    @property
    def centre(self) -> Array:
        """Shape (2, 1)."""
        x_low, x_high, y_low, y_high = self.domain
        return np.array([[x_low + x_high], [y_low + y_high]]) / 2

    @property
    def half_width(self) -> Array:
        """Shape (2, 1)."""
        x_low, x_high, y_low, y_high = self.domain
        return np.array([[x_high - x_low], [y_high - y_low]]) / 2

    def grid(self, resolution: int) -> tuple[Array, Array]:
        """Return the x and the y coordinates of a regular grid over the domain, ends included."""
        x_low, x_high, y_low, y_high = self.domain
        return np.linspace(x_low, x_high, resolution), np.linspace(y_low, y_high, resolution)

    def heights(self, resolution: int) -> Array:
        """f over ``grid(resolution)``, shape (resolution, resolution), rows along y."""
        return self.evaluate(*np.meshgrid(*self.grid(resolution)))[0]

    def reached(self, x: Array, y: Array, values: Array) -> NDArray[np.bool_]:
        """Return True for the points in the domain whose values are within REACHED units of the minimum; NaN is not."""
        x_low, x_high, y_low, y_high = self.domain
        inside = (x >= x_low) & (x <= x_high) & (y >= y_low) & (y <= y_high)
        return inside & (values - self.minimum <= REACHED * self.unit)

    def distance(self, x: Array, y: Array) -> Array:
        """Return the distance to the nearest minimum; NaN where none is known."""
        if not self.minima:
            return np.full_like(x, np.nan)
        return np.min([np.hypot(x - a, y - b) for a, b in self.minima], axis=0)  # type: ignore[no-any-return]

    def hessian(self, point: Point) -> Array:
        """Second derivatives at ``point``, shape (2, 2), by central differences of the exact gradient."""
        return self._hessian(point, 1e-5 * float(self.half_width.max()))

    def _hessian(self, point: Point, h: float) -> Array:
        x = point[0] + h * np.array([1.0, -1.0, 0.0, 0.0])
        y = point[1] + h * np.array([0.0, 0.0, 1.0, -1.0])
        _, gx, gy = self.evaluate(x, y)
        matrix = np.array([[gx[0] - gx[1], gx[2] - gx[3]], [gy[0] - gy[1], gy[2] - gy[3]]]) / (2 * h)
        return (matrix + matrix.T) / 2

    def largest_stable_rate(self) -> float:
        """2 / lambda_max at the sharpest minimum: above it gradient descent cannot settle there. NaN if unknown."""
        sharpest = [
            [float(np.linalg.eigvalsh(self._hessian(point, h))[-1]) for point in self.minima] for h in (1e-4, 1e-5)
        ]
        coarse, fine = (max(curvatures, default=0.0) for curvatures in sharpest)
        # As the differences shrink, the curvature of a cusp grows without bound, and no rate is stable; that of a
        # minimum such as x^4's shrinks to nothing, and tells no rate.
        return 2.0 / fine if 0.0 < coarse / 1.5 < fine < 1.5 * coarse else float("nan")


def ill_conditioned_bowl(k: float = DEFAULT_CONDITION) -> Surface:
    """(x^2 + k y^2)/2, whose condition number is ``k``.

    Raises:
        ValueError: if ``k`` is out of range.
    """
    return Surface(
        "Ill-conditioned bowl",
        "(x^2 + k*y^2)/2",
        (-2.0, 2.0, -2.0, 2.0),
        ((0.0, 0.0),),
        0.0,
        (-1.8, 1.2),
        "A quadratic with one steep and one flat direction; the steep one limits the rate, the flat one needs it.",
        constants={"k": float(CONDITION.check(k))},  # type: ignore[arg-type]
    )


SURFACES: dict[str, Surface] = {
    "rosenbrock": Surface(
        "Rosenbrock",
        "(1-x)^2 + 100*(y-x^2)^2",
        (-2.0, 2.0, -1.0, 3.0),
        ((1.0, 1.0),),
        0.0,
        (-1.2, 1.0),
        "A long, curved, almost flat valley: easy to fall into, hard to walk along.",
    ),
    "beale": Surface(
        "Beale",
        "(1.5-x+x*y)^2 + (2.25-x+x*y^2)^2 + (2.625-x+x*y^3)^2",
        (-4.5, 4.5, -4.5, 4.5),
        ((3.0, 0.5),),
        0.0,
        (1.0, 1.0),
        "Steep walls at the corners around a wide flat floor.",
    ),
    "himmelblau": Surface(
        "Himmelblau",
        "(x^2+y-11)^2 + (x+y^2-7)^2",
        (-5.0, 5.0, -5.0, 5.0),
        (
            (3.0, 2.0),
            (-2.805118086953, 3.131312518251),
            (-3.779310253378, -3.283185991286),
            (3.584428340330, -1.848126526964),
        ),
        0.0,
        (-0.27, -0.92),
        "Four equal minima; which one is reached depends on the optimizer.",
    ),
    "rastrigin": Surface(
        "Rastrigin",
        "20 + x^2 - 10*cos(2*pi*x) + y^2 - 10*cos(2*pi*y)",
        (-5.12, 5.12, -5.12, 5.12),
        ((0.0, 0.0),),
        0.0,
        (-2.0, 3.5),
        "A bowl full of dents, about a hundred local minima.",
        log_levels=False,
    ),
    "saddle": Surface(
        "Saddle, bounded",
        "x^2/2 - y^2/2 + y^4/4",
        (-2.0, 2.0, -2.0, 2.0),
        ((0.0, 1.0), (0.0, -1.0)),
        -0.25,
        (-1.5, 1e-3),
        "The start lies almost on the ridge that runs into a saddle point: who escapes first?",
        log_levels=False,
    ),
    "styblinski_tang": Surface(
        "Styblinski-Tang",
        "(x^4 - 16*x^2 + 5*x + y^4 - 16*y^2 + 5*y)/2",
        (-5.0, 5.0, -5.0, 5.0),
        ((-2.903534027771, -2.903534027771),),
        -78.33233140754282,
        (4.5, 4.5),
        "Four valleys, one of them deepest, and the start lies in the shallowest.",
    ),
    "three_hump_camel": Surface(
        "Three-hump camel",
        "2*x^2 - 1.05*x^4 + x^6/6 + x*y + y^2",
        (-2.5, 2.5, -2.5, 2.5),
        ((0.0, 0.0),),
        0.0,
        (-2.0, -2.0),
        "Three valleys side by side; only the middle one is deepest.",
    ),
    "ackley": Surface(
        "Ackley",
        "20 + e - 20*exp(-0.2*sqrt((x^2+y^2)/2)) - exp((cos(2*pi*x)+cos(2*pi*y))/2)",
        (-5.0, 5.0, -5.0, 5.0),
        ((0.0, 0.0),),
        0.0,
        (2.5, -2.0),
        "A funnel with ripples that ends in a cusp, where the gradient never fades.",
        log_levels=False,
    ),
    "booth": Surface(
        "Booth",
        "(x+2*y-7)^2 + (2*x+y-5)^2",
        (-10.0, 10.0, -10.0, 10.0),
        ((1.0, 3.0),),
        0.0,
        (-8.0, -8.0),
        "A tilted quadratic, mildly ill-conditioned.",
    ),
    "matyas": Surface(
        "Matyas",
        "0.26*(x^2+y^2) - 0.48*x*y",
        (-10.0, 10.0, -10.0, 10.0),
        ((0.0, 0.0),),
        0.0,
        (8.0, -6.0),
        "A shallow trough along the diagonal.",
    ),
    "goldstein_price": Surface(
        "Goldstein-Price",
        "(1 + (x+y+1)^2*(19-14*x+3*x^2-14*y+6*x*y+3*y^2)) * (30 + (2*x-3*y)^2*(18-32*x+12*x^2+48*y-36*x*y+27*y^2))",
        (-2.0, 2.0, -2.0, 2.0),
        ((0.0, -1.0),),
        3.0,
        (-1.5, 1.0),
        "Values from 3 to a million over a small square.",
    ),
    "mccormick": Surface(
        "McCormick",
        "sin(x+y) + (x-y)^2 - 1.5*x + 2.5*y + 1",
        (-1.5, 4.0, -3.0, 4.0),
        ((-0.547197551197, -1.547197551197),),
        -1.9132229549810362,
        (3.0, 3.5),
        "A wavy slope with one deepest trough in view.",
        log_levels=False,
    ),
    "bowl": ill_conditioned_bowl(),
}


def check_domain(domain: Domain) -> None:
    """Check that both ranges run upwards and are at most a million wide.

    Raises:
        ValueError: if they are not.
    """
    x_low, x_high, y_low, y_high = domain
    for name, low, high in (("x", x_low, x_high), ("y", y_low, y_high)):
        if not (np.isfinite(low) and np.isfinite(high) and 1e-3 <= high - low <= 1e6):
            raise ValueError(
                f"{name} must run from a lower to a higher number, 0.001 to 1000000 apart, "
                f"got {name} = {number(float(low))} to {number(float(high))}."
            )
