"""What a run's recorded events say in the end, where a part of it was trained twice."""

from collections.abc import Iterable
from typing import Any


def effective(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events without those that a later ``Resumed`` made void; blocks of steps are cut where need be.

    Args:
        events: dictionaries as ``Event.to_dict`` gives, in the order in which they were recorded.
    """
    kept: list[dict[str, Any]] = []
    for event in events:
        if event["event"] == "Resumed":
            kept = [part for part in (_before(old, event["step"], event["epoch"]) for old in kept) if part]
        kept.append(event)
    return kept


def reached(events: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """How many steps, and how many whole epochs, the recorded curves cover."""
    step = epoch = 0
    for event in events:
        if event["event"] == "Resumed":
            step, epoch = event["step"], event["epoch"]
        elif event["event"] == "StepsDone":
            step = event["first_step"] + len(event["losses"])
        elif event["event"] == "EpochDone":
            epoch = event["epoch"] + 1
    return step, epoch


def plan(events: Iterable[dict[str, Any]]) -> list[tuple[int, float]]:
    """The learning rates that were set by hand: (step, learning rate)."""
    return [
        (event["step"], event["value"])
        for event in effective(events)
        if event["event"] == "CommandApplied" and event["command"] == "learning_rate"
    ]


def _before(event: dict[str, Any], step: int, epoch: int) -> dict[str, Any] | None:
    """The event as far as it tells of less than ``step`` steps and ``epoch`` epochs; None if it does not."""
    kind = event["event"]
    if kind == "StepsDone" and event["first_step"] + len(event["losses"]) > step:
        left = step - event["first_step"]
        rates = event["learning_rates"]
        return {**event, "losses": event["losses"][:left], "learning_rates": rates[:left]} if left > 0 else None
    if kind == "EpochDone" and event["epoch"] >= epoch:
        return None
    if kind == "CommandApplied" and event["step"] >= step:
        return None
    return None if kind in ("RunFinished", "Diverged", "StoppedEarly") else event
