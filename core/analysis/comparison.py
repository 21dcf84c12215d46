"""Whether one network is better than another, by the digits on which they differ."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Comparison:
    """How many digits both networks get right, only one, or none; and how likely so uneven a split is by chance.

    Args:
        p_value: of the null hypothesis that a digit that only one gets right is as likely the one's as the other's.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float


def compare(first_hits: Tensor, second_hits: Tensor) -> Comparison:
    """McNemar's test on the same digits; ``first_hits``, ``second_hits`` are (n,) bool."""
    only_first, only_second = int((first_hits & ~second_hits).sum()), int((second_hits & ~first_hits).sum())
    return Comparison(
        both=int((first_hits & second_hits).sum()),
        only_first=only_first,
        only_second=only_second,
        neither=int((~first_hits & ~second_hits).sum()),
        p_value=mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided exact p-value: that of the smaller count or less in as many tosses of a fair coin, doubled.

    Source: McNemar, Psychometrika 12, 1947; the exact form, Dixon and Mood, JASA 41, 1946 (the sign test).
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    # Whole numbers, so that no term is rounded however many digits there are.
    term = total = 1
    for i in range(fewer):
        term = term * (n - i) // (i + 1)
        total += term
    return min(1.0, 2 * total / (1 << n))
