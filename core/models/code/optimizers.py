"""Optimizers as code: the call that makes each ``torch.optim`` object of a run, read off the object itself."""

import inspect
from typing import NamedTuple

from torch.optim import Optimizer

from core.training.config import RunConfig
from core.training.network import Network

#: Arguments that choose how a step is computed, and not which.
_IMPLEMENTATION = ("foreach", "fused", "capturable", "differentiable", "maximize")
_NAMES = ("model[0].weight", "model[0].bias", "model[2].weight", "model[2].bias")


class Call(NamedTuple):
    """The code that makes an optimizer, and its learning rate as a multiple of the schedule's."""

    code: str
    scale: float


def calls(config: RunConfig) -> list[Call]:
    """Return the calls that make the run's optimizers: one, or one for the weights and one for the biases."""
    network = Network()
    names = {id(parameter): name for parameter, name in zip(network.parameters(), _NAMES, strict=True)}
    made = config.optimizer_spec.create(network.parameters(), config.lr, config.weight_decay, **config.optimizer_params)
    return [_call(optimizer, names, config.lr) for optimizer in made]


def _call(optimizer: Optimizer, names: dict[int, str], lr: float) -> Call:
    (group,) = optimizer.param_groups
    own = [names[id(parameter)] for parameter in group["params"]]
    arguments = ["model.parameters()" if len(own) == len(names) else f"[{', '.join(own)}]"]
    for name, parameter in inspect.signature(type(optimizer)).parameters.items():
        if name in group and name not in ("params", *_IMPLEMENTATION):
            value = group[name]
            if name == "lr" or value != parameter.default:
                arguments.append(f"{name}={value!r}")
    return Call(f"torch.optim.{type(optimizer).__name__}({', '.join(arguments)})", group["lr"] / lr)
