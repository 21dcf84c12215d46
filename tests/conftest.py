"""What all tests share."""

import pytest
from PIL import Image

from core import data


@pytest.fixture
def mnist_picture() -> Image.Image:
    """The first test digit, a 7, enlarged, as a person might photograph it."""
    pixels = data.load().test.images[0].numpy().reshape(28, 28)
    return Image.fromarray(255 - pixels).resize((280, 280))
