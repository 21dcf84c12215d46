"""Early stopping: the end of a run whose validation loss has not improved for as many epochs as its patience.

A history has for each whole epoch the step that it ended with and its validation loss.
"""

import math
from collections.abc import Sequence

from core.training.config import RunConfig


def best_epoch(config: RunConfig, history: Sequence[Sequence[float]]) -> int | None:
    """Return the epoch with the lowest validation loss, the first of equals; None without one."""
    if not config.validation_images or not history:
        return None
    losses = [loss if math.isfinite(loss) else math.inf for _, loss in history]
    return losses.index(min(losses))


def out_of_patience(config: RunConfig, history: Sequence[Sequence[float]]) -> bool:
    """Return True if as many epochs as the config's patience have passed since the best one."""
    # Read off the history, which is part of the state: a resumed run ends at the same step as one without a break.
    best = best_epoch(config, history)
    return bool(config.patience) and best is not None and len(history) - 1 - best >= config.patience
