"""The states of a run, and the event that tells of a change."""

from dataclasses import dataclass

from core.training.events import Event

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED = "finished", "stopped", "diverged", "failed", "interrupted"

STATES = (QUEUED, RUNNING, PAUSED, FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED)
#: Nothing more happens to a run in one of these by itself.
OVER = frozenset({FINISHED, STOPPED, DIVERGED, FAILED, INTERRUPTED})
#: A run in one of these can go on from where it stands.
RESUMABLE = frozenset({PAUSED, STOPPED, FAILED, INTERRUPTED})


@dataclass(frozen=True)
class State(Event):
    """The run is now in ``state``; ``position`` is its place in the queue from 1 while it waits;
    ``message`` says why it failed, was interrupted or diverged; ``stalled`` that its worker gives no sign of life."""

    state: str
    position: int | None = None
    message: str = ""
    stalled: bool = False
