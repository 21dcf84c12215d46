from math import comb

import pytest
import torch

from core.analysis.comparison import compare, mcnemar


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(1, 5, 2 * (1 + 6) / 64), (0, 10, 2 / 1024), (3, 3, 1.0), (0, 0, 1.0), (0, 1, 1.0), (2, 8, 2 * 56 / 1024)],
)
def test_p_value_by_hand(first, second, p):
    assert mcnemar(first, second) == p == mcnemar(second, first)


def test_p_value_of_many_digits_is_the_binomials():
    expected = 2 * sum(comb(400, i) for i in range(171)) / 2**400
    assert mcnemar(170, 230) == pytest.approx(expected, rel=1e-12)
    assert mcnemar(0, 10_000) == 0.0


def test_digits_are_counted():
    first = torch.tensor([True, True, False, False, True])
    second = torch.tensor([True, False, True, False, False])
    found = compare(first, second)
    assert (found.both, found.only_first, found.only_second, found.neither) == (1, 2, 1, 1)
    assert found.p_value == 1.0
