"""One optimizer step at a time: the gradient of a batch, then every optimizer of the run."""

import contextlib
from typing import Any

import torch
from torch import Tensor

from core.training import optimizer_states
from core.training.batches import Batch
from core.training.config import RunConfig
from core.training.network import HandGradient, Network, image_losses


class Stepper:
    """The optimizers of a run, and the buffers of its gradient.

    Args:
        config: of the run.
        network: trained in place.
        flat: its parameters as one vector, from ``flatten``.
    """

    def __init__(self, config: RunConfig, network: Network, flat: torch.nn.Parameter) -> None:
        self._loss, self._closure = config.loss, config.optimizer_spec.closure
        # One vector costs the optimizer one pass instead of four; only some rules tell matrices from vectors.
        parameters = network.parameters() if config.optimizer_spec.matrices else [flat]
        self._optimizers = config.optimizer_spec.create(
            parameters, config.lr, config.weight_decay, **config.optimizer_params
        )
        self._groups = self._parameter_groups()
        self._gradient = HandGradient(network, config.images_per_step, config.loss)

    def take(self, batch: Batch, outputs: Tensor, rate: float) -> None:
        """Take one step at this learning rate, and write the batch's logits before it, (n, 10), to ``outputs``."""
        for group in self._groups:
            group["lr"] = rate * group["lr_scale"]
        if self._closure:
            self._take_closure_step(batch, outputs)
            return
        self._gradient(batch.images, batch.targets, outputs)
        for optimizer in self._optimizers:
            optimizer.step()

    def state(self) -> list[dict[str, Any]]:
        """Return the state of each optimizer; its tensors are copies on the CPU."""
        return optimizer_states.read(self._optimizers)

    def restore(self, states: Any) -> None:
        """Put back what ``state`` returned.

        Raises:
            ValueError: naming what these optimizers could not have held.
        """
        optimizer_states.write(self._optimizers, states)
        # Torch has put new groups in the place of those before.
        self._groups = self._parameter_groups()

    def _parameter_groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self._optimizers for group in optimizer.param_groups]

    def _take_closure_step(self, batch: Batch, outputs: Tensor) -> None:
        """Take a step that evaluates the batch several times; the logits are those of the first evaluation."""
        buffers = [outputs]

        def loss() -> Tensor:
            into = buffers.pop() if buffers else torch.empty_like(outputs)
            self._gradient(batch.images, batch.targets, into)
            return image_losses(into, batch.targets, self._loss).mean()

        for optimizer in self._optimizers:
            # Torch's line search divides by the length of its bracket, which rounding shrinks to nothing where no
            # point of the line is better; the parameters are then where the line begins, and stay there.
            with contextlib.suppress(ZeroDivisionError):
                optimizer.step(loss)  # type: ignore[arg-type]
