"""The response of an optimizer to given gradients: how far a single weight moves at each step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.optimizers.rules import Array
from core.optimizers.spec import OptimizerSpec
from core.optimizers.stepper import stepper


def response(
    spec: OptimizerSpec, gradients: Sequence[float] | Array, lr: float, params: Mapping[str, Any] | None = None
) -> Array:
    """Return the movement of a weight against its gradient at each step, (t,), from a state of zero.

    Args:
        gradients: (t,) of the weight, in order.
        lr: the same at every step.
        params: the optimizer's own; its defaults where they are not given.
    """
    by = stepper(spec, params or {})
    places = [np.zeros((2, 1))]
    for t, gradient in enumerate(gradients, 1):
        # Two coordinates, since rules are written for points on a surface; the second one rests.
        places.append(by.step(places[-1], np.array([[gradient], [0.0]]), lr, t))
    moved: Array = -np.diff(np.concatenate(places, axis=1)[0])
    return moved
