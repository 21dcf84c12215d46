"""What the curves do not show: how sharply the loss bends, how large gradients and steps are, which units are dead.

``python -m core.analysis.diagnostics`` replays a run and looks at it: it reads one job as a JSON line from stdin and
writes a JSON line for each diagnosis to stdout. The end of stdin means that nobody waits for it any more.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core import devices
from core.analysis.sharpness import largest_stable_rate, sharpness, sharpness_sample
from core.data import Digits
from core.models.checkpoints import load_checkpoint
from core.training.commands import Plan
from core.training.config import RunConfig
from core.training.network import HandGradient, Network, from_flat, target_table
from core.training.replay import replay

#: A run of more epochs is looked at in this many of them.
MOST_EPOCHS = 40
LAYERS = ("Hidden layer", "Output layer")


@dataclass(frozen=True)
class Diagnosis:
    """A network at one step of its run.

    Attributes:
        step: how many steps it has had.
        sharpness: the largest eigenvalue of the Hessian of the sample's mean loss, to about 1 %; NaN if not finite.
        gradient_norms: of the sample's mean loss, for the weights of the hidden and of the output layer.
        update_ratios: the length of the latest step of each layer's weights divided by their own length; None without
            a step before.
        dead: hidden units, of 128, that answer 0 to every image of the sample.
    """

    step: int
    sharpness: float
    gradient_norms: tuple[float, float]
    update_ratios: tuple[float, float] | None
    dead: int

    @property
    def largest_stable_rate(self) -> float:
        """The largest rate at which plain gradient descent is stable here; see ``sharpness.largest_stable_rate``."""
        return largest_stable_rate(self.sharpness)


def diagnose(network: Network, sample: Digits, loss: str, step: int, before: Network | None = None) -> Diagnosis:
    """Look at a network, which stays as it is.

    Args:
        sample: what to measure on; at least one digit, on the network's device.
        loss: ``cross_entropy`` or ``mse``, without label smoothing.
        before: the network one step earlier.
    """
    images = sample.images.float().div_(255)
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
        alive = (images @ weights[0].t() + probe.get_parameter("0.bias") > 0).any(0)
    measured = sharpness(probe, loss, sample)
    return Diagnosis(step, measured.value, (first, last), ratios, int((~alive).sum()))


def looked_at(config: RunConfig, last_step: int) -> list[int]:
    """The steps at which a run of ``last_step`` steps is looked at: its start, the ends of epochs, its end."""
    per_epoch = config.span.steps_per_epoch
    epochs = range(1, last_step // per_epoch + 1)
    chosen = {epochs[round(i)] for i in torch.linspace(0, len(epochs) - 1, min(MOST_EPOCHS, len(epochs))).tolist()}
    return sorted({0, last_step, *(epoch * per_epoch for epoch in chosen)})


def diagnose_run(
    config: RunConfig, steps: Sequence[int], commands: Plan = (), start: dict[str, Any] | None = None
) -> Iterator[Diagnosis]:
    """A diagnosis of a run, replayed, at each of ``steps``.

    Args:
        steps: ascending; see ``looked_at``.
        commands, start: as ``replay`` takes them.
    """
    sample = sharpness_sample()
    wanted = set(steps)
    around = sorted(wanted | {max(0, step - 1) for step in steps})
    before: tuple[int, Network] | None = None
    for step, flat in replay(config, around, commands, start):
        network = from_flat(flat)
        if step in wanted:
            yield diagnose(network, sample, config.loss, step, before[1] if before and before[0] == step - 1 else None)
        before = step, network


def _weights(network: Network) -> list[Tensor]:
    """The two weight matrices."""
    return [parameter.detach() for parameter in network.parameters() if parameter.ndim == 2]


def main() -> None:
    """Do one job: ``config``, ``end``, its last step, ``plan``, ``start``, a checkpoint's path or null, ``threads``."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    devices.prepare_cpu(job["threads"])
    config = RunConfig.from_dict(job["config"])
    start = load_checkpoint(Path(job["start"])).state if job["start"] else None
    for diagnosis in diagnose_run(config, looked_at(config, job["end"]), job["plan"], start):
        print(json.dumps(asdict(diagnosis)), flush=True)


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
