"""Stepping many independent two-parameter points by one row of the table.

By the row's rule where it has one; otherwise by the ``torch.optim`` objects, which need no rule but take longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from core.optimizers import eager
from core.optimizers.rules import Array, Rate, Rule, State
from core.optimizers.spec import OptimizerSpec


class Stepper(Protocol):
    """One optimizer with its settings and its state."""

    def step(self, theta: Array, g: Array, lr: Rate, t: int) -> Array:
        """Return the points after step ``t``, counted from 1.

        Args:
            theta, g: points and gradients, shape (2, n).
            lr: a number, or an array (n,).
        """


def stepper(spec: OptimizerSpec, params: Mapping[str, Any], weight_decay: float = 0.0) -> Stepper:
    """Return the fastest stepper that the row has."""
    if spec.rule is None:
        return TorchStepper(spec, params, weight_decay)
    return RuleStepper(spec.rule, spec.values(params), weight_decay, spec.weight_decay == "decoupled")


@dataclass
class RuleStepper:
    """Stepping by a rule over arrays: one call for all points."""

    rule: Rule
    params: dict[str, Any]
    weight_decay: float
    decoupled: bool
    state: State = field(default_factory=dict)

    def step(self, theta: Array, g: Array, lr: Rate, t: int) -> Array:
        if self.weight_decay and self.decoupled:
            # Adafactor scales its step by the weights as they were before weight decay.
            self.state["theta_before_decay"] = theta
            theta = theta * (1.0 - lr * self.weight_decay)
        elif self.weight_decay:
            g = g + self.weight_decay * theta
        return self.rule(theta, g, lr, t, self.state, **self.params)


@dataclass
class _Part:
    """Points that one parameter holds, a row each, and the objects that step it."""

    points: slice
    parameter: torch.nn.Parameter
    optimizers: list[torch.optim.Optimizer]


class TorchStepper:
    """Stepping by the ``torch.optim`` objects of a row, in double precision.

    Points that share a rate are rows of one parameter, since such an optimizer treats every weight alike. Points with
    rates of their own, and those of an optimizer for matrices, need a 1x2 parameter and objects each.
    """

    def __init__(self, spec: OptimizerSpec, params: Mapping[str, Any], weight_decay: float = 0.0) -> None:
        self._spec = spec
        self._arguments = {"weight_decay": weight_decay, **params}
        self._parts: list[_Part] = []

    def step(self, theta: Array, g: Array, lr: Rate, t: int) -> Array:  # noqa: ARG002 - torch counts the steps itself
        count = theta.shape[1]
        if not self._parts:
            alone = self._spec.matrices or np.ndim(lr) > 0
            places = [slice(i, i + 1) for i in range(count)] if alone else [slice(0, count)]
            self._parts = [self._part(place, theta) for place in places]
        rates = np.broadcast_to(lr, count)
        after = np.empty_like(theta)
        for part in self._parts:
            part.parameter.data = _rows(theta, part.points)
            part.parameter.grad = _rows(g, part.points)
            for optimizer in part.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = float(rates[part.points.start]) * group["lr_scale"]
                eager.step(optimizer)
            after[:, part.points] = part.parameter.detach().numpy().T
        return after

    @property
    def rate(self) -> float:
        """The rate of the last step, of the first point."""
        return float(self._parts[0].optimizers[0].param_groups[0]["lr"])

    def state(self) -> State:
        """Tensors of the objects' state for the first point or points, flattened; empty before the first step."""
        return {
            name: np.array(value.detach().numpy(), dtype=np.float64).ravel()
            for part in self._parts[:1]
            for optimizer in part.optimizers
            for name, value in optimizer.state[part.parameter].items()
            if isinstance(value, torch.Tensor)
        }

    def _part(self, place: slice, theta: Array) -> _Part:
        parameter = torch.nn.Parameter(_rows(theta, place))
        # Any rate will do: each step sets its own.
        return _Part(place, parameter, self._spec.create([parameter], self._spec.lr, **self._arguments))


def _rows(columns: Array, place: slice) -> torch.Tensor:
    return torch.tensor(columns[:, place].T)
