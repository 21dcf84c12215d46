"""Noise of a mini-batch's gradient: how far it lies from that of all images, by formula and on real batches.

All lengths are in units of the length of the gradient of all images.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import cast

import torch
from torch import Tensor

from core.data import Digits
from core.training.batches import Batches
from core.training.config import RunConfig
from core.training.network import HandGradient, Network, by_unit, flatten, target_table

#: Images at once: buffers of 24 MB.
CHUNK = 6_000


@dataclass(frozen=True)
class GradientNoise:
    """Noise of the gradient of batches drawn from ``images`` images.

    Args:
        scale: the variance of a single image's gradient, in squared lengths of the gradient of all: about the batch
            size at which noise and gradient are equally long.
    """

    scale: float
    images: int

    def of(self, size: int) -> float:
        """Return the root mean square distance of a batch's gradient from that of all, for batches without repeats.

        Source: McCandlish et al. 2018, An Empirical Model of Large-Batch Training, appendix A.1; with the correction
        for a finite population, by which a batch of all images has none.
        """
        return math.sqrt(self.scale / size * (self.images - size) / max(1, self.images - 1))


@dataclass(frozen=True)
class BatchGradient:
    """A batch's gradient, taken apart: its component along the gradient of all images, and the length of the rest."""

    along: float
    across: float

    @property
    def cosine(self) -> float:
        """Of the angle between the two; 0 for a gradient of zero."""
        length = math.hypot(self.along, self.across)
        return self.along / length if length else 0.0

    @property
    def distance(self) -> float:
        """From the gradient of all images."""
        return math.hypot(self.along - 1, self.across)


def gradient_noise(network: Network, digits: Digits) -> GradientNoise:
    """Return the noise of cross-entropy at a network, which stays as it is, exactly: from every image's own gradient.

    An image's gradient has the squared length |dZ|^2 (|H|^2 + 1) + |dH|^2 (|X|^2 + 1), in the terms of
    ``HandGradient``, whose products are then outer products of vectors.
    """
    w1, b1, w2, b2 = (parameter.detach() for parameter in network.parameters())
    squares = 0.0
    for images, targets in _chunks(digits):
        hidden = torch.addmm(b1, images, w1.t()).relu_()
        d_logits = torch.addmm(b2, hidden, w2.t()).softmax(1) - targets
        d_hidden = (d_logits @ w2) * (hidden > 0)
        of_second = d_logits.square().sum(1) * (hidden.square().sum(1) + 1)
        of_first = d_hidden.square().sum(1) * (images.square().sum(1) + 1)
        squares += float((of_second + of_first).double().sum())
    length = float(mean_gradient(network, digits).double().square().sum())
    return GradientNoise(squares / len(digits) / length - 1, len(digits))


def mean_gradient(network: Network, digits: Digits, loss: str = "cross_entropy") -> Tensor:
    """(101770,) gradient of the mean loss over the digits; the network stays as it is."""
    total: Tensor | float = 0.0
    take = _Gradients(network, min(CHUNK, len(digits)), loss)
    for images, targets in _chunks(digits):
        total = total + take(images, targets) * (len(images) / len(digits))
    assert isinstance(total, Tensor)
    return total


def batch_gradients(
    config: RunConfig, digits: Digits, count: int, first: int = 0, whole: Tensor | None = None
) -> list[BatchGradient]:
    """Return the gradients of batches of a run's first epoch, all at its first weights.

    Args:
        digits: the run's training digits.
        count: number of batches, fewer where the epoch ends.
        first: number of the first one, from 0.
        whole: (101770,) ``mean_gradient`` of these digits at these weights, where it is known: it is that of all sizes.
    """
    network = Network(config.seed, config.initialization)
    whole = (mean_gradient(network, digits, config.loss) if whole is None else whole).double()
    length = whole.norm()
    take = _Gradients(network, config.images_per_step, config.loss)
    found = []
    # The gradient of all images is that of the images and of the labels as they are.
    plain = replace(config, augment=False, label_smoothing=0.0)
    for batch in islice(Batches(plain, digits).epoch(0), first, first + count):
        gradient = take(cast(Tensor, batch.images), batch.targets).double()
        along = float(gradient @ whole / length)
        across = math.sqrt(max(0.0, float(gradient.square().sum()) - along**2))
        found.append(BatchGradient(along / float(length), across / float(length)))
    return found


class _Gradients:
    """The gradient of one batch after another, from a copy of the network."""

    def __init__(self, network: Network, size: int, loss: str) -> None:
        copy = Network()
        copy.load_state_dict(network.state_dict())
        self._flat = flatten(copy)
        self._gradient = HandGradient(copy, size, loss)

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        self._gradient(images, targets, torch.empty_like(targets))
        assert self._flat.grad is not None
        return by_unit(self._flat.grad).clone()


def _chunks(digits: Digits) -> Iterator[tuple[Tensor, Tensor]]:
    table = target_table(0.0)
    for images, labels in zip(digits.images.split(CHUNK), digits.labels.split(CHUNK), strict=True):
        yield images.float().div_(255), table[labels]
