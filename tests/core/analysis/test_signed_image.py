import numpy as np
from PIL import Image

from core.analysis.signed_image import NEGATIVE, POSITIVE, full_scale, signed_image, tiled


def rgba(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGBA"))


def test_blue_is_positive_orange_negative_and_zero_clear() -> None:
    shown = rgba(signed_image(np.array([[2.0, -2.0, 1.0, 5.0, 0.0]], np.float32), 2.0))[0]
    assert tuple(shown[0]) == tuple(shown[3]) == (*POSITIVE, 255)
    assert tuple(shown[1]) == (*NEGATIVE, 255)
    # Half of the 31 shades: place 46.5 of 0 to 62 is rounded to even.
    assert tuple(shown[2]) == (*POSITIVE, round(255 * 15 / 31))
    assert shown[4, 3] == 0


def test_all_zero_is_clear() -> None:
    assert not rgba(signed_image(np.zeros((2, 2), np.float32), 0.0))[..., 3].any()


def test_the_largest_hundredth_is_beyond_full_colour() -> None:
    assert full_scale(np.arange(101, dtype=np.float32)) == 99.0


def test_tiles_stand_in_their_rows_with_clear_gaps() -> None:
    tiles = np.array([1, -1, 1, 1, -1, -1], np.float32).reshape(2, 3, 1, 1)
    shown = rgba(tiled(tiles, gap=1, scale=2))
    assert shown.shape == (5, 8, 4)
    assert not shown[2].any(axis=0)[3] and not shown[:, 2, 3].any()
    assert [tuple(shown[y, x, :3]) for y, x in ((0, 0), (0, 3), (1, 7), (3, 0), (4, 4))] == [
        POSITIVE, NEGATIVE, POSITIVE, POSITIVE, NEGATIVE
    ]  # fmt: skip
