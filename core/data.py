"""MNIST: read, verified, split, and the batch order as a pure function of (seed, epoch)."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.ink import Ink, ink_of

FOLDER = Path(__file__).resolve().parent.parent / "data" / "mnist"
TRAIN_IMAGES, TEST_IMAGES, PIXELS, CLASSES = 60_000, 10_000, 784, 10

#: SHA-256 of each unpacked file, and the bytes of its IDX header.
FILES = {
    "train-images-idx3-ubyte": ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 16),
    "train-labels-idx1-ubyte": ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 8),
    "t10k-images-idx3-ubyte": ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 16),
    "t10k-labels-idx1-ubyte": ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 8),
}


class DataError(Exception):
    """Missing or damaged data file; the message says which one and what to do."""


@dataclass(frozen=True)
class Digits:
    """Images and their labels.

    Args:
        images: (n, 784) uint8, 0 is paper and 255 is ink.
        labels: (n,) int64, 0 to 9.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, part: slice | Tensor) -> "Digits":
        digits = Digits(self.images[part], self.labels[part])
        if "ink" in self.__dict__:
            # Listed once for all parts.
            digits.__dict__["ink"] = self.ink.part(part.numpy() if isinstance(part, Tensor) else part)
        return digits

    def labelled(self, labels: Tensor) -> "Digits":
        """Return the same images with other labels."""
        digits = Digits(self.images, labels)
        if "ink" in self.__dict__:
            digits.__dict__["ink"] = self.ink
        return digits

    @cached_property
    def ink(self) -> Ink:
        """Lists of the inked pixels, for compiled products on the CPU."""
        return ink_of(self.images)

    def spread(self, count: int) -> "Digits":
        """``count`` digits spread evenly over all: the first and the last of MNIST differ in difficulty.

        Raises:
            ValueError: unless count is from 1 to the number of digits.
        """
        if not 1 <= count <= len(self):
            raise ValueError(f"images must be a whole number in [1, {len(self)}], got images = {count}.")
        return self[torch.arange(count) * len(self) // count]

    def to(self, device: torch.device) -> "Digits":
        if self.images.device == device:
            return self
        return Digits(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Mnist:
    """The 60,000 training digits and the 10,000 test digits, in the order of their files."""

    train: Digits
    test: Digits

    def split(
        self, validation_images: int, train_images: int = 0, label_noise: float = 0.0, seed: int = 0
    ) -> tuple[Digits, Digits]:
        """(training digits, validation digits): the last ones are held back, whatever the seed.

        The same images validate every run of a split, so that runs can be compared.

        Args:
            train_images: so many of the training digits, drawn by the seed; 0 for all.
            label_noise: the share of their labels that is replaced by another digit, by the seed. Those that validate
                keep theirs.
        """
        cut = len(self.train) - validation_images
        train, validation = self.train[:cut], self.train[cut:]
        if train_images:
            train = train[drawn(train.labels, train_images, seed)]
        if label_noise:
            train = train.labelled(with_noise(train.labels, label_noise, seed))
        return train, validation


@cache
def load(folder: Path = FOLDER) -> Mnist:
    """Read MNIST from the four gzipped IDX files in ``folder``; read once in a process.

    Raises:
        DataError: if a file is missing or is not the original.
    """
    train_images, train_labels, test_images, test_labels = (_read(folder, name) for name in FILES)
    return Mnist(
        Digits(train_images.view(TRAIN_IMAGES, PIXELS), train_labels.long()),
        Digits(test_images.view(TEST_IMAGES, PIXELS), test_labels.long()),
    )


def drawn(labels: Tensor, count: int, seed: int) -> Tensor:
    """Draw ``count`` images, equally many of each digit; where a digit has too few, more of the others.

    Returns:
        (count,) int64 indices, ascending; a pure function of the arguments. Fewer images are among more of a seed.
    """
    order = np.random.default_rng([seed, 0, 1]).permutation(len(labels))
    digits, turns = labels.numpy()[order], np.empty(len(labels), np.int64)
    for digit in range(CLASSES):
        own = digits == digit
        turns[own] = np.arange(own.sum())
    # All first images of a digit, in the order of the draw, then all second ones, and so on.
    return torch.from_numpy(np.sort(order[np.argsort(turns, kind="stable")[:count]]))


def with_noise(labels: Tensor, share: float, seed: int) -> Tensor:
    """Return the labels, a share of them, rounded to whole labels, replaced by another digit.

    Which ones and by what is a pure function of the arguments; a smaller share is a part of a larger one.
    """
    rng = np.random.default_rng([seed, 0, 2])
    wrong = rng.permutation(len(labels))[: round(share * len(labels))]
    noisy = labels.numpy().copy()
    noisy[wrong] = (noisy[wrong] + rng.integers(1, CLASSES, len(labels))[wrong]) % CLASSES
    return torch.from_numpy(noisy)


def batch_order(labels: Tensor, shuffle: str, seed: int, epoch: int) -> Tensor:
    """Return the order in which one epoch visits the training images.

    Args:
        labels: (n,) the training labels.
        shuffle: ``"epoch"`` a new order in every epoch, ``"once"`` the first epoch's order in all of them,
            ``"none"`` the order of the file, ``"by-label"`` all zeros first, then all ones, and so on.
        epoch: from 0.

    Returns:
        (n,) int64 indices on the CPU; a pure function of the arguments.
    """
    if shuffle == "none":
        return torch.arange(len(labels))
    if shuffle == "by-label":
        return torch.argsort(labels.cpu(), stable=True)
    rng = np.random.default_rng([seed, 0 if shuffle == "once" else epoch])
    return torch.from_numpy(rng.permutation(len(labels)))


def _read(folder: Path, name: str) -> Tensor:
    path = folder / f"{name}.gz"
    sha256, header = FILES[name]
    remedy = f"put the original back with: git checkout -- data/mnist/{path.name}"
    try:
        unpacked = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"The data file {path} is missing; {remedy}") from None
    except (OSError, EOFError, zlib.error):
        raise DataError(f"The data file {path} cannot be read; {remedy}") from None
    if hashlib.sha256(unpacked).hexdigest() != sha256:
        raise DataError(f"The data file {path} is not the original, by its SHA-256; {remedy}")
    return torch.frombuffer(bytearray(unpacked), dtype=torch.uint8, offset=header)
