"""Random small distortions of digits, so that a network sees each image differently every time."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

SIDE = 28
#: The elastic field is a sum of bumps on a grid of so many by so many points, each so wide in pixels (its sd).
BUMPS, BUMP_WIDTH = 6, 4.5


@dataclass(frozen=True)
class Distortion:
    """Largest distortions of an image; all but ``elastic`` are drawn uniformly within plus and minus.

    Args:
        rotation: in radians.
        scale: as a share, of the width and of the height.
        shear: as a share of the height.
        shift: in pixels, each way.
        elastic: the standard deviation, in pixels, of a smooth random field that moves each point by itself.
        thickness: from 0 to 1, the share of a pixel by which strokes grow or wear away on each side.
    """

    rotation: float = 0.2
    scale: float = 0.12
    shear: float = 0.15
    shift: float = 2.0
    elastic: float = 0.0
    thickness: float = 0.0


#: What ``RunConfig.augment`` does.
AFFINE = Distortion()


def distort(images: Tensor, generator: torch.Generator, by: Distortion = AFFINE) -> Tensor:
    """Return each image turned, scaled, sheared, shifted, bent and thickened at random.

    Source of the elastic field: Simard, Steinkraus and Platt, Best Practices for Convolutional Neural Networks Applied
    to Visual Document Analysis, 2003.

    Args:
        images: (n, 784) float.
        generator: on the CPU, so that every device draws the same numbers.

    Returns:
        (n, 784) float, on the device of ``images``.
    """
    n = len(images)
    angle, scale_x, scale_y, shear, shift_x, shift_y = torch.rand(6, n, generator=generator).mul_(2).sub_(1)
    angle, shear = angle * by.rotation, shear * by.shear
    scale_x, scale_y = 1 + scale_x * by.scale, 1 + scale_y * by.scale
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack(
        (
            torch.stack((scale_x * cos, scale_x * (shear * cos - sin), shift_x * by.shift * 2 / SIDE), 1),
            torch.stack((scale_y * sin, scale_y * (shear * sin + cos), shift_y * by.shift * 2 / SIDE), 1),
        ),
        1,
    )
    fields = _plane()
    if by.elastic:
        bumps = torch.randn(n, 2, BUMPS**2, generator=generator) * (by.elastic * 2 / SIDE)
        rows, fields = torch.cat((rows, bumps), 2), torch.cat((fields, _bumps()))
    grid = (rows.to(images.device) @ fields.to(images.device)).view(n, 2, SIDE, SIDE).permute(0, 2, 3, 1)
    moved = grid_sample(images.view(n, 1, SIDE, SIDE), grid, align_corners=False).view(n, SIDE, SIDE)
    if by.thickness:
        amount = torch.rand(n, 1, 1, generator=generator).mul_(2).sub_(1).mul_(by.thickness).to(images.device)
        grows = (amount > 0).view(-1)
        moved[grows] = torch.lerp(moved[grows], _widest(moved[grows]), amount[grows])
        moved[~grows] = torch.lerp(moved[~grows], -_widest(-moved[~grows]), -amount[~grows])
    return moved.view(n, SIDE * SIDE)


def _plane() -> Tensor:
    """(3, 784): x, y and 1 at the middle of each pixel; x and y run from -1 to 1 over the picture."""
    middles = (torch.arange(SIDE) * 2.0 + 1) / SIDE - 1
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    return torch.stack((x, y, torch.ones_like(x))).view(3, -1)


def _bumps() -> Tensor:
    """(BUMPS^2, 784): random amounts of sd 1 of these add up to a smooth field of sd 1 everywhere."""
    centres = torch.linspace(-1, SIDE, BUMPS)
    bumps = torch.exp(-(torch.arange(float(SIDE)) - centres[:, None]).square() / (2 * BUMP_WIDTH**2))
    bumps = bumps / bumps.square().sum(0).sqrt()
    return torch.einsum("ay,bx->abyx", bumps, bumps).reshape(BUMPS**2, -1)


def _widest(images: Tensor) -> Tensor:
    """(n, 28, 28): each pixel the largest of itself and its eight neighbours."""
    across = images.clone()
    across[..., 1:].clamp_(min=images[..., :-1])
    across[..., :-1].clamp_(min=images[..., 1:])
    both = across.clone()
    both[..., 1:, :].clamp_(min=across[..., :-1, :])
    both[..., :-1, :].clamp_(min=across[..., 1:, :])
    return both
