import numpy as np
import pytest

from core.surfaces.descent import FIRST_ORDER, walk
from core.surfaces.functions import SURFACES, ill_conditioned_bowl
from core.surfaces.tuning import ALIKE, OFFSETS, RATES, ROUNDING, tune
from core.training.config import RunConfig

FIRST_PICTURE = ("sgd", "momentum", "rmsprop", "adam", "muon")


def around(surface):
    """The five starts from which a rate is judged."""
    return [tuple(point) for point in (np.array(surface.start)[:, None] + 2 * surface.half_width * OFFSETS).T]


def test_the_search_sees_what_single_walks_see():
    bowl, config = ill_conditioned_bowl(), RunConfig(optimizer="momentum")
    (result,) = tune(bowl, [config], bowl.start, 300)
    for i in (20, 35, 79):
        alone = walk(bowl, [RunConfig(optimizer="momentum", lr=float(RATES[i]))], around(bowl), 300)
        if alone.diverged.max() >= 0:
            assert result.gaps[i] == np.inf
        else:
            np.testing.assert_allclose(result.gaps[i], alone.values[-1, 0].max(), rtol=1e-9, atol=1e-30)


@pytest.mark.parametrize("name", SURFACES)
def test_the_best_rate_ends_lowest(name):
    surface = SURFACES[name]
    configs = [RunConfig.recommended(optimizer) for optimizer in FIRST_ORDER]
    for config, result in zip(configs, tune(surface, configs, surface.start, 500), strict=True):
        lowest = result.gaps.min()
        (at,) = np.flatnonzero(np.isclose(RATES, result.best))
        assert result.gaps[at] <= (1 + ALIKE) * max(lowest, 0) + ROUNDING
        best = RunConfig.recommended(config.optimizer, lr=result.best)
        end = walk(surface, [best], [surface.start], 500).values[-1, 0, 0]
        assert end - surface.minimum <= result.gaps[at] + ROUNDING


def test_momentum_goes_all_the_way_down_rosenbrock():
    surface = SURFACES["rosenbrock"]
    (result,) = tune(surface, [RunConfig(optimizer="momentum")], surface.start, 500)
    walked = walk(surface, [RunConfig(optimizer="momentum", lr=result.best)], [surface.start], 500)
    assert walked.values[-1, 0, 0] < 1e-5
    # On the way it rises above its start, which is no reason against a rate.
    assert walked.values.max() > walked.values[0, 0, 0]


def test_sgds_best_rate_on_a_bowl_is_near_the_optimal_one():
    """For curvatures 1 and k the fastest fixed rate is 2/(1 + k)."""
    bowl = ill_conditioned_bowl(50.0)
    (result,) = tune(bowl, [RunConfig(optimizer="sgd")], bowl.start, 200)
    assert 0.8 < result.best / (2 / 51) < 1.25


def test_a_rate_that_serves_only_the_start_itself_is_not_best():
    surface = SURFACES["rosenbrock"]
    (result,) = tune(surface, [RunConfig(optimizer="momentum")], surface.start, 500)
    alone = [
        walk(surface, [RunConfig(optimizer="momentum", lr=float(rate))], [surface.start], 500).values[-1, 0, 0]
        for rate in RATES[:40]
    ]
    lucky = int(np.nanargmin(alone))
    assert RATES[lucky] > result.best and result.gaps[lucky] == np.inf


def test_of_equally_low_rates_the_quickest_is_best():
    surface = SURFACES["booth"]
    (result,) = tune(surface, [RunConfig(optimizer="sgd")], surface.start, 500)
    alike = RATES[result.gaps <= ROUNDING]
    assert len(alike) > 3
    values = [walk(surface, [RunConfig(optimizer="sgd", lr=r)], around(surface), 500).values.mean() for r in alike]
    assert result.best == alike[int(np.argmin(values))]


def test_where_nothing_ends_inside_the_smallest_rate_is_taken():
    surface = SURFACES["booth"]
    far = (2 * surface.domain[1], 2 * surface.domain[3])
    (result,) = tune(surface, [RunConfig(optimizer="sgd")], far, 0)
    assert not np.isfinite(result.gaps).any()
    assert result.best == RATES[0]


@pytest.mark.parametrize("name", SURFACES)
def test_with_noise_the_best_rates_still_go_down(name):
    """A unit of noise is the same on every surface, and no optimizer does best by standing still."""
    surface = SURFACES[name]
    configs = [RunConfig.recommended(optimizer) for optimizer in FIRST_PICTURE]
    best = [
        RunConfig.recommended(config.optimizer, lr=result.best)
        for config, result in zip(configs, tune(surface, configs, surface.start, 500, noise=1.0), strict=True)
    ]
    starts = [surface.start] * 9
    noisy = walk(surface, best, starts, 500, noise=1.0, seed=7).values
    quiet = walk(surface, best, starts, 500).values
    fallen = noisy[0] - np.median(noisy[-1], axis=1, keepdims=True)
    could = quiet[0] - np.median(quiet[-1], axis=1, keepdims=True)
    assert (fallen > 0.5 * could).all(), (fallen[:, 0], could[:, 0])
