import numpy as np

from core.surfaces.descent import walk
from core.surfaces.functions import ill_conditioned_bowl
from core.surfaces.tuning import RATES, tune
from core.training.config import RunConfig


def test_the_search_sees_what_single_walks_see():
    bowl, config = ill_conditioned_bowl(), RunConfig(optimizer="momentum")
    (result,) = tune(bowl, [config], [bowl.start], 300)
    for i in (20, 35, 79):
        alone = walk(bowl, [RunConfig(optimizer="momentum", lr=float(RATES[i]))], [bowl.start], 300)
        if alone.diverged[0, 0] >= 0:
            assert result.gaps[i] == np.inf
        else:
            np.testing.assert_allclose(result.gaps[i], alone.values[-1, 0, 0], rtol=1e-9, atol=1e-30)


def test_sgds_best_rate_on_a_bowl_is_near_the_optimal_one():
    """For curvatures 1 and k the fastest fixed rate is 2/(1 + k); one that is safe a step either side lies below."""
    bowl = ill_conditioned_bowl(50.0)
    (result,) = tune(bowl, [RunConfig(optimizer="sgd")], [bowl.start], 500)
    assert 0.5 < result.best / (2 / 51) < 1.0
    i = int(np.argmin(np.abs(RATES - result.best)))
    inside = result.steps[i - 1 : i + 2]
    assert (inside > 0).all()


def test_several_starts_share_one_rate_that_serves_them_all():
    bowl = ill_conditioned_bowl()
    (near, far) = (tune(bowl, [RunConfig(optimizer="sgd")], [p], 500)[0] for p in ((0.1, 0.1), (-2.0, 2.0)))
    (both,) = tune(bowl, [RunConfig(optimizer="sgd")], [(0.1, 0.1), (-2.0, 2.0)], 500)
    np.testing.assert_array_equal(
        both.steps, np.where((near.steps < 0) | (far.steps < 0), -1, np.maximum(near.steps, far.steps))
    )
