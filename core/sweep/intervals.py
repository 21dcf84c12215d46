"""Means and their intervals, paired differences, and the luck of the best of many."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

#: Share of intervals that hold the true value.
CONFIDENCE = 0.95
#: Sweeps that are simulated for the winner's luck.
_SIMULATED = 4000


@dataclass(frozen=True)
class Interval:
    """A mean over n figures, and the ends of its interval; both ends None for fewer than two."""

    mean: float
    low: float | None
    high: float | None
    n: int


def t_share(t: float, df: int) -> float:
    """Return the probability that Student's t of ``df`` degrees of freedom is at most ``t``.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.7.3 and 26.7.4.

    >>> round(t_share(2.7764, 4), 4)
    0.975
    """
    odd, angle = df % 2, math.atan(t / math.sqrt(df))
    cosine = math.cos(angle)
    term = cosine if odd else 1.0
    total = term if df > 1 else 0.0
    for k in range(2 + odd, df - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    within = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return (1 + within) / 2


def t_quantile(share: float, df: int) -> float:
    """Return the value that Student's t of ``df`` degrees of freedom stays below with probability ``share``, above 1/2.

    >>> round(t_quantile(0.975, 4), 3)
    2.776
    """
    low, high = 0.0, 1.0
    while t_share(high, df) < share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_share(middle, df) < share else (low, middle)
    return high


def interval(figures: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of the figures and its interval by Student's t (Student 1908)."""
    n, mean = len(figures), statistics.fmean(figures)
    if n < 2:
        return Interval(mean, None, None, n)
    half = t_quantile((1 + confidence) / 2, n - 1) * statistics.stdev(figures) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def difference(one: Sequence[float], other: Sequence[float], comparisons: int = 1) -> Interval:
    """Return the mean of the paired differences, one less other, and its interval.

    The pairs have the same seed: the same first weights and order of the images. With several comparisons each interval
    is wider, so that all of them hold together with the confidence (Bonferroni; Dunn 1961).
    """
    pairs = [a - b for a, b in zip(one, other, strict=True)]
    return interval(pairs, 1 - (1 - CONFIDENCE) / comparisons)


def spread(groups: Sequence[Sequence[float]]) -> float | None:
    """Return the pooled standard deviation within groups; None if none has two figures."""
    several = [group for group in groups if len(group) > 1]
    if not several:
        return None
    squares = sum(statistics.variance(group) * (len(group) - 1) for group in several)
    return math.sqrt(squares / sum(len(group) - 1 for group in several))


@lru_cache(maxsize=64)
def luck(scores: tuple[float, ...], noise: float) -> float:
    """Return the expected amount by which the best of noisy scores exceeds its own true value.

    A parametric bootstrap: sweeps are simulated in which the scores are the truth and the noise comes on top, and the
    best of each is compared with its truth (Efron and Tibshirani 1993, chapter 6). Where all are equal it is the
    expected largest of n normal values; where one is far ahead, or there is but one, it is nothing.

    Args:
        scores: of all settings.
        noise: standard deviation of a score.
    """
    truth = np.asarray(scores, dtype=float)
    chance = np.random.default_rng(0).standard_normal((_SIMULATED, len(truth)))
    # Without it a score that always wins has the mean of its own draws, which may be below 0.
    chance -= chance.mean(axis=0)
    winners = (truth + noise * chance).argmax(axis=1)
    return max(0.0, float(noise * chance[np.arange(_SIMULATED), winners].mean()))
