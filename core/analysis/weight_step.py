"""One step of the digit network under the glass: the update rule with the numbers of two of its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core import data
from core.hyperparameters import Hyperparameter
from core.surfaces.expression import Array
from core.surfaces.glass import Glass, explain
from core.training.config import RunConfig
from core.training.events import StepsDone
from core.training.network import HIDDEN, to_flat
from core.training.trainer import Trainer


@dataclass(frozen=True)
class WeightStep:
    """A step of a run, seen at two weights.

    Attributes:
        glass: what the optimizer did to them, with its update rule line by line.
        weights: which they are: of each layer the one with the largest gradient at this step, as (row, column).
        loss: of the step's batch before the step.
    """

    glass: Glass
    weights: tuple[tuple[int, int], tuple[int, int]]
    loss: float


def weight_step(config: RunConfig, step: int, mnist: data.Mnist | None = None) -> WeightStep | None:
    """Step ``step``, counted from 1, of the config's run, trained again up to there.

    Returns:
        None if the run diverged before.

    Raises:
        ValueError: for a step that the run does not have, or an optimizer that does not treat every weight alike.
    """
    last = config.span.steps
    Hyperparameter("step", 1, "Counted from 1.", low=1, high=last).check(step)
    spec = config.optimizer_spec
    if spec.matrices or spec.closure:
        raise ValueError(f"optimizer must be one that treats every weight alike, got optimizer = {config.optimizer}.")
    trainer = Trainer(config, mnist)
    trainer.pause_at = step - 1
    if step > 1:
        for _ in trainer.events():
            pass
        if trainer.step != step - 1:
            return None
    before, old = to_flat(trainer.network).cpu(), trainer.state()["optimizers"][0]
    trainer.pause_at = step
    block = next(event for event in trainer.events() if isinstance(event, StepsDone))
    if trainer.step != step:
        return None
    gradient = torch.cat([p.grad.flatten() for p in trainer.network.parameters() if p.grad is not None]).cpu()
    hidden = gradient[: HIDDEN * data.PIXELS].abs().argmax()
    outputs = HIDDEN * data.PIXELS + HIDDEN
    output = gradient[outputs:-10].abs().argmax() + outputs
    at = torch.stack([hidden, output])
    defaults = {p.name: p.default for p in spec.hyperparameters}
    seen = Glass(
        step,
        _at(before, at),
        _at(to_flat(trainer.network).cpu(), at),
        _at(gradient, at),
        block.learning_rates[-1],
        {**defaults, **config.optimizer_params},
        config.weight_decay,
        _held(old, at),
        _held(trainer.state()["optimizers"][0], at),
    )
    explain(seen, config)
    places = divmod(int(hidden), data.PIXELS), divmod(int(output) - outputs, HIDDEN)
    return WeightStep(seen, places, block.losses[-1])


def _at(vector: Tensor, at: Tensor) -> Array:
    return vector.flatten()[at].double().numpy()


def _held(state: Mapping[str, Any], at: Tensor) -> dict[str, Array]:
    """What the optimizer holds for the weights ``at``; what it holds for all alike stays as it is."""
    held = {name: value for name, value in state.get("0", {}).items() if isinstance(value, Tensor)}
    return {
        name: _at(value, at) if value.numel() > 1 else value.double().numpy().ravel() for name, value in held.items()
    }
