from dataclasses import replace

import pytest
import torch
from torch.nn.functional import affine_grid, max_pool2d

from core.training.augmentation import Distortion, _bumps, _plane, distort


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


NOTHING = Distortion(rotation=0, scale=0, shear=0, shift=0)


def test_no_distortion_changes_nothing(images):
    assert torch.allclose(distort(images, seeded(), NOTHING), images, atol=1e-5)


def test_shift_is_in_pixels(images):
    moved = centres(distort(images, seeded(), replace(NOTHING, shift=2.0))) - centres(images)
    shift = torch.rand(6, len(images), generator=seeded())[4:].mul(2).sub(1).mul(2.0).T
    # Sampling further right shows the digit further left; ink at the border may leave the picture.
    assert (moved + shift).abs().median() < 1e-4


def test_the_sampling_places_are_torchs_own():
    angle = torch.tensor(0.3)
    rows = torch.stack(
        (torch.stack((angle.cos(), -angle.sin(), angle)), torch.stack((angle.sin(), angle.cos(), angle)))
    )
    expected = affine_grid(rows[None], [1, 1, 28, 28], align_corners=False)
    assert torch.allclose((rows @ _plane()).view(2, 28, 28).permute(1, 2, 0), expected[0], atol=1e-6)


def test_the_elastic_field_is_as_strong_everywhere_as_told_and_smooth():
    field = (torch.randn(4000, 36, generator=seeded()) @ _bumps()).view(-1, 28, 28)
    assert torch.allclose(field.std(0), torch.ones(28, 28), atol=0.08)
    assert (field[:, 1:] - field[:, :-1]).std() < 0.3


def test_elastic_bends_each_image_in_its_own_way(images):
    bent = distort(images[:1].repeat(2, 1), seeded(), replace(NOTHING, elastic=1.0))
    assert not torch.equal(bent[0], bent[1])
    assert abs(bent.sum(1) / images[0].sum() - 1).max() < 0.3


def test_thickness_grows_or_wears_between_the_image_and_its_neighbours_extremes(images):
    changed = distort(images, seeded(), replace(NOTHING, thickness=1.0)).view(-1, 28, 28)
    pictures = images.view(-1, 1, 28, 28)
    widest, thinnest = max_pool2d(pictures, 3, 1, 1)[:, 0], -max_pool2d(-pictures, 3, 1, 1)[:, 0]
    assert (changed <= widest + 1e-5).all() and (changed >= thinnest - 1e-5).all()
    share = changed.sum((1, 2)) / images.sum(1)
    assert share.min() < 0.6 and share.max() > 1.6 and 0.4 < (share > 1).float().mean() < 0.6


def test_the_usual_augmentation_draws_no_more_numbers_than_it_needs(images):
    """Runs with augment=True stay what they were: elastic and thickness add their numbers after the affine ones."""
    generator = seeded()
    distort(images, generator)
    expected = seeded()
    torch.rand(6, len(images), generator=expected)
    assert torch.equal(generator.get_state(), expected.get_state())
