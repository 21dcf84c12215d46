"""Figures of a network that its curves do not show: sharpness, lengths of gradients and of steps, dead units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.analysis.sharpness import largest_stable_rate, sharpness, sharpness_sample
from core.data import Digits
from core.training.commands import Plan
from core.training.config import RunConfig
from core.training.network import HandGradient, Network, from_flat, target_table
from core.training.replay import replay

#: A run of more epochs is diagnosed after this many of them.
MOST_EPOCHS = 40
LAYERS = ("Hidden layer", "Output layer")


@dataclass(frozen=True)
class Diagnosis:
    """A network at one step of its run.

    Attributes:
        step: steps taken so far.
        sharpness: the largest eigenvalue of the Hessian of the sample's mean loss; NaN if not finite.
        gradient_norms: of the sample's mean loss, for the weights of the hidden and of the output layer.
        update_ratios: the length of the latest step of each layer's weights divided by their own length; None without
            a step before.
        dead: hidden units, of 128, that are 0 for every image of the sample.
    """

    step: int
    sharpness: float
    gradient_norms: tuple[float, float]
    update_ratios: tuple[float, float] | None
    dead: int

    @property
    def largest_stable_rate(self) -> float:
        return largest_stable_rate(self.sharpness)


def diagnose(
    network: Network, loss: str, step: int, before: Network | None = None, sample: Digits | None = None
) -> Diagnosis:
    """Diagnose a network, which stays as it is.

    Args:
        loss: ``cross_entropy`` or ``mse``, without label smoothing.
        before: the network one step earlier.
        sample: at least one digit, on the network's device; ``sharpness_sample()`` unless given.
    """
    sample = sample or sharpness_sample()
    images = sample.images.float().div_(255)
    # A copy, since HandGradient writes into the parameters' gradients.
    probe = Network()
    probe.load_state_dict(network.state_dict())
    probe.to(images.device)
    outputs = torch.empty(len(images), 10, device=images.device)
    HandGradient(probe, len(images), loss)(images, target_table(0.0).to(images.device)[sample.labels], outputs)
    weights = _weights(probe)
    ratios = None
    if before is not None:
        first, last = (
            float((now - then).norm() / then.norm().clamp_min(1e-30))
            for now, then in zip(weights, _weights(before), strict=True)
        )
        ratios = (first, last)
    first, last = (float(p.grad.norm()) for p in probe.parameters() if p.ndim == 2 and p.grad is not None)
    with torch.no_grad():
        active = (images @ weights[0].t() + probe.get_parameter("0.bias") > 0).any(0)
    value = sharpness(probe, loss, sample).value
    return Diagnosis(step, value, (first, last), ratios, int((~active).sum()))


def diagnosed_steps(config: RunConfig, last_step: int) -> list[int]:
    """Select the steps at which a run of ``last_step`` steps is diagnosed: its start, ends of epochs, its end."""
    per_epoch = config.span.steps_per_epoch
    epochs = range(1, last_step // per_epoch + 1)
    selected = {epochs[round(i)] for i in torch.linspace(0, len(epochs) - 1, min(MOST_EPOCHS, len(epochs))).tolist()}
    return sorted({0, last_step, *(epoch * per_epoch for epoch in selected)})


def diagnose_run(
    config: RunConfig, steps: Sequence[int], commands: Plan = (), start: dict[str, Any] | None = None
) -> Iterator[Diagnosis]:
    """Diagnose a run, replayed, at each of ``steps``.

    Args:
        steps: ascending; see ``diagnosed_steps``.
        commands, start: as ``replay`` takes them.
    """
    moments = set(steps)
    # The step before each is replayed too, for the length of the step between.
    around = sorted(moments | {max(0, step - 1) for step in steps})
    before: tuple[int, Network] | None = None
    for step, flat in replay(config, around, commands, start):
        network = from_flat(flat)
        if step in moments:
            yield diagnose(network, config.loss, step, before[1] if before and before[0] == step - 1 else None)
        before = step, network


def _weights(network: Network) -> list[Tensor]:
    """Return the two weight matrices."""
    return [parameter.detach() for parameter in network.parameters() if parameter.ndim == 2]
