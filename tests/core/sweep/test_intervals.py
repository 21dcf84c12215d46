"""Intervals against tables of Student's t, and the luck of the best of many."""

import math

import pytest

from core.sweep.intervals import Interval, difference, interval, luck, spread, t_quantile, t_share


@pytest.mark.parametrize(
    # Fisher and Yates, Statistical Tables, 1963, table III.
    ("share", "df", "value"),
    [(0.975, 1, 12.706), (0.975, 2, 4.303), (0.975, 4, 2.776), (0.975, 5, 2.571), (0.995, 9, 3.250), (0.95, 30, 1.697)],
)
def test_quantiles_of_t(share, df, value):
    assert t_quantile(share, df) == pytest.approx(value, abs=0.0006)
    assert t_share(value, df) == pytest.approx(share, abs=1e-4)
    assert t_share(0.0, df) == 0.5


def test_a_mean_with_its_interval():
    assert interval([0.9]) == Interval(0.9, None, None, 1)
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.7764 * math.sqrt(2.5 / 5)
    assert (found.mean, found.n) == (3.0, 5)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=1e-4)


def test_pairs_are_compared_and_several_comparisons_widen():
    one, other = [0.91, 0.93, 0.95], [0.90, 0.92, 0.94]
    found = difference(one, other)
    assert found.mean == pytest.approx(0.01) and found.low == pytest.approx(0.01, abs=1e-9)
    one = [0.91, 0.94, 0.95]
    once, thrice = difference(one, other), difference(one, other, 3)
    assert thrice.low < once.low < once.high < thrice.high


def test_the_spread_is_within_groups():
    assert spread([[1.0], [5.0]]) is None
    assert spread([[1.0, 3.0], [11.0, 13.0], [7.0]]) == pytest.approx(math.sqrt(2))


def test_the_best_of_equals_is_lucky_and_one_far_ahead_is_not():
    # The expected largest of 10 standard normal values: 1.5388 (Teichroew 1956).
    assert luck((0.9,) * 10, 0.01) == pytest.approx(0.015388, abs=0.0003)
    for scores in ((0.9,), (0.9, 0.5, 0.5)):
        assert 0 <= luck(scores, 0.01) < 1e-12
