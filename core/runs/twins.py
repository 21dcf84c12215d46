"""Twins: runs that give what training the same settings again would give."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import devices
from core.hyperparameters import InvalidValue
from core.runs import run_files, states
from core.runs.store import Run
from core.training.config import RunConfig


def newest(config: RunConfig, runs: Sequence[Run], here: dict[str, Any], going: bool, files: Path) -> Run | None:
    """Return the first of the runs that gives what training the config now would give, or None.

    It has ended by itself, finished or diverged, on this machine, with the versions and threads of now, and is plain.

    Args:
        runs: of this config, the newest first.
        here: threads and commit that it would be trained with.
        going: a run that trains or waits will do, too: it may still be stopped, or given another rate.
        files: the folder of all runs' files.
    """
    try:
        device = devices.resolve(config.device)
    except InvalidValue:
        return None
    here = {**devices.environment(device), **here}
    return next((run for run in runs if _is_twin(run, here, going, files)), None)


def _is_twin(run: Run, here: dict[str, Any], going: bool, files: Path) -> bool:
    ended = run.state in (states.FINISHED, states.DIVERGED)
    # One with a request goes on only to be stopped, or for a step or an epoch.
    going = going and run.going and not run.request
    if not run.exact or not run.plain or not (ended or going):
        return False
    # A run that has not begun has no environment yet; its worker will be of this machine.
    trained = {name: value for name, value in run.environment.items() if name != "node"}
    if (ended or trained) and trained != here:
        return False
    # The row of a run from before branches does not say that it went on from a saved model.
    return not (files / run.id / run_files.START).exists()
