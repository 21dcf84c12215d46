import numpy as np
import pytest

from core.surfaces.own import own_surface

SQUARE = (-2.0, 2.0, -2.0, 2.0)


def test_the_minima_of_an_own_formula_are_found():
    surface = own_surface("(x^2-1)^2 + y^2 - 3", SQUARE)
    np.testing.assert_allclose(sorted(surface.minima), [(-1, 0), (1, 0)], atol=1e-5)
    assert surface.minimum == pytest.approx(-3.0)


def test_a_slope_has_no_minimum_inside_and_says_its_lowest_value():
    surface = own_surface("x + y", SQUARE)
    assert surface.minima == ()
    assert surface.minimum == pytest.approx(-4.0)
    assert np.isnan(surface.distance(np.zeros(2), np.zeros(2))).all()


def test_a_formula_without_a_value_is_refused():
    with pytest.raises(ValueError, match="formula must have a value somewhere"):
        own_surface("log(-1-x^2)", SQUARE)
