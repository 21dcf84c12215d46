"""Twins: runs that give what training the same settings again would give."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from core.runs import run_files, states
from core.runs.store import Run


def is_twin(
    run: Run,
    here: dict[str, Any],
    going: bool,
    files: Path,
    events: Callable[[str, Collection[str]], list[dict[str, Any]]],
) -> bool:
    """Return True if training the run's config now would give this very run.

    Args:
        here: what it would be trained with.
        going: a run that trains or waits will do, too.
        files: the folder of all runs' files.
        events: reads a run's recorded events of some kinds.
    """
    ended = run.state in (states.FINISHED, states.DIVERGED)
    if not run.exact or not (ended or (going and run.state in (states.QUEUED, states.RUNNING))):
        return False
    # A run that has not begun has no environment yet; its worker will be of this machine.
    if (ended or run.environment) and run.environment != here:
        return False
    # A branch that waits has no checkpoint to begin with yet.
    if run.parent_step is not None or (files / run.id / run_files.START).exists():
        return False
    return not any(event["command"] == "learning_rate" for event in events(run.id, ("CommandApplied",)))
