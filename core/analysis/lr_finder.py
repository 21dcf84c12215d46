"""The learning-rate finder: on a copy of the network, the rate grows step by step until the loss breaks away.

Source: Smith 2017, Cyclical Learning Rates for Training Neural Networks, section 3.3, where it is the "range test".
"""

import copy
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core import data, devices
from core.hyperparameters import Hyperparameter
from core.optimizers.fast import fast_step
from core.training.batches import Batch, Batches
from core.training.config import RunConfig
from core.training.network import Network, flatten, image_losses
from core.training.stepper import gradient, steps_by_ink

Array = NDArray[np.float64]

STEPS = Hyperparameter("steps", 200, "Steps of the search.", low=10, high=2000)
#: A search without a number of steps takes no more images than this: it has fewer steps, but at least 20.
MOST_IMAGES = 1_000_000
#: The rate grows from the optimizer's recommended one divided by the first to that times the second.
BELOW, ABOVE = 1e4, 1e3
#: The search ends once the smoothed loss is this many times its smallest.
BREAKS_AWAY = 4.0
SMOOTHING = 0.9


@dataclass(frozen=True)
class RateCurve:
    """Loss against learning rate, and the rates that it suggests.

    Attributes:
        rates: (n,) the learning rates, growing by a constant factor.
        losses: (n,) the loss of each step's batch before the step; the last may not be finite.
        smoothed: (n,) their running mean, unbiased at the start.
        steepest: the rate at which the smoothed loss falls fastest for a relative change of the rate, before its
            minimum; None if it never falls or is not finite from the start.
        tenth: a tenth of the rate at which the smoothed loss is smallest; None where ``steepest`` is.
    """

    rates: Array
    losses: Array
    smoothed: Array
    steepest: float | None
    tenth: float | None


def find_learning_rate(config: RunConfig, network: Network | None = None, steps: int | None = None) -> RateCurve:
    """Train a copy with a rate that grows exponentially, over the batches that the config's run would see.

    Args:
        config: its optimizer, batches, loss and first weights are used, its rate and its schedule are not.
        network: where to start instead of the config's first weights; it stays as it is.
        steps: of the whole search, 10 to 2000; 200, or fewer where batches are large, unless given. It ends sooner when
            the loss breaks away.

    Raises:
        ValueError: for ``steps`` outside its range, or an optimizer whose rate does not set the length of every step.
    """
    if steps is None:
        steps = max(20, min(200, MOST_IMAGES // config.images_per_step))
    STEPS.check(steps)
    spec = config.optimizer_spec
    if not spec.rate_sets_every_step:
        raise ValueError(f"optimizer must be one whose rate sets every step, got optimizer = {config.optimizer}.")
    device = devices.resolve(config.device)
    trained = copy.deepcopy(network) if network else Network(config.seed, config.initialization)
    trained.to(device)
    train, _ = config.split(data.load())
    flat = flatten(trained)
    parameters = trained.parameters() if spec.matrices else [flat]
    optimizers = spec.create(parameters, config.lr, config.weight_decay, **config.optimizer_params)
    write_gradient = gradient(trained, flat, config.images_per_step, config.loss)
    step_all = [fast_step(optimizer) for optimizer in optimizers]
    outputs = torch.empty(config.images_per_step, data.CLASSES, device=device)
    rates = np.geomspace(spec.lr / BELOW, spec.lr * ABOVE, steps)
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0
    for rate, batch in zip(rates, _batches(Batches(config, train.to(device), steps_by_ink(device))), strict=False):
        answers = outputs[: len(batch.targets)]
        write_gradient(batch, answers)
        loss = float(image_losses(answers, batch.targets, config.loss).mean())
        losses.append(loss)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING ** len(losses)))
        if not math.isfinite(loss) or smoothed[-1] > BREAKS_AWAY * min(smoothed):
            break
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = float(rate) * group["lr_scale"]
        for take_step in step_all:
            take_step()
    taken = rates[: len(losses)]
    steepest, tenth = suggestions(taken, np.array(smoothed))
    return RateCurve(taken, np.array(losses), np.array(smoothed), steepest, tenth)


def suggestions(rates: Array, smoothed: Array) -> tuple[float | None, float | None]:
    """Return the rate of the steepest descent and a tenth of the rate of the minimum, each to two digits.

    Both are None where the loss never falls below where it started, or is not finite within the first three steps.
    """
    finite = smoothed[np.isfinite(smoothed)]
    lowest = int(finite.argmin()) if len(finite) else 0
    # A slope needs more than one step down.
    if lowest < 2:
        return None, None
    slope = np.gradient(finite[: lowest + 1], np.log(rates[: lowest + 1]))
    return _two_digits(rates[int(slope.argmin())]), _two_digits(rates[lowest] / 10)


def _batches(batches: Batches) -> Iterator[Batch]:
    for epoch in itertools.count():
        yield from batches.epoch(epoch)


def _two_digits(rate: float) -> float:
    return float(f"{rate:.2g}")
