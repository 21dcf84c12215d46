"""The mini-batches of an epoch, gathered on the device into buffers that are made once."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.data import PIXELS, Digits, batch_order
from core.training.augmentation import distort
from core.training.config import RunConfig
from core.training.network import target_table

#: Small batches are gathered several at a time: fewer, larger gathers cost less.
GATHERED_IMAGES = 1024


@dataclass(frozen=True)
class Batch:
    """A mini-batch of n images: (n, 784) floats from 0 to 1, and (n, 10) targets.

    The images are a view of a buffer that later batches overwrite.
    """

    images: Tensor
    targets: Tensor


class Batches:
    """Batches of a run's training digits, in the order that the config asks for."""

    def __init__(self, config: RunConfig, digits: Digits) -> None:
        self._config, self._digits = config, digits
        self._size = config.images_per_step
        device = digits.images.device
        room = min(len(digits), max(1, GATHERED_IMAGES // self._size) * self._size)
        self._bytes = torch.empty(room, PIXELS, dtype=torch.uint8, device=device)
        self._images = torch.empty(room, PIXELS, device=device)
        self._table = target_table(config.label_smoothing).to(device)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the epoch's batches; the last one is short where the batch size does not divide the images."""
        config, digits = self._config, self._digits
        order = batch_order(digits.labels, config.shuffle, config.seed, epoch).to(digits.images.device)
        generator = torch.Generator().manual_seed(config.seed * 100_003 + epoch)
        targets = self._table[digits.labels[order]]
        for rows, part in zip(order.split(len(self._images)), targets.split(len(self._images)), strict=True):
            n = len(rows)
            torch.index_select(digits.images, 0, rows, out=self._bytes[:n])
            images = torch.mul(self._bytes[:n], 1.0 / 255.0, out=self._images[:n])
            if config.augment:
                images = distort(images, generator)
            yield from map(Batch, images.split(self._size), part.split(self._size))
