import base64
import io

import numpy as np
import torch
from PIL import Image

from dashboard.pictures import digit_url, signed_url


def pixels(address: str, mode: str) -> np.ndarray:
    head, _, content = address.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert(mode))


def test_a_picture_is_the_image_pixel_by_pixel() -> None:
    image = torch.arange(784).remainder(256).to(torch.uint8)
    assert pixels(digit_url(image), "L").tolist() == image.view(28, 28).tolist()


def test_a_signed_picture_is_blue_above_zero_orange_below_and_clear_at_zero() -> None:
    values = torch.zeros(784)
    values[:4] = torch.tensor([2.0, -2.0, 1.0, 5.0])
    shown = pixels(signed_url(values, 2.0), "RGBA")[0]
    assert shown[0].tolist() == [47, 127, 214, 255] == shown[3].tolist()
    assert shown[1].tolist() == [217, 119, 6, 255]
    assert shown[2, :3].tolist() == [47, 127, 214] and 110 < shown[2, 3] < 145
    assert shown[4, 3] == 0


def test_a_signed_picture_of_nothing_is_clear() -> None:
    assert not pixels(signed_url(torch.zeros(784), 0.0), "RGBA")[..., 3].any()
