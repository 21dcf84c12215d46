import numpy as np
import pytest
import torch

from core.compiled import AVAILABLE
from core.ink import BANDS, ink_of

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="numba is not installed")


def dense(ink):
    """The images that the lists are of."""
    images = np.zeros((len(ink.ends), 784), np.float32)
    for image, ends in zip(images, ink.ends, strict=True):
        for k in range(ends[0], ends[-1]):
            image[ink.pixels[k]] += ink.values[k] * ink.scale
    return torch.from_numpy(images)


def test_lists_hold_every_inked_pixel_once(mnist):
    images = mnist.train.images[:50]
    ink = ink_of(images)
    assert torch.equal(dense(ink), images * torch.tensor(1 / 255))
    assert ink.ends.shape == (50, BANDS + 1) and len(ink.pixels) == int((images > 0).sum())
    for band in range(BANDS):
        listed = ink.pixels[ink.ends[0, band] : ink.ends[0, band + 1]]
        assert ((listed // 112) == band).all()
    assert torch.equal(dense(ink_of(images / 255)), images / 255)


def test_a_part_is_the_lists_of_those_images(mnist):
    images = mnist.train.images[:50]
    assert torch.equal(dense(ink_of(images).part(slice(10, 20))), dense(ink_of(images[10:20])))


def test_digits_are_listed_once_for_all_parts(mnist):
    digits = mnist.test[:100]
    part, before = digits[:10], digits[:10].ink.ends
    whole = digits.ink
    assert digits.ink is whole and digits[:10].ink.pixels is whole.pixels
    assert np.array_equal(digits[:10].ink.ends, before) and part.to(torch.device("cpu")) is part
