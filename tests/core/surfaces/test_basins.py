import numpy as np
import pytest

from core.surfaces.basins import basins, local_minima
from core.surfaces.descent import walk
from core.surfaces.functions import SURFACES, Surface, check_domain, ill_conditioned_bowl
from core.surfaces.own import own_surface
from core.training.config import RunConfig


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("rosenbrock", 1),
        ("himmelblau", 4),
        ("styblinski_tang", 4),
        ("three_hump_camel", 3),
        ("saddle", 2),
        ("rastrigin", 121),
    ],
)
def test_local_minima(name, count):
    assert len(local_minima(SURFACES[name])) == count


def test_the_camels_local_minima_are_where_they_are_known_to_be():
    found = np.array(sorted(local_minima(SURFACES["three_hump_camel"])))
    np.testing.assert_allclose(found, [(-1.7476, 0.8738), (0, 0), (1.7476, -0.8738)], atol=1e-3)


def test_a_map_agrees_with_the_walks_one_by_one():
    surface, config = SURFACES["himmelblau"], RunConfig(lr=0.1)
    result = basins(surface, config, steps=300, resolution=7)
    xs, ys = surface.grid(7)
    for row, column in ((0, 0), (2, 5), (6, 1)):
        end = walk(surface, [config], [(xs[column], ys[row])], 300).points[-1, :, 0, 0]
        expected = np.argmin([np.hypot(*(end - m)) for m in result.minima])
        assert result.reached[row, column] == expected
    assert result.reached.shape == result.steps.shape == (7, 7)
    assert (result.steps[result.reached >= 0] < 300).all()


def test_starts_that_diverge_or_do_not_arrive_are_told_apart():
    bowl = ill_conditioned_bowl(50.0)
    assert (basins(bowl, RunConfig(optimizer="sgd", lr=0.1), 100, 4).reached == -2).all()
    slow = basins(bowl, RunConfig(optimizer="sgd", lr=1e-4), 100, 4)
    assert (slow.reached == -1).all() and (slow.steps == 100).all()


@pytest.mark.parametrize("half", [0.0005, 0.001, 0.1, 0.5, 0.975, 2.0, 95_000.0, 100_000.0, 500_000.0])
@pytest.mark.parametrize("other", [0.0005, 1.0, 500_000.0])
def test_minima_are_found_in_a_domain_of_any_size(half, other):
    """Over all that ``check_domain`` lets in: four minima, a tenth of the domain off its middle in both directions."""
    formula = f"((x/{half})^2 - 0.01)^2 + ((y/{other})^2 - 0.01)^2"
    domain = (-half, half, -other, other)
    check_domain(domain)
    found = np.array(own_surface(formula, domain).minima) / (half, other)
    expected = [(a, b) for a in (-0.1, 0.1) for b in (-0.1, 0.1)]
    np.testing.assert_allclose(sorted(found, key=lambda point: tuple(point.round(3))), expected, atol=1e-6)


def test_an_own_formula_has_its_minimum_in_a_domain_of_any_size():
    for width in (0.001, 0.5, 1.0, 1.95, 1.97, 190_000.0, 200_000.0, 1_000_000.0):
        (found,) = own_surface("x^2+y^2", (-width / 2, width / 2, -width / 2, width / 2)).minima
        np.testing.assert_allclose(found, (0.0, 0.0), atol=1e-6 * width)


def test_minima_close_together_in_the_short_direction_are_two():
    long = Surface("", "(x/500)^2 + (y^2 - 0.01)^2", (-500.0, 500.0, -0.5, 0.5), ((0.0, 0.1),), 0.0, (0.0, 0.0))
    np.testing.assert_allclose(local_minima(long), [(0.0, 0.1), (0.0, -0.1)], atol=1e-6)
    result = basins(long, RunConfig(optimizer="rprop", lr=0.001), 300, resolution=10)
    # The map's rows run along y: the lower half reaches the lower minimum.
    assert (result.reached[:5] == 1).all() and (result.reached[5:] == 0).all()
