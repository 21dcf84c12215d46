"""The mini-batches of an epoch, gathered on the device into buffers that are made once."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data import PIXELS, Digits, batch_order
from core.ink import Ink, ink_of
from core.training.augmentation import distort
from core.training.config import RunConfig
from core.training.network import target_table

#: Small batches are gathered several at a time: fewer, larger gathers cost less.
GATHERED_IMAGES = 1024


class Batch(NamedTuple):
    """A mini-batch of n images.

    Args:
        images: (n, 784) floats from 0 to 1, or their lists of inked pixels; later batches may overwrite them.
        targets: (n, 10).
    """

    images: "Tensor | InkedRows"
    targets: Tensor


class InkedRows(NamedTuple):
    """The images ``rows``, (n,), of those that ``ink`` lists."""

    ink: Ink
    rows: NDArray[np.int64]


class Batches:
    """Batches of a run's training digits, in the order that the config asks for.

    Args:
        inked: whether batches have lists of inked pixels, for ``SparseGradient``, or floats.
    """

    def __init__(self, config: RunConfig, digits: Digits, inked: bool = False) -> None:
        self._config, self._digits, self._inked = config, digits, inked
        self._size = config.images_per_step
        device = digits.images.device
        self._room = min(len(digits), max(1, GATHERED_IMAGES // self._size) * self._size)
        if config.augment or not inked:
            self._bytes = torch.empty(self._room, PIXELS, dtype=torch.uint8, device=device)
            self._images = torch.empty(self._room, PIXELS, device=device)
        self._table = target_table(config.label_smoothing).to(device)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the epoch's batches; the last one is short where the batch size does not divide the images."""
        config, digits = self._config, self._digits
        order = batch_order(digits.labels, config.shuffle, config.seed, epoch).to(digits.images.device)
        generator = torch.Generator().manual_seed(config.seed * 100_003 + epoch)
        targets = self._table[digits.labels[order]]
        if self._inked and not config.augment:
            yield from self._split(digits.ink, order.numpy(), targets)
            return
        for rows, part in zip(order.split(self._room), targets.split(self._room), strict=True):
            n = len(rows)
            torch.index_select(digits.images, 0, rows, out=self._bytes[:n])
            images = torch.mul(self._bytes[:n], 1.0 / 255.0, out=self._images[:n])
            if config.augment:
                images = distort(images, generator)
            if self._inked:
                yield from self._split(ink_of(images), np.arange(n), part)
            else:
                yield from map(Batch, images.split(self._size), part.split(self._size))

    def _split(self, ink: Ink, order: NDArray[np.int64], targets: Tensor) -> Iterator[Batch]:
        for start, part in zip(range(0, len(order), self._size), targets.split(self._size), strict=True):
            yield Batch(InkedRows(ink, order[start : start + self._size]), part)
