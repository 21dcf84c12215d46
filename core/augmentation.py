"""Random small distortions of digits, so that a network sees each image differently every time."""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

SIDE = 28
ROTATION, SCALE, SHEAR, SHIFT = 0.2, 0.12, 0.15, 2.0


def distort(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image turned, scaled, sheared and shifted at random.

    The angle is within +-0.2 radians, the scale within +-12 %, the shear within +-0.15, the shift within
    +-2 pixels each way, all uniform.

    Args:
        images: (n, 784) float.
        generator: on the CPU, so that every device draws the same numbers.

    Returns:
        (n, 784) float, on the device of ``images``.
    """
    n = len(images)
    angle, scale_x, scale_y, shear, shift_x, shift_y = torch.rand(6, n, generator=generator).mul_(2).sub_(1)
    angle, shear = angle * ROTATION, shear * SHEAR
    scale_x, scale_y = 1 + scale_x * SCALE, 1 + scale_y * SCALE
    shift_x, shift_y = shift_x * SHIFT * 2 / SIDE, shift_y * SHIFT * 2 / SIDE
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack(
        (
            torch.stack((scale_x * cos, scale_x * (shear * cos - sin), shift_x), 1),
            torch.stack((scale_y * sin, scale_y * (shear * sin + cos), shift_y), 1),
        ),
        1,
    )
    grid = affine_grid(rows.to(images.device), [n, 1, SIDE, SIDE], align_corners=False)
    moved = grid_sample(images.view(n, 1, SIDE, SIDE), grid, align_corners=False)
    return moved.view(n, SIDE * SIDE)
