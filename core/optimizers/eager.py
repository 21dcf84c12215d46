"""Methods of ``torch.optim`` objects without ``torch.compile``.

Torch's own wrappers of these methods import all of ``torch._dynamo`` at their first call: a second of the processor, in
each process that trains, for a compiler that nothing here uses.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer


def step(optimizer: Optimizer, closure: Callable[[], Any] | None = None) -> None:
    """Take the optimizer's own step; hooks on its steps are not called."""
    _bare(optimizer, "step", closure)


def state_dict(optimizer: Optimizer) -> dict[str, Any]:
    """Return what its ``state_dict`` does."""
    return dict(_bare(optimizer, "state_dict"))


def load_state_dict(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Do what its ``load_state_dict`` does."""
    _bare(optimizer, "load_state_dict", state)


def _bare(optimizer: Optimizer, name: str, *arguments: Any) -> Any:
    # Among what is taken off a step is its ``no_grad``.
    with torch.no_grad():
        return inspect.unwrap(getattr(type(optimizer), name))(optimizer, *arguments)
