"""The 128 hidden units: weights, activity, votes, and the digits with similar activations."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.analysis.evaluation import CHUNK
from core.data import CLASSES, Digits
from core.training.network import Network


@dataclass(frozen=True)
class Units:
    """Hidden units, measured on a set of digits.

    Args:
        weights: (128, 784) of the first layer, one image per unit.
        norms: (128,) their Euclidean norms.
        votes: (128,) the class whose logit the unit raises most: its largest weight of the second layer.
        activity: (128,) the share of the digits on which the unit is above zero.
        templates: (10, 784) for each class the mean, over its digits, of the gradient of its logit above the mean of
            all ten: where ink speaks for the class (positive) and against it. NaN for a class with no digits.
    """

    weights: Tensor
    norms: Tensor
    votes: Tensor
    activity: Tensor
    templates: Tensor

    @property
    def dead(self) -> Tensor:
        """(128,) bool: never above zero on any of the digits."""
        return self.activity == 0


@torch.no_grad()
def activations(network: Network, images: Tensor) -> Tensor:
    """Return the (n, 128) activations after the ReLU, for (n, 784) uint8 images on the network's device."""
    first = network[0]
    return torch.cat([first(chunk.float().div_(255)).relu_() for chunk in images.split(CHUNK)])


@torch.no_grad()
def units(network: Network, digits: Digits) -> Units:
    """Measure the hidden units on ``digits``."""
    w1, _, w2, _ = network.parameters()
    active = (activations(network, digits.images) > 0).float()
    members = torch.nn.functional.one_hot(digits.labels, CLASSES).float()
    # A logit's gradient is its weights, through the units that are active: its mean needs only how often they are.
    by_class = members.T @ active / members.sum(0)[:, None]
    return Units(
        weights=w1.clone(),
        norms=w1.norm(dim=1),
        votes=w2.argmax(0),
        activity=active.mean(0),
        # Not W2 W1: that would count a unit that is never active on the class as much as one that always is.
        templates=((w2 - w2.mean(0)) * by_class) @ w1,
    )


def nearest(hidden: Tensor, among: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the rows of ``among`` (n, 128) nearest to ``hidden`` (128,) by Euclidean distance, nearest first.

    Returns:
        (count,) indices and (count,) distances.
    """
    distances = (among - hidden).square_().sum(1).sqrt_()
    smallest = distances.topk(count, largest=False)
    return smallest.indices, smallest.values
