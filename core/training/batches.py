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
    """A mini-batch of n images, or several one after another.

    Args:
        images: (n, 784) floats from 0 to 1, or their lists of inked pixels; later batches may overwrite them.
        targets: (n, 10).
    """

    images: "Tensor | InkedRows"
    targets: Tensor

    def part(self, start: int, end: int) -> "Batch":
        """Return the images from ``start`` to before ``end``, or to the last."""
        images = self.images
        part = InkedRows(images.ink, images.rows[start:end]) if isinstance(images, InkedRows) else images[start:end]
        return Batch(part, self.targets[start:end])


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
        reading = self.reading(epoch)
        while (batch := reading.take(1)) is not None:
            yield batch

    def reading(self, epoch: int, first: int = 0) -> "Reading":
        """Return the epoch's batches from number ``first`` on."""
        reading = Reading(self._gathered(epoch), self._size)
        while first and (batch := reading.take(first)) is not None:
            first -= -(-len(batch.targets) // self._size)
        return reading

    def _gathered(self, epoch: int) -> Iterator[Batch]:
        """Yield the epoch's images as they are gathered: some batches at a time."""
        config, digits = self._config, self._digits
        order = batch_order(digits.labels, config.shuffle, config.seed, epoch).to(digits.images.device)
        generator = torch.Generator().manual_seed(config.seed * 100_003 + epoch)
        targets = self._table[digits.labels[order]]
        if self._inked and not config.augment:
            yield Batch(InkedRows(digits.ink, order.numpy()), targets)
            return
        for rows, part in zip(order.split(self._room), targets.split(self._room), strict=True):
            n = len(rows)
            torch.index_select(digits.images, 0, rows, out=self._bytes[:n])
            images = torch.mul(self._bytes[:n], 1.0 / 255.0, out=self._images[:n])
            if config.augment:
                images = distort(images, generator)
            yield Batch(InkedRows(ink_of(images), np.arange(n)) if self._inked else images, part)


class Reading:
    """A place in an epoch: its batches from there on, one or several at a time."""

    def __init__(self, gathered: Iterator[Batch], size: int) -> None:
        self._gathered, self._size = gathered, size
        self._rest: Batch | None = None

    def take(self, count: int) -> Batch | None:
        """Return the next ``count`` batches as one, or fewer where they were not gathered together; None after all."""
        rest = self._rest or next(self._gathered, None)
        if rest is None:
            return None
        end = count * self._size
        self._rest = rest.part(end, len(rest.targets)) if end < len(rest.targets) else None
        return rest.part(0, end)
