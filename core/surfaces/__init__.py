"""Analytic loss surfaces of two parameters, and the walk of every first-order optimizer down them."""

from core.surfaces.basins import Basins, basins
from core.surfaces.descent import FIRST_ORDER, NOISE, STEPS, Walk, step_in_numbers, torch_walk, walk
from core.surfaces.functions import CONDITION, REACHED, SURFACES, Point, Surface, ill_conditioned_bowl
from core.surfaces.own import own_surface
from core.surfaces.tuning import Tuning, tune

__all__ = [
    "CONDITION", "FIRST_ORDER", "NOISE", "REACHED", "STEPS", "SURFACES", "Basins", "Point", "Surface", "Tuning",
    "Walk", "basins", "ill_conditioned_bowl", "own_surface", "step_in_numbers", "torch_walk", "tune", "walk",
]  # fmt: skip
