"""Trials of settings: the first steps of a run, and the loss that they lead to on held-out digits.

A remedy is offered only after such a trial beside one of the run's own settings, which start from the same weights and
see the same batches. The process that trains them is ``core.runs.trials``.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from core import data
from core.analysis.evaluation import evaluate
from core.training.batches import Batches
from core.training.config import RunConfig
from core.training.network import Network, flatten
from core.training.stepper import Stepper, steps_by_ink

#: Steps of a trial: on a run with batches of 64, a fraction of an epoch.
STEPS = 300
#: Images that a trial may train on: a few steps of whole batches, or a short run to its end.
MOST_IMAGES = 600_000
#: Held-out digits that the loss is measured on.
SAMPLE = 5_000


@dataclass(frozen=True)
class Trial:
    """One trial: the settings, and how many of the run's steps are taken."""

    config: RunConfig
    steps: int

    @property
    def key(self) -> str:
        """Name of all that its outcome depends on."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"config": self.config.to_dict(), "steps": self.steps}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Trial":
        """Inverse of ``to_dict``."""
        return cls(RunConfig.from_dict(values["config"]), values["steps"])


@dataclass(frozen=True)
class Outcome:
    """Result of a trial.

    Attributes:
        steps: taken.
        loss: on held-out digits, without label smoothing; infinite where the trial diverged.
        accuracy: on the same digits, from 0 to 1.
    """

    steps: int
    loss: float
    accuracy: float

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def try_out(trial: Trial, mnist: data.Mnist | None = None) -> Outcome:
    """Train the trial's steps from the config's first weights, on the CPU.

    Args:
        mnist: read from the data folder unless given.
    """
    config, mnist = trial.config, mnist or data.load()
    train, held_out = config.split(mnist)
    digits = held_out if len(held_out) else train
    digits = digits.spread(min(SAMPLE, len(digits)))
    network = Network(config.seed, config.initialization)
    stepper = Stepper(config, network, flatten(network))
    batches = Batches(config, train, steps_by_ink(torch.device("cpu")))
    outputs = torch.empty(config.images_per_step, data.CLASSES)
    history: list[tuple[int, float]] = []
    schedule = config.schedule_spec.create(
        config.lr, config.span, history, config.warmup_steps, **config.schedule_params
    )
    # Not the trainer: it would evaluate all held-out digits at every epoch, which takes longer than the steps.
    for step in range(trial.steps):
        epoch, place = divmod(step, config.span.steps_per_epoch)
        if place == 0:
            if epoch and config.schedule_spec.reacts:
                history.append((step, evaluate(network, digits, config.loss).loss))
            epoch_batches = batches.epoch(epoch)
        batch = next(epoch_batches)
        stepper.take(batch, outputs[: len(batch.targets)], [schedule(step)])
    result = evaluate(network, digits, config.loss)
    return Outcome(trial.steps, result.loss if math.isfinite(result.loss) else math.inf, result.accuracy)


def steps_within_budget(config: RunConfig, steps: int) -> int:
    """Return ``steps``, or as many of the config's as the run has and a trial may take; at least one."""
    return max(1, min(steps, config.span.steps, MOST_IMAGES // config.images_per_step))


def key(trials: Sequence[Trial]) -> str:
    """Name of all that the outcomes of several trials depend on."""
    return json.dumps([trial.key for trial in trials])
