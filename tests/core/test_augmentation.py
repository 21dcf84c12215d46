import pytest
import torch

from core import augmentation
from core.augmentation import distort


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images(mnist):
    return mnist.train.images[:2000].float() / 255


def centres(images):
    """(n, 2) the centre of mass of each image, (column, row) in pixels."""
    ink, place = images.view(-1, 28, 28), torch.arange(28.0)
    total = ink.sum((1, 2))
    return torch.stack(((ink.sum(1) * place).sum(1) / total, (ink.sum(2) * place).sum(1) / total), 1)


def test_shape_range_and_reproducibility(images):
    distorted = distort(images, seeded())
    assert distorted.shape == images.shape and distorted.dtype == torch.float32
    assert distorted.min() >= 0 and distorted.max() <= 1
    assert torch.equal(distorted, distort(images, seeded()))
    assert not torch.equal(distorted, distort(images, seeded(1)))


def test_each_image_is_distorted_in_its_own_way(images):
    distorted = distort(images[:1].repeat(3, 1), seeded())
    assert not torch.equal(distorted[0], distorted[1]) and not torch.equal(distorted[1], distorted[2])


def test_the_images_given_are_left_alone(images):
    before = images.clone()
    distort(images, seeded())
    assert torch.equal(images, before)


def test_the_digit_stays_in_the_picture_at_about_its_size_and_place(images):
    """An area changes by at most 1.12^2 or 1 / 0.88^2; a centre moves by 2 pixels, and a little more off the middle."""
    distorted = distort(images, seeded())
    share = distorted.sum(1) / images.sum(1)
    assert share.min() > 0.7 and share.max() < 1.4
    assert share.mean().item() == pytest.approx(1.0, abs=0.05)
    moved = centres(distorted) - centres(images)
    assert moved.abs().max() < 2 / 0.88 + 1
    assert moved.abs().max() > 1.5
    assert moved.mean(0).abs().max() < 0.1
    assert (distorted - images).abs().mean() > 0.03


def test_no_distortion_changes_nothing(images, monkeypatch):
    for amount in ("ROTATION", "SCALE", "SHEAR", "SHIFT"):
        monkeypatch.setattr(augmentation, amount, 0.0)
    assert torch.allclose(distort(images, seeded()), images, atol=1e-5)


def test_shift_is_in_pixels(images, monkeypatch):
    for amount in ("ROTATION", "SCALE", "SHEAR"):
        monkeypatch.setattr(augmentation, amount, 0.0)
    moved = centres(distort(images, seeded())) - centres(images)
    shift = torch.rand(6, len(images), generator=seeded())[4:].mul(2).sub(1).mul(2.0).T
    # Sampling further right shows the digit further left; ink at the border may leave the picture.
    assert (moved + shift).abs().median() < 1e-4
