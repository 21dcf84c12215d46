"""A branch: a run that has left another one at one of its steps, with some settings changed.

All that finding the state of that step needs is kept in the branch's own folder, so that the other run may be deleted.
Its worker trains the other again up to there, and the branch begins with a checkpoint like one that was continued.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from core.files import write_atomically
from core.hyperparameters import InvalidValue
from core.models.checkpoints import Checkpoint
from core.optimizers import OPTIMIZERS
from core.runs import run_files, states
from core.runs.replay_request import ReplayRequest
from core.runs.store import Run
from core.training.config import RunConfig
from core.training.network import Network, flatten
from core.training.replay import state_at
from core.training.stepper import Stepper

#: Settings that a branch may change.
CHANGEABLE = ("lr", "optimizer", "batch_size", "shuffle")
#: Of these, those that can change only where an epoch begins: the rest of an epoch in another order, or in batches of
#: another size, would show some images twice and others not at all.
BETWEEN_EPOCHS = ("batch_size", "shuffle")

_FILE, _PARENT = "branch.json", "parent"
#: What ``begin`` reads of a branch's folder.
FILES = (_FILE, f"{_PARENT}/{run_files.START}")


def places(run: Run) -> range:
    """Return the numbers of steps after which a branch can leave the run."""
    # The rule of patience would end a branch at once where it has ended the run.
    last = run.step - 1 if run.state == states.FINISHED else run.step
    return range(run.first_step, min(last, run.config.span.steps - 1) + 1)


def epoch_starts(run: Run) -> range:
    """Return those of ``places`` at which an epoch begins."""
    steps, per_epoch = places(run), run.config.span.steps_per_epoch
    return range(-(-steps.start // per_epoch) * per_epoch, steps.stop, per_epoch)


@dataclass(frozen=True)
class Branch:
    """A branch that has not begun.

    Args:
        parent: the run that it leaves.
        step: the number of the parent's steps that it has in common with it.
        config: its own.
        rate: the rate that its schedule starts from; None for the one that the parent had at that step, perhaps set by
            hand.
        environment: what the parent was trained with.
    """

    parent: ReplayRequest
    step: int
    config: RunConfig
    rate: float | None
    environment: dict[str, Any]

    @classmethod
    def of(cls, run: Run, request: ReplayRequest, step: int, changes: Mapping[str, Any]) -> "Branch":
        """Branch of a run.

        Args:
            request: of the run's replay.
            step: one of ``places``; of ``epoch_starts`` where one of ``BETWEEN_EPOCHS`` changes.
            changes: values of ``CHANGEABLE``.

        Raises:
            InvalidValue, ValueError: naming what cannot be.
        """
        for name in changes:
            if name not in CHANGEABLE:
                raise ValueError(f"A branch can change {', '.join(CHANGEABLE)}, got {name}.")
        config = _changed(run.config, changes)
        steps = places(run)
        if step not in steps:
            raise InvalidValue("step", f"be a whole number in [{steps.start}, {steps.stop - 1}]", step)
        between = any(getattr(config, name) != getattr(run.config, name) for name in BETWEEN_EPOCHS)
        if between and step % run.config.span.steps_per_epoch:
            where = f"be a multiple of {run.config.span.steps_per_epoch}, where an epoch begins"
            raise InvalidValue("step", f"{where}, to change the batch size or the order", step)
        rate = config.lr if {"lr", "optimizer"} & set(changes) else None
        return cls(request, step, config, rate, run.environment)

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of the branch's row in the store."""
        first = _place(self.step, self.parent.config, self.config)
        return {"first_step": first, "step": first, "epoch": self.step // self.parent.config.span.steps_per_epoch}

    def save(self, folder: Path) -> None:
        """Write all that ``begin`` needs into the branch's folder; raise OSError if that fails."""
        start, own = self.parent.folder / run_files.START, folder / _PARENT
        own.mkdir(parents=True)
        if start.exists():
            shutil.copyfile(start, own / run_files.START)
        parent = replace(self.parent, folder=own)
        values = {"parent": parent.to_dict(), "step": self.step, "rate": self.rate, "environment": self.environment}
        write_atomically(folder / _FILE, json.dumps(values).encode())


def begin(folder: Path, config: RunConfig) -> None:
    """Write the checkpoint that a branch begins with, by a replay; nothing if it is there, or the run is no branch.

    Args:
        folder: the run's.
        config: the run's.

    Raises:
        ValueError, OSError: if the parent cannot be trained again up to that step.
    """
    if not (folder / _FILE).exists() or (folder / run_files.START).exists():
        return
    values = json.loads((folder / _FILE).read_text())
    # The folder is another one where a worker has it on another machine.
    parent = replace(ReplayRequest.from_dict(values["parent"]), folder=folder / _PARENT)
    threads = torch.get_num_threads()
    torch.set_num_threads(parent.threads)
    try:
        state = state_at(parent.config, values["step"], parent.plan, parent.start())
    finally:
        torch.set_num_threads(threads)
    state = _moved(state, parent.config, config)
    if values["rate"] is not None:
        state["lr"] = values["rate"]
    # The run compares the parent's environment with its own, and says where it is not the same.
    metadata = {"environment": values["environment"] or None}
    run_files.save_start(folder, Checkpoint(config, state, metadata))


def own_rate(folder: Path) -> float | None:
    """Return the rate that a branch was given; None for one that keeps its parent's, and for a run that is no branch.

    Args:
        folder: the run's.
    """
    if not (folder / _FILE).exists():
        return None
    rate: float | None = json.loads((folder / _FILE).read_text())["rate"]
    return rate


def _changed(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    spec = OPTIMIZERS.get(changes.get("optimizer", config.optimizer))
    if spec is None or changes.get("optimizer", config.optimizer) == config.optimizer:
        return replace(config, **changes)
    # One rate for all would compare the rate and not the optimizers.
    own = {"lr": spec.lr, "weight_decay": spec.default_weight_decay, "optimizer_params": {}}
    return replace(config, **{**own, **changes})


def _place(step: int, before: RunConfig, after: RunConfig) -> int:
    """Return the place of a step of one config in the other's numbering: as many epochs along."""
    old, new = before.span.steps_per_epoch, after.span.steps_per_epoch
    return step if old == new else step // old * new


def _moved(state: dict[str, Any], before: RunConfig, after: RunConfig) -> dict[str, Any]:
    """Return the parent's state as one of the branch; with other steps per epoch it must be at an epoch's start."""
    moved: dict[str, Any] = {"step": _place(state["step"], before, after)}
    history = [[_place(step, before, after), loss] for step, loss in state["history"]]
    if before.optimizer != after.optimizer:
        network = Network()
        moved["optimizers"] = Stepper(after, network, flatten(network)).state()
    return {**state, **moved, "history": history}
