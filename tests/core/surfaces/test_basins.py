import numpy as np
import pytest

from core.surfaces.basins import basins, local_minima
from core.surfaces.descent import walk
from core.surfaces.functions import SURFACES, ill_conditioned_bowl
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
