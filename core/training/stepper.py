"""Optimizer steps: the gradient of a batch, then every optimizer of the run."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from core.compiled import AVAILABLE
from core.optimizers import eager
from core.optimizers.fast import LoopStep, fast_step
from core.training import optimizer_states
from core.training.batches import Batch, InkedRows
from core.training.config import RunConfig
from core.training.network import HandGradient, Network, RecordedGradient, by_pixel, by_unit, image_losses
from core.training.sparse import SparseGradient

Gradient = Callable[[Batch, Tensor], None]

#: Most steps, and most of their images, in one call of compiled code, which nothing can interrupt: some milliseconds.
STEPS_AT_ONCE, IMAGES_AT_ONCE = 64, 512


def steps_by_ink(device: torch.device) -> bool:
    """Return True if steps on this device take images as lists of inked pixels: on the CPU, where numba is there."""
    return AVAILABLE and device.type == "cpu"


def gradient(network: Network, flat: torch.nn.Parameter, size: int, loss: str) -> Gradient:
    """Return what writes a batch's gradient into ``flat.grad`` and its outputs, (n, 10), into the second argument.

    Args:
        network, flat: see ``flatten``.
        size: images of the largest batch. The batches must be inked where ``steps_by_ink`` says so.
    """
    if not steps_by_ink(flat.device):
        by_hand = HandGradient(network, size, loss)
        take = RecordedGradient(by_hand, size, flat.device) if flat.device.type == "cuda" else by_hand
        return lambda batch, outputs: take(cast(Tensor, batch.images), batch.targets, outputs)
    sparse = SparseGradient(flat, loss)
    return lambda batch, outputs: sparse(*cast(InkedRows, batch.images), batch.targets, outputs)


class Stepper:
    """The optimizers of a run, and the buffers of its gradient.

    Args:
        config: of the run.
        network: trained in place.
        flat: its parameters as one vector, from ``flatten``.

    Attributes:
        at_once: the number of steps that it is best given together.
    """

    def __init__(self, config: RunConfig, network: Network, flat: torch.nn.Parameter) -> None:
        self._loss, self._closure = config.loss, config.optimizer_spec.closure
        self._size = config.images_per_step
        # One vector costs the optimizer one pass instead of four; only some rules tell matrices from vectors.
        parameters = network.parameters() if config.optimizer_spec.matrices else [flat]
        self._optimizers = config.optimizer_spec.create(
            parameters, config.lr, config.weight_decay, **config.optimizer_params
        )
        self._gradient = gradient(network, flat, self._size, config.loss)
        self._sparse = SparseGradient(flat, config.loss) if steps_by_ink(flat.device) else None
        self._prepare()

    def take(self, batch: Batch, outputs: Tensor, rates: Sequence[float]) -> None:
        """Take consecutive steps, each at its learning rate.

        Args:
            batch: the batches of all steps.
            outputs: (n, 10) receives the logits of each batch before its step.
        """
        size = self._size
        for k, rate in enumerate(rates):
            if self._loop and self._loop.state:
                self._take_looped(batch.part(k * size, len(outputs)), outputs[k * size :], rates[k:])
                return
            part = slice(k * size, (k + 1) * size)
            self._take_one(batch.part(part.start, part.stop), outputs[part], rate)

    def _take_one(self, batch: Batch, outputs: Tensor, rate: float) -> None:
        for group in self._groups:
            group["lr"] = rate * group["lr_scale"]
        if self._closure:
            self._take_closure_step(batch, outputs)
            return
        self._gradient(batch, outputs)
        for step in self._steps:
            step()

    def state(self) -> list[dict[str, Any]]:
        """Return the state of each optimizer; its tensors are copies on the CPU."""
        return optimizer_states.read(self._optimizers, by_unit)

    def restore(self, states: Any) -> None:
        """Put back what ``state`` returned.

        Raises:
            ValueError: naming what these optimizers could not have held.
        """
        optimizer_states.write(self._optimizers, states, by_pixel)
        # Torch has put new groups and tensors in the place of those before.
        self._prepare()

    def _prepare(self) -> None:
        self._groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        self._steps = [fast_step(optimizer) for optimizer in self._optimizers]
        only = self._steps[0] if len(self._steps) == 1 else None
        self._loop = only if self._sparse and isinstance(only, LoopStep) else None
        self.at_once = min(STEPS_AT_ONCE, max(1, IMAGES_AT_ONCE // self._size)) if self._loop else 1

    def _take_looped(self, batch: Batch, outputs: Tensor, rates: Sequence[float]) -> None:
        """Take the steps of an optimizer with a loop in one call, since Python is a fifth of a step's time and more."""
        (group,) = self._groups
        scaled = [rate * group["lr_scale"] for rate in rates]
        assert self._sparse and self._loop
        ink = cast(InkedRows, batch.images)
        self._sparse.take_steps(*ink, batch.targets, outputs, self._size, self._loop, scaled)
        group["lr"] = scaled[-1]

    def _take_closure_step(self, batch: Batch, outputs: Tensor) -> None:
        """Take a step that evaluates the batch several times; the logits are those of the first evaluation."""
        buffers = [outputs]

        def loss() -> Tensor:
            into = buffers.pop() if buffers else torch.empty_like(outputs)
            self._gradient(batch, into)
            return image_losses(into, batch.targets, self._loss).mean()

        for optimizer in self._optimizers:
            # Torch's line search divides by the length of its bracket, which rounding shrinks to nothing where no
            # point of the line is better; the parameters are then where the line begins, and stay there.
            try:
                eager.step(optimizer, loss)
            except ZeroDivisionError:
                # Of its first step torch has then counted what it did not keep: the next step is the first one.
                if not any("prev_flat_grad" in state for state in optimizer.state.values()):
                    optimizer.state.clear()
