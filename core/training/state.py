"""The state of a run between two steps, and its checks.

A state is a dictionary of JSON values and tensors, as ``Trainer.state`` returns it. Its ``history`` has for each whole
epoch the step that it ended with and its validation loss (its training loss where nothing is held back).
"""

import math
from typing import Any

import torch

from core.files import shortened
from core.training import optimizer_states
from core.training.config import LR, RunConfig
from core.training.network import SIZES, parameter_shapes


def fewest_epochs(config: RunConfig, step: int) -> int:
    """Return the least number of epochs in all with which a run that has had ``step`` steps has any left."""
    return step // config.span.steps_per_epoch + 1


def check(state: dict[str, Any], config: RunConfig) -> None:
    """Raise ValueError unless everything but the optimizers' part could be a state of such a run."""
    for name, shape in parameter_shapes().items():
        optimizer_states.check_tensor(name, state.get(name), torch.empty(shape))
    vector = torch.empty(sum(SIZES))
    optimizer_states.check_tensor("kept", state.get("kept"), vector)
    span = config.span
    limits = {"step": span.steps, "kept_step": span.steps, "epoch": config.epochs, "hits": config.images_per_epoch}
    for name, most in limits.items():
        value = state.get(name)
        if type(value) is not int or not 0 <= value <= most:
            raise ValueError(f"{name} must be a whole number in [0, {most}], got {name} = {shortened(str(value))}.")
    for name in ("loss_sum", "seconds", "epoch_seconds"):
        value = state.get(name)
        if not isinstance(value, float) or not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} must be a finite number of at least 0, got {name} = {shortened(str(value))}.")
    LR.check(state.get("lr"))
    if state["step"] - state["epoch"] * span.steps_per_epoch not in range(span.steps_per_epoch + 1):
        raise ValueError(f"step must be in epoch {state['epoch']} or at its end, got step = {state['step']}.")
    points = state.get("history")
    if (
        not isinstance(points, list)
        or len(points) != state["epoch"]
        or not all(isinstance(p, list) and [type(part) for part in p] == [int, float] for p in points)
    ):
        raise ValueError(
            f"history must have a step and a loss for each of {state['epoch']} epochs, got {shortened(str(points))}."
        )
