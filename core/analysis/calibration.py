"""Calibration: the confidence of a network, the probability of its answer, against its accuracy."""

from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Digits in bins of equal width by confidence.

    Args:
        edges: (bins + 1,) from 0 to 1; bin i holds confidences in (edges[i], edges[i + 1]].
        counts: (bins,) how many digits.
        confidence, accuracy: (bins,) their means, NaN in an empty bin.
        error: the expected calibration error, the mean distance of the two, weighted by the counts.
    """

    edges: Tensor
    counts: Tensor
    confidence: Tensor
    accuracy: Tensor
    error: float


@dataclass(frozen=True)
class Refusal:
    """Share and accuracy of the answers if the network refuses those below a confidence; all (k,).

    Args:
        thresholds: an answer is given at this confidence or above.
        answered: how many digits.
        hits: how many of those rightly.
    """

    thresholds: Tensor
    answered: Tensor
    hits: Tensor

    @property
    def accuracy(self) -> Tensor:
        """Accuracy on the answered digits; NaN where none is."""
        return self.hits / self.answered


def calibration(confidences: Tensor, hits: Tensor, bins: int = BINS) -> Calibration:
    """Confidence against accuracy.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, equations 2 to 5, with 15 bins.

    Args:
        confidences: (n,) above 0, at most 1.
        hits: (n,) bool, True for a right answer.
    """
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    values = confidences.double()
    places = torch.bucketize(values, edges[1:-1])
    counts = torch.bincount(places, minlength=bins)
    confidence = torch.bincount(places, weights=values, minlength=bins) / counts
    accuracy = torch.bincount(places, weights=hits.double(), minlength=bins) / counts
    error = ((accuracy - confidence).abs().nan_to_num() * counts).sum() / counts.sum()
    return Calibration(edges, counts, confidence, accuracy, float(error))


def refusal(confidences: Tensor, hits: Tensor, thresholds: Tensor) -> Refusal:
    """Count the digits answered at each of ``thresholds``; confidences (n,), hits (n,) bool."""
    order = confidences.argsort(descending=True)
    # How many are at a threshold or above; the hits among them are a running sum from the surest down.
    answered = len(order) - torch.searchsorted(confidences[order].flip(0), thresholds.to(confidences.dtype))
    running = torch.cat([torch.zeros(1, dtype=torch.int64), hits[order].cumsum(0)])
    return Refusal(thresholds, answered, running[answered])
