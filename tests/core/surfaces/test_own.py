import numpy as np
import pytest

from core.surfaces.basins import local_minima
from core.surfaces.own import own_surface

SQUARE = (-2.0, 2.0, -2.0, 2.0)


def test_the_minima_of_an_own_formula_are_found():
    surface = own_surface("(x^2-1)^2 + y^2 - 3", SQUARE)
    np.testing.assert_allclose(sorted(surface.minima), [(-1, 0), (1, 0)], atol=1e-5)
    assert surface.minimum == pytest.approx(-3.0)


@pytest.mark.parametrize("half", [3.0, 10.0, 100.0])
@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("(1-x)^2 + 100*(y-x^2)^2", [(1, 1)]),
        ("10000*(y-x^2)^2 + (x-1)^2", [(1, 1)]),
        ("1000*(x-y)^2 + (x+y-2)^2", [(1, 1)]),
        ("(x*y-1)^2 + 0.01*(x-1)^2", [(1, 1)]),
        ("abs(y-x^2) + 0.1*(x-1)^2", [(1, 1)]),
        ("abs(x-1) + 10*abs(y+x)", [(1, -1)]),
        ("abs(x*y-1) + 0.1*(x-y)^2", [(-1, -1), (1, 1)]),
    ],
)
def test_a_narrow_valley_has_its_minimum_alone(formula, expected, half):
    surface = own_surface(formula, (-half, half, -half, half))
    np.testing.assert_allclose(sorted(surface.minima), expected, atol=1e-5 * half)
    assert surface.minimum == pytest.approx(0.0, abs=1e-4) and len(local_minima(surface)) == len(expected)


def test_a_slope_has_no_minimum_inside_and_says_its_lowest_value():
    surface = own_surface("x + y", SQUARE)
    assert surface.minima == ()
    assert surface.minimum == pytest.approx(-4.0)
    assert np.isnan(surface.distance(np.zeros(2), np.zeros(2))).all()


def test_a_formula_without_a_value_is_refused():
    with pytest.raises(ValueError, match="formula must have a value somewhere"):
        own_surface("log(-1-x^2)", SQUARE)


@pytest.mark.parametrize(
    ("formula", "log"),
    [("x^2+y^2", False), ("sin(x)*cos(y)", False), ("3", False), ("1/(x^2+y^2)", True), ("x^12+y^12", True)],
)
def test_levels_are_logarithmic_where_half_of_the_domain_is_low(formula, log):
    assert own_surface(formula, SQUARE).log_levels is log


def test_a_flat_function_is_reached_where_it_is_low_for_its_own_size():
    steep, flat = own_surface("x^2+y^2", SQUARE), own_surface("1e-9*(x^2+y^2)", SQUARE)
    assert (steep.unit, flat.unit) == (1.0, pytest.approx(8e-9))
    x, y = np.array([1.8, 0.0, 0.01]), np.zeros(3)
    for surface in (steep, flat):
        assert surface.reached(x, y, surface.evaluate(x, y)[0]).tolist() == [False, True, True]
    # Everywhere is the minimum.
    constant = own_surface("3", SQUARE)
    assert constant.reached(x, y, np.full(3, 3.0)).all() and constant.unit == 1.0
