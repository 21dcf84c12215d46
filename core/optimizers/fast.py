"""Faster steps of ``torch.optim`` objects: compiled loops on the CPU, recorded steps on a CUDA device.

The object is the truth: both work on its own parameter, gradient and state tensors, so that reading, saving and
restoring the object stay as they are. A loop agrees with its ``step`` to 1e-6, a recording is that step.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim import Optimizer

from core.compiled import AVAILABLE
from core.cuda_graphs import record
from core.optimizers import eager, weightwise

Group = dict[str, Any]
Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]
Result = TypeVar("Result")


class Loop(NamedTuple):
    """A compiled loop that steps as an object does.

    Args:
        number: of the loop in ``weightwise``.
        state: the names of the object's tensors that it takes, two at most.
        numbers: from the rates of k steps and their numbers, which count from 1, the loop's other arguments: each (k,)
            or a number.
    """

    number: int
    state: tuple[str, ...]
    numbers: Callable[[Numbers, Numbers], tuple[Any, ...]]


def _sgd(group: Group) -> Loop:
    pull, mu, fixed = group["weight_decay"], group["momentum"], (group["dampening"], group["nesterov"])
    if not mu:
        return Loop(weightwise.SGD, (), lambda lr, t: (lr, pull))
    return Loop(weightwise.MOMENTUM, ("momentum_buffer",), lambda lr, t: (lr, pull, mu, *fixed))


def _rmsprop(group: Group) -> Loop | None:
    pull, alpha, eps = group["weight_decay"], group["alpha"], group["eps"]
    if group["momentum"] or group["centered"]:
        return None
    return Loop(weightwise.ROOT, ("square_avg",), lambda lr, t: (lr, pull, alpha, 1 - alpha, eps))


def _adagrad(group: Group) -> Loop:
    pull, decay, eps = group["weight_decay"], group["lr_decay"], group["eps"]
    return Loop(weightwise.ROOT, ("sum",), lambda lr, t: (lr / (1 + (t - 1) * decay), pull, 1.0, 1.0, eps))


def _adam(group: Group) -> Loop | None:
    decay, betas, eps = group["weight_decay"], group["betas"], group["eps"]
    if group["amsgrad"]:
        return None
    state = ("exp_avg", "exp_avg_sq")
    if group["decoupled_weight_decay"]:
        return Loop(weightwise.ADAM, state, lambda lr, t: (lr, 0.0, 1 - lr * decay, *betas, eps, t))
    return Loop(weightwise.ADAM, state, lambda lr, t: (lr, decay, 1.0, *betas, eps, t))


#: For each class with a loop, that loop by the object's settings; None for settings that it does not serve.
LOOPS: dict[type[Optimizer], Callable[[Group], Loop | None]] = {
    torch.optim.SGD: _sgd,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adagrad: _adagrad,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
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
    return LoopStep(optimizer, found) if found else partial(eager.step, optimizer)


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


class LoopStep:
    """Steps of an object of one vector by a loop.

    Attributes:
        loop: its number in ``weightwise``.
        state: the two tensors that it is given, once the object has made its state.
    """

    def __init__(self, optimizer: Optimizer, loop: Loop) -> None:
        self._optimizer, self._loop = optimizer, loop
        (self._group,) = optimizer.param_groups
        (self._parameter,) = self._group["params"]
        self.loop = loop.number
        self.state: tuple[Floats, Floats] | None = None
        self._count: NDArray[np.float32] | None = None
        self._bind()

    def __call__(self) -> None:
        if not self.state:
            # Its own first step makes the state.
            eager.step(self._optimizer)
            self._bind()
            return
        w, g = self._parameter.detach().numpy(), self._parameter.grad.numpy()
        weightwise.step(self.loop, w, g, *self.state, self.numbers([self._group["lr"]])[0])

    def numbers(self, rates: Sequence[float]) -> Numbers:
        """Count steps of these rates as taken, and return what the loop is given for each, a row per step."""
        t = np.arange(1.0, len(rates) + 1)
        if self._count is not None:
            t += self._count
            self._count += len(rates)
        columns = self._loop.numbers(np.array(rates, dtype=float), t)
        numbers = np.empty((len(rates), len(columns)))
        for place, column in enumerate(columns):
            numbers[:, place] = column
        return numbers

    def _bind(self) -> None:
        state = self._optimizer.state.get(self._parameter, {})
        tensors = [state.get(name) for name in self._loop.state]
        if any(tensor is None for tensor in tensors) or self._parameter.grad is None:
            return
        # A loop that has less state does not look at the rest.
        empty = np.empty(0, np.float32)
        first, second, *_ = *(tensor.detach().numpy() for tensor in tensors), empty, empty
        self.state = first, second
        self._count = state["step"].numpy() if "step" in state else None
