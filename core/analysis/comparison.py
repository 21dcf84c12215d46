"""Comparison of two networks: their hits on the same digits, their answers, and the distance of their parameters."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from core.analysis.evaluation import evaluate
from core.data import Digits
from core.training.network import Network


@dataclass(frozen=True)
class PairedHits:
    """Counts of digits that both networks, only one, or neither get right, and McNemar's test of the difference.

    Args:
        p_value: of the null hypothesis that a digit that only one gets right is as likely the one's as the other's.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float


def compare_hits(first_hits: Tensor, second_hits: Tensor) -> PairedHits:
    """Compare two networks on the same digits; ``first_hits``, ``second_hits`` are (n,) bool."""
    only_first, only_second = int((first_hits & ~second_hits).sum()), int((second_hits & ~first_hits).sum())
    return PairedHits(
        both=int((first_hits & second_hits).sum()),
        only_first=only_first,
        only_second=only_second,
        neither=int((~first_hits & ~second_hits).sum()),
        p_value=mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p-value: of the smaller count or less in as many tosses of a fair coin, doubled.

    Source: McNemar, Psychometrika 12, 1947; the exact form, Dixon and Mood, JASA 41, 1946 (the sign test).
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    # Whole numbers, so that no term is rounded however many digits there are.
    term = total = 1
    for i in range(fewer):
        term = term * (n - i) // (i + 1)
        total += term
    return min(1.0, 2 * total / (1 << n))


@dataclass(frozen=True)
class NetworkComparison:
    """Distance of two networks, in their parameters and in their answers.

    Args:
        distance: the Euclidean distance of their parameter vectors.
        relative: the distance in units of the mean of their norms; two vectors at right angles, of one length, have
            the square root of 2.
        cosine: of the angle between them, from -1 to 1.
        distances: the distance of each parameter, by name.
        agreement: the share of the digits for which their predictions are equal, from 0 to 1.
        hits: counts of digits that they get right.
    """

    distance: float
    relative: float
    cosine: float
    distances: dict[str, float]
    agreement: float
    hits: PairedHits


def compare_networks(a: Network, b: Network, digits: Digits) -> NetworkComparison:
    """Compare two networks on the CPU.

    Weights are compared unit by unit, as they are numbered: two networks that compute the same with their hidden units
    in another order are far apart.
    """
    theirs = b.state_dict()
    pairs = {name: (tensor.double(), theirs[name].double()) for name, tensor in a.state_dict().items()}
    distances = {name: float((p - q).norm()) for name, (p, q) in pairs.items()}
    p, q = (torch.cat([pair[i].flatten() for pair in pairs.values()]) for i in (0, 1))
    norms = float(p.norm()), float(q.norm())
    distance = math.hypot(*distances.values())
    predicted_a, predicted_b = evaluate(a, digits).predictions, evaluate(b, digits).predictions
    return NetworkComparison(
        distance=distance,
        relative=2 * distance / (sum(norms) or 1.0),
        cosine=float(p @ q) / (math.prod(norms) or 1.0),
        distances=distances,
        agreement=float((predicted_a == predicted_b).double().mean()),
        hits=compare_hits(predicted_a == digits.labels, predicted_b == digits.labels),
    )
