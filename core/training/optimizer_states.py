"""States of optimizers as plain dictionaries of numbers and tensors: read, checked, written back."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from core.optimizers import eager

Reorder = Callable[[Tensor], Tensor]


def read(optimizers: Sequence[Optimizer], reorder: Reorder = lambda tensor: tensor) -> list[dict[str, Any]]:
    """Return each optimizer's state per parameter, by the parameter's number as text; tensors are copies on the CPU.

    Args:
        reorder: puts a tensor that lies in memory as its parameter does into the order of files.
    """
    return [_copied(eager.state_dict(optimizer)["state"], reorder) for optimizer in optimizers]


def write(optimizers: Sequence[Optimizer], states: Any, reorder: Reorder = lambda tensor: tensor) -> None:
    """Write states that ``read`` returned into new optimizers of the same settings.

    Args:
        reorder: inverse of ``read``'s.

    Raises:
        ValueError: naming the part that these optimizers cannot have.
    """
    if not isinstance(states, list) or len(states) != len(optimizers):
        raise ValueError(f"optimizers must be a list of {len(optimizers)} states.")
    for number, (optimizer, state) in enumerate(zip(optimizers, states, strict=True)):
        _check(f"optimizers.{number}", state, _copied(eager.state_dict(_example(optimizer))["state"]))
        state = _copied(state, reorder)
        eager.load_state_dict(
            optimizer,
            {
                "state": {int(parameter): values for parameter, values in state.items()},
                "param_groups": eager.state_dict(optimizer)["param_groups"],
            },
        )


def check_tensor(name: str, tensor: Any, example: Tensor) -> None:
    """Raise ValueError unless ``tensor`` is a finite tensor of the example's shape and type."""
    if not isinstance(tensor, Tensor):
        raise ValueError(f"The file lacks the tensor {name}.")
    if tensor.shape != example.shape:
        raise ValueError(f"The tensor {name} must have shape {tuple(example.shape)}, got {tuple(tensor.shape)}.")
    if tensor.dtype != example.dtype:
        raise ValueError(f"The tensor {name} must be of type {_type(example)}, got {_type(tensor)}.")
    if not tensor.isfinite().all():
        raise ValueError(f"The tensor {name} must be finite, but has NaN or infinite values.")


def _copied(value: Any, reorder: Reorder = lambda tensor: tensor) -> Any:
    if isinstance(value, Tensor):
        return reorder(value.detach().to("cpu", copy=True))
    if isinstance(value, dict):
        return {str(key): _copied(part, reorder) for key, part in value.items()}
    if isinstance(value, list):
        return [_copied(part, reorder) for part in value]
    return value


def _example(optimizer: Optimizer) -> Optimizer:
    """Make an optimizer of the same kind and settings that has taken two steps on a quadratic bowl.

    Two, because some keep a history only from the second step on.
    """
    groups = [
        # The CPU steps without being recorded, whatever the optimizer itself does on its device.
        {**group, **({"capturable": False} if "capturable" in group else {})}
        | {"params": [torch.nn.Parameter(torch.ones_like(p, device="cpu")) for p in group["params"]]}
        for group in optimizer.param_groups
    ]
    parameters = [p for group in groups for p in group["params"]]
    make: Any = type(optimizer)
    example: Optimizer = make(groups)

    def bowl() -> Tensor:
        for p in parameters:
            p.grad = p.detach().clone()
        return torch.stack([p.detach().square().sum() for p in parameters]).sum() / 2

    for _ in range(2):
        bowl()
        eager.step(example, bowl)
    return example


def _check(name: str, value: Any, example: Any) -> None:
    """Raise ValueError unless ``value`` is built like ``example``. Lists may differ in length: a history grows."""
    if isinstance(example, dict):
        if not isinstance(value, dict) or not value.keys() <= example.keys():
            raise ValueError(f"{name} must hold only {', '.join(example)}.")
        for key, part in value.items():
            _check(f"{name}.{key}", part, example[key])
    elif isinstance(example, Tensor) and isinstance(value, Tensor):
        check_tensor(name, value, example)
    elif isinstance(value, Tensor):
        # The line search of L-BFGS gives its step as a number or as a tensor, as it happens.
        check_tensor(name, value, torch.tensor(0.0))
    elif isinstance(example, list):
        pattern = next((part for part in example if part is not None), None)
        if not isinstance(value, list) or len(value) > 1000:
            raise ValueError(f"{name} must be a list of at most 1000 parts.")
        for number, part in enumerate(value):
            if part is not None:
                _check(f"{name}.{number}", part, pattern)
    elif value is not None and not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number.")


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
