import pytest
import torch

from core.data import Digits, batch_order
from core.training.augmentation import distort
from core.training.batches import Batches
from core.training.config import RunConfig


def numbered(n):
    """Digits whose first two pixels tell which one each is."""
    images = torch.zeros(n, 784, dtype=torch.uint8)
    images[:, 0], images[:, 1] = torch.arange(n) // 256, torch.arange(n) % 256
    return Digits(images, torch.arange(n) % 10)


def visited(batches, epoch=0):
    """(which digits, in order; how many in each batch), checking that the targets are theirs."""
    seen, sizes = [], []
    for batch in batches.epoch(epoch):
        pixels = (batch.images * 255).round().long()
        numbers = (pixels[:, 0] * 256 + pixels[:, 1]).tolist()
        assert batch.targets.argmax(1).tolist() == [number % 10 for number in numbers]
        seen += numbers
        sizes.append(len(numbers))
    return seen, sizes


@pytest.mark.parametrize(
    ("size", "n", "sizes"),
    [
        (1, 40, [1] * 40),
        (64, 1500, [64] * 23 + [28]),
        (7, 1500, [7] * 214 + [2]),
        (1000, 2500, [1000, 1000, 500]),
        (1500, 1500, [1500]),
        (1025, 3000, [1025, 1025, 950]),
    ],
)
def test_every_image_once_an_epoch_and_the_last_short_batch_is_used(size, n, sizes):
    digits = numbered(n)
    seen, seen_sizes = visited(Batches(RunConfig(batch_size=size, seed=5), digits), epoch=2)
    assert seen_sizes == sizes
    assert seen == batch_order(digits.labels, "epoch", 5, 2).tolist()
    assert sorted(seen) == list(range(n))


@pytest.mark.parametrize("given", [{}, {"augment": True}], ids=str)
@pytest.mark.parametrize("inked", [False, True])
def test_several_batches_are_those_one_by_one(mnist, given, inked):
    digits = mnist.train[:1500]

    def pixels(batch):
        if not inked:
            return batch.images.clone()
        ink, rows = batch.images
        images = torch.zeros(len(rows), 784)
        for image, row in zip(images, rows, strict=True):
            inked_pixels = slice(ink.ends[row, 0], ink.ends[row, -1])
            values = torch.from_numpy(ink.values[inked_pixels] * ink.scale)
            image[torch.from_numpy(ink.pixels[inked_pixels].astype(int))] = values
        return images

    def read(count, first=0):
        reading, seen = Batches(RunConfig(batch_size=70, **given), digits, inked).reading(3, first), []
        while (batch := reading.take(count)) is not None:
            seen.append((pixels(batch), batch.targets))
        return seen

    single = read(1)
    assert [len(targets) for _, targets in single] == [70] * 21 + [30]
    for count, first in ((4, 0), (4, 3), (50, 0), (50, 17), (1, 22)):
        several = read(count, first)
        assert all(len(targets) <= 70 * count for _, targets in several)
        for parts, ones in zip(zip(*several, strict=True), zip(*single[first:], strict=True), strict=True):
            assert torch.equal(torch.cat(parts), torch.cat(ones))


def test_full_is_one_batch_of_all_the_images(mnist):
    config = RunConfig(batch_size="full")
    (batch,) = Batches(config, mnist.train[: config.images_per_epoch]).epoch(0)
    assert batch.images.shape == (48_000, 784) and batch.targets.shape == (48_000, 10)
    order = batch_order(mnist.train.labels[:48_000], "epoch", 0, 0)
    assert torch.equal(batch.images[:100], mnist.train.images[order[:100]].float() * (1 / 255))
    assert (batch.images.min(), batch.images.max()) == (0, 1)


def test_the_order_is_the_configs():
    digits = numbered(1500)
    seen, _ = visited(Batches(RunConfig(shuffle="by-label"), digits))
    assert [number % 10 for number in seen] == sorted(number % 10 for number in range(1500))
    assert visited(Batches(RunConfig(shuffle="none"), digits))[0] == list(range(1500))


def test_targets_are_smoothed():
    batch = next(Batches(RunConfig(label_smoothing=0.2, shuffle="none"), numbered(100)).epoch(0))
    assert batch.targets[3].tolist() == pytest.approx([0.02] * 3 + [0.82] + [0.02] * 6)


def copied(batches, epoch):
    return torch.cat([batch.images.clone() for batch in batches.epoch(epoch)])


def test_augmentation_is_the_same_for_the_same_seed_and_epoch_only(mnist):
    digits = mnist.train[:300]

    def epoch(number, **given):
        return copied(Batches(RunConfig(augment=True, shuffle="none", **given), digits), number)

    assert torch.equal(epoch(1), epoch(1))
    assert not torch.equal(epoch(1), epoch(2))
    assert not torch.equal(epoch(1), epoch(1, seed=1))


def test_augmentation_is_distort_of_the_plain_images(mnist):
    digits = mnist.train[:300]
    plain = copied(Batches(RunConfig(shuffle="none"), digits), 4)
    augmented = copied(Batches(RunConfig(shuffle="none", augment=True), digits), 4)
    assert torch.equal(augmented, distort(plain, torch.Generator().manual_seed(4)))
