"""One step of the digit network in numbers: the update rule with the numbers of two of its weights put in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core import data
from core.hyperparameters import Hyperparameter
from core.optimizers.rules import Array, State
from core.optimizers.step import Step
from core.training.commands import Plan
from core.training.config import RunConfig
from core.training.events import StepsDone
from core.training.network import HIDDEN, to_flat
from core.training.replay import begun


@dataclass(frozen=True)
class WeightStep:
    """A step of a run at two of its weights.

    Attributes:
        step: the numbers of the step, with its update rule line by line.
        weights: the place of each as (row, column): of each layer the weight with the largest gradient at this step.
        loss: of the step's batch before the step.
    """

    step: Step
    weights: tuple[tuple[int, int], tuple[int, int]]
    loss: float


def weight_step(
    config: RunConfig,
    step: int,
    plan: Plan = (),
    start: dict[str, Any] | None = None,
) -> WeightStep | None:
    """Step ``step``, counted from 1, of the config's run, which is trained again up to there.

    Args:
        plan: the learning rates that were set by hand: (step, learning rate).
        start: the state that the run began with, if it went on from another one.

    Returns:
        None if the run ended before.

    Raises:
        ValueError: for a step that the run does not have, or an optimizer that does not treat every weight alike.
    """
    first = start["step"] + 1 if start else 1
    Hyperparameter("step", first, "Counted from 1.", low=first, high=config.span.steps).check(step)
    spec = config.optimizer_spec
    if spec.matrices or spec.closure:
        raise ValueError(f"optimizer must be one that treats every weight alike, got optimizer = {config.optimizer}.")
    trainer = begun(config, plan, start, None)
    trainer.pause_at = step - 1
    if step > first:
        for _ in trainer.events():
            pass
        if trainer.step != step - 1:
            return None
    before, old = to_flat(trainer.network).cpu(), trainer.state()["optimizers"][0]
    trainer.pause_at = step
    block = next((event for event in trainer.events() if isinstance(event, StepsDone)), None)
    if block is None or trainer.step != step:
        return None
    gradient = torch.cat([p.grad.flatten() for p in trainer.network.parameters() if p.grad is not None]).cpu()
    hidden = gradient[: HIDDEN * data.PIXELS].abs().argmax()
    outputs = HIDDEN * data.PIXELS + HIDDEN
    output = gradient[outputs:-10].abs().argmax() + outputs
    at = torch.stack([hidden, output])
    new = _state_at(trainer.state()["optimizers"][0], at)
    numbers = Step(
        # The optimizer's own count: a branch may have changed the optimizer, or the number of steps in an epoch.
        t=int(new["step"][0]) if "step" in new else step,
        before=_at(before, at),
        after=_at(to_flat(trainer.network).cpu(), at),
        gradient=_at(gradient, at),
        rate=block.learning_rates[-1],
        params=config.optimizer_params,
        weight_decay=config.weight_decay,
        old=_state_at(old, at),
        new=new,
    )
    spec.explain_step(numbers)
    places = divmod(int(hidden), data.PIXELS), divmod(int(output) - outputs, HIDDEN)
    return WeightStep(numbers, places, block.losses[-1])


def _at(vector: Tensor, at: Tensor) -> Array:
    return vector.flatten()[at].double().numpy()


def _state_at(state: Mapping[str, Any], at: Tensor) -> State:
    """Return the optimizer's state of the weights ``at``; a number for all weights, such as a count, stays as it is."""
    tensors = {name: value for name, value in state.get("0", {}).items() if isinstance(value, Tensor)}
    return {
        name: _at(value, at) if value.numel() > 1 else value.double().numpy().ravel() for name, value in tensors.items()
    }
