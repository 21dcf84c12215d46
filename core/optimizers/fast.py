"""Faster steps of ``torch.optim`` objects: compiled loops on the CPU, recorded steps on a CUDA device.

The object is the truth: both work on its own parameter, gradient and state tensors, so that reading, saving and
restoring the object stay as they are. A loop agrees with its ``step`` to 1e-6, a recording is that step.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim import Optimizer

from core.compiled import AVAILABLE
from core.cuda_graphs import record
from core.optimizers import weightwise

Group = dict[str, Any]
Floats = NDArray[np.float32]
Result = TypeVar("Result")
#: One step of the parameter w by its gradient g and the state's tensors; t is the step, from 1.
Loop = Callable[..., None]


def _sgd(group: Group, t: float, w: Floats, g: Floats) -> None:
    weightwise.sgd_loop(w, g, group["lr"], group["weight_decay"])


def _momentum(group: Group, t: float, w: Floats, g: Floats, v: Floats) -> None:
    weightwise.momentum_loop(
        w, g, v, group["lr"], group["weight_decay"], group["momentum"], group["dampening"], group["nesterov"]
    )


def _rmsprop(group: Group, t: float, w: Floats, g: Floats, v: Floats) -> None:
    alpha = group["alpha"]
    weightwise.root_loop(w, g, v, group["lr"], group["weight_decay"], alpha, 1 - alpha, group["eps"])


def _adagrad(group: Group, t: float, w: Floats, g: Floats, v: Floats) -> None:
    rate = group["lr"] / (1 + (t - 1) * group["lr_decay"])
    weightwise.root_loop(w, g, v, rate, group["weight_decay"], 1.0, 1.0, group["eps"])


def _adam(group: Group, t: float, w: Floats, g: Floats, m: Floats, v: Floats) -> None:
    lr, decay, (beta1, beta2) = group["lr"], group["weight_decay"], group["betas"]
    l2, shrink = (0.0, 1 - lr * decay) if group["decoupled_weight_decay"] else (decay, 1.0)
    weightwise.adam_loop(w, g, m, v, lr, l2, shrink, beta1, beta2, group["eps"], t)


#: For each class: the settings that a loop does not serve, the loop, and the tensors of the state that it takes.
LOOPS: dict[type[Optimizer], Callable[[Group], tuple[Loop, tuple[str, ...]] | None]] = {
    torch.optim.SGD: lambda group: (_momentum, ("momentum_buffer",)) if group["momentum"] else (_sgd, ()),
    torch.optim.RMSprop: lambda group: None if group["momentum"] or group["centered"] else (_rmsprop, ("square_avg",)),
    torch.optim.Adagrad: lambda group: (_adagrad, ("sum",)),
    torch.optim.Adam: lambda group: None if group["amsgrad"] else (_adam, ("exp_avg", "exp_avg_sq")),
    torch.optim.AdamW: lambda group: None if group["amsgrad"] else (_adam, ("exp_avg", "exp_avg_sq")),
}


def fast_step(optimizer: Optimizer) -> Callable[[], Any]:
    """Return what takes a step of ``optimizer``: a compiled loop or a recording where it can be, else its own ``step``.

    To be made again after ``load_state_dict``, which puts other tensors in the place of the state's.
    """
    if optimizer.param_groups[0]["params"][0].device.type == "cuda" and _can_be_recorded(optimizer):
        return _RecordedStep(optimizer)
    group, *others = optimizer.param_groups
    parameter, *more = group["params"]
    find = LOOPS.get(type(optimizer))
    served = AVAILABLE and not others and not more and parameter.ndim == 1 and parameter.device.type == "cpu"
    found = find(group) if find and served and parameter.dtype == torch.float32 else None
    return _LoopStep(optimizer, *found) if found else optimizer.step


def _can_be_recorded(optimizer: Optimizer) -> bool:
    """Return True if a step never waits for the device, and takes its rate as a tensor."""
    return isinstance(optimizer, torch.optim.SGD) or optimizer.defaults.get("capturable", False)


class _RecordedStep:
    """Steps of an object on a CUDA device by a graph, which reads the rates of its groups from the device."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._device: torch.device = optimizer.param_groups[0]["params"][0].device
        self._rates = [torch.zeros((), device=self._device) for _ in optimizer.param_groups]
        self._filled: list[float] = []
        self._replay: Callable[[], None] | None = None
        self._begun = False

    def __call__(self) -> None:
        wanted = [group["lr"] for group in self._optimizer.param_groups]
        if wanted != self._filled:
            for rate, number in zip(self._rates, wanted, strict=True):
                rate.fill_(number)
            self._filled = wanted
        if not self._begun:
            # Its own first step makes the state.
            self._by_rates(self._optimizer.step)
            self._begun = True
            return
        if self._replay is None:
            self._replay = self._by_rates(self._record)
        self._replay()

    def _record(self) -> Callable[[], None]:
        state = [part for values in self._optimizer.state.values() for part in values.values()]
        changed = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        changed += [part for part in state if isinstance(part, torch.Tensor)]
        return record(self._optimizer.step, changed, self._device)

    def _by_rates(self, work: Callable[[], Result]) -> Result:
        """Do work with the rates on the device, by which torch computes otherwise than by numbers: so all steps do."""
        groups = self._optimizer.param_groups
        numbers = [group["lr"] for group in groups]
        for rate, group in zip(self._rates, groups, strict=True):
            group["lr"] = rate
        try:
            return work()
        finally:
            for number, group in zip(numbers, groups, strict=True):
                group["lr"] = number


class _LoopStep:
    """Steps of an object of one vector by a loop."""

    def __init__(self, optimizer: Optimizer, loop: Loop, names: tuple[str, ...]) -> None:
        self._optimizer, self._loop, self._names = optimizer, loop, names
        (self._group,) = optimizer.param_groups
        (self._parameter,) = self._group["params"]
        self._arrays: list[Floats] = []
        self._count: NDArray[np.float32] | None = None
        self._bind()

    def __call__(self) -> None:
        if not self._arrays:
            # Its own first step makes the state.
            self._optimizer.step()
            self._bind()
            return
        t = 0.0
        if self._count is not None:
            self._count += 1
            t = float(self._count)
        self._loop(self._group, t, *self._arrays)

    def _bind(self) -> None:
        state = self._optimizer.state.get(self._parameter, {})
        tensors = [state.get(name) for name in self._names]
        if any(tensor is None for tensor in tensors) or self._parameter.grad is None:
            return
        self._arrays = [tensor.detach().numpy() for tensor in (self._parameter, self._parameter.grad, *tensors)]
        self._count = state["step"].numpy() if "step" in state else None
