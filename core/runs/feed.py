"""Events of a run for viewers: strict JSON, with the steps of long runs thinned to what a screen can show."""

import json
import math
from collections.abc import Sequence
from typing import Any

#: Groups of steps in a whole run; each group shows its smallest and its largest loss.
GROUPS = 2000


def message(seq: int, event: dict[str, Any], total_steps: int) -> str:
    """One event for viewers, as JSON text with its sequence number; numbers that are not finite become null."""
    if event["event"] == "StepsDone":
        event = thinned(event, math.ceil(total_steps / GROUPS))
    return json.dumps({"seq": seq, **{k: _strict(v) for k, v in event.items()}}, allow_nan=False, separators=(",", ":"))


def thinned(event: dict[str, Any], group: int) -> dict[str, Any]:
    """Return a ``StepsDone`` with the smallest and the largest loss of every ``group`` consecutive steps.

    Returns:
        ``step``: how many steps the run then has had; ``steps``, and for each of them ``losses`` and
        ``learning_rates``; ``means`` holds the mean loss of the group that the step belongs to. A loss that is not
        finite counts as largest: it never disappears.
    """
    first, losses, rates = event["first_step"], event["losses"], event["learning_rates"]
    indices, means = [], []
    for start in range(0, len(losses), group):
        part = losses[start : start + group]
        mean = sum(part) / len(part)
        for i in extremes(part):
            indices.append(start + i)
            means.append(mean)
    return {
        "event": "StepsDone",
        "step": first + len(losses),
        "steps": [first + i for i in indices],
        "losses": [losses[i] for i in indices],
        "learning_rates": [rates[i] for i in indices],
        "means": means,
        "images_per_second": event["images_per_second"],
    }


def extremes(values: Sequence[float]) -> list[int]:
    """Return the indices of the smallest and the largest value, in ascending order; NaN counts as largest."""
    smallest, largest = min(range(len(values)), key=values.__getitem__), max(range(len(values)), key=_nan_last(values))
    return sorted({smallest, largest})


def _nan_last(values: Sequence[float]) -> Any:
    return lambda i: math.inf if math.isnan(values[i]) else values[i]


def _strict(value: Any) -> Any:
    if isinstance(value, list):
        return [_strict(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
