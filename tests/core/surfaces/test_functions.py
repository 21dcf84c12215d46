import numpy as np
import pytest
import torch

from core.surfaces.functions import SURFACES, Surface, check_domain, ill_conditioned_bowl

#: The functions as their authors wrote them, for autograd.
REFERENCES = {
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "beale": lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    "rastrigin": lambda x, y: 20 + sum(v**2 - 10 * torch.cos(2 * torch.pi * v) for v in (x, y)),
    "saddle": lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4,
    "styblinski_tang": lambda x, y: sum(v**4 - 16 * v**2 + 5 * v for v in (x, y)) / 2,
    "three_hump_camel": lambda x, y: 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2,
    "ackley": lambda x, y: (
        -20 * torch.exp(-0.2 * torch.sqrt((x**2 + y**2) / 2))
        - torch.exp((torch.cos(2 * torch.pi * x) + torch.cos(2 * torch.pi * y)) / 2)
        + torch.e
        + 20
    ),
    "booth": lambda x, y: (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2,
    "matyas": lambda x, y: 0.26 * (x**2 + y**2) - 0.48 * x * y,
    "goldstein_price": lambda x, y: (
        (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2))
        * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))
    ),
    "mccormick": lambda x, y: torch.sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1,
    "bowl": lambda x, y: (x**2 + 50 * y**2) / 2,
}

#: (number of global minima, value there), as published.
MINIMA = {
    "rosenbrock": (1, 0.0),
    "beale": (1, 0.0),
    "himmelblau": (4, 0.0),
    "rastrigin": (1, 0.0),
    "saddle": (2, -0.25),
    "styblinski_tang": (1, -78.332),
    "three_hump_camel": (1, 0.0),
    "ackley": (1, 0.0),
    "booth": (1, 0.0),
    "matyas": (1, 0.0),
    "goldstein_price": (1, 3.0),
    "mccormick": (1, -1.913),
    "bowl": (1, 0.0),
}


def test_every_surface_has_a_reference():
    assert list(REFERENCES) == list(SURFACES) == list(MINIMA)


@pytest.mark.parametrize("name", SURFACES)
def test_value_and_gradient_over_the_domain(name):
    surface = SURFACES[name]
    x, y = (part.ravel() for part in np.meshgrid(*surface.grid(12)))
    tx, ty = (torch.tensor(part, requires_grad=True) for part in (x, y))
    value = REFERENCES[name](tx, ty)
    gradient = torch.autograd.grad(value.sum(), (tx, ty))
    for got, want in zip(surface.evaluate(x, y), (value.detach(), *gradient), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SURFACES)
def test_known_minima_are_minima(name):
    surface = SURFACES[name]
    count, value = MINIMA[name]
    assert len(surface.minima) == count
    x, y = np.array(surface.minima).T
    f, gx, gy = surface.evaluate(x, y)
    assert np.hypot(gx, gy).max() < 1e-4
    np.testing.assert_allclose(f, value, atol=5e-4)
    np.testing.assert_allclose(f, surface.minimum, atol=1e-6)
    assert np.nanmin(surface.heights(201)) >= surface.minimum - 1e-6


@pytest.mark.parametrize("name", SURFACES)
def test_the_default_start_lies_in_the_domain(name):
    x_low, x_high, y_low, y_high = SURFACES[name].domain
    x, y = SURFACES[name].start
    assert x_low <= x <= x_high and y_low <= y <= y_high


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("rosenbrock", 0.0020),
        ("rastrigin", 0.0050),
        ("himmelblau", 0.0150),
        ("beale", 0.0408),
        ("styblinski_tang", 0.0578),
        ("booth", 0.1111),
        ("matyas", 2.0),
        ("goldstein_price", 0.0021),
    ],
)
def test_largest_stable_rate(name, rate):
    assert SURFACES[name].largest_stable_rate() == pytest.approx(rate, rel=0.02)


def test_a_cusp_has_no_stable_rate():
    assert np.isnan(SURFACES["ackley"].largest_stable_rate())


@pytest.mark.parametrize(("formula", "rate"), [("x^4+y^4", np.nan), ("(x^2+y^2)^3", np.nan), ("x^4+y^2", 1.0)])
def test_a_minimum_without_curvature_tells_no_rate(formula, rate):
    surface = Surface("", formula, (-3.0, 3.0, -3.0, 3.0), ((0.0, 0.0),), 0.0, (1.0, 1.0))
    assert surface.largest_stable_rate() == pytest.approx(rate, nan_ok=True)


def test_the_bowls_condition_is_a_parameter():
    assert ill_conditioned_bowl(200.0).largest_stable_rate() == pytest.approx(2 / 200, rel=1e-6)
    with pytest.raises(ValueError, match=r"k must be a number in \[1, 1000\], got k = 0"):
        ill_conditioned_bowl(0)


def test_a_domain_runs_upwards():
    check_domain((-1.0, 1.0, 0.0, 2.0))
    with pytest.raises(ValueError, match=r"y must run from a lower to a higher number.*got y = 2 to 2"):
        check_domain((-1.0, 1.0, 2.0, 2.0))
