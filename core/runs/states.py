"""The states of a run, and the event of a change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.training.events import Event

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED = "finished", "stopped", "diverged", "failed", "interrupted"

STATES = (QUEUED, RUNNING, PAUSED, FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED)
#: A run in one of these trains, or waits to.
GOING = frozenset({QUEUED, RUNNING})
#: A run in one of these doesn't change by itself.
OVER = frozenset({FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED})
#: A run in one of these has come to its own end.
ENDED = frozenset({FINISHED, DIVERGED})
#: A run in one of these can be resumed.
RESUMABLE = frozenset({PAUSED, STOPPED, FAILED, INTERRUPTED})


@dataclass(frozen=True)
class State(Event):
    """The run is now in ``state``; ``message`` is the reason if it failed, was interrupted or diverged; ``stalled``:
    its worker sends no heartbeat. A place in the queue is no event: one change would write one per run behind it."""

    state: str
    message: str = ""
    stalled: bool = False


@dataclass(frozen=True)
class Operated(Event):
    """``by`` has given the run ``command``; recorded where that is not its owner."""

    command: str
    by: str


@dataclass(frozen=True)
class Removed(Event):
    """The run was put into the bin, or removed from there for good. Listeners hear of it; it is not recorded."""


def sets_rate(event: Mapping[str, Any]) -> bool:
    """Return True for the event of a learning rate that a person set: the run leaves its settings."""
    return (event["event"], event.get("command")) == ("CommandApplied", "learning_rate")


def fits(state: str, command: str) -> bool:
    """Return True if a command, one of the service's, changes something in a run that is in this state."""
    match command:
        case "stop":
            return state in (RUNNING, QUEUED, PAUSED, INTERRUPTED)
        case "pause":
            return state in GOING
        case "pause_again":
            return state == STOPPED
        case "learning_rate":
            return state in GOING or state in RESUMABLE
    return state in RESUMABLE


def diverged_sentence(event: dict[str, Any]) -> str:
    """Return the message of a run that ended with this ``Diverged``."""
    return (
        f"The loss stopped being finite at step {event['step']} with learning rate {event['learning_rate']:.6g}; "
        f"the parameters after step {event['restored_step']} are kept."
    )


def early_sentence(event: dict[str, Any]) -> str:
    """Return the message of a run that ended with this ``StoppedEarly``."""
    return (
        f"Stopped early after step {event['step']}: since epoch {event['best_epoch'] + 1} the validation loss "
        f"has not been below its {event['validation_loss']:.4g}."
    )
