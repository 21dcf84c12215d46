"""The request for a replay of a run: all that its parameters at every step depend on."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.runs import run_files
from core.runs.history import History
from core.runs.store import Run
from core.training.config import RunConfig

#: The recorded events that a request is read from: few, and so read fast.
EVENTS = ("Resumed", "CommandApplied", "RunFinished")


@dataclass(frozen=True)
class ReplayRequest:
    """A run as it is to be trained again.

    Args:
        run_id: opaque.
        config: the run's.
        end: the run's last step.
        plan: the learning rates that were set by hand: (step, learning rate).
        folder: of the run's files.
        threads: of the CPU; the run's own, since the bits of a replay depend on them.
        node: of a cluster, that trained the run, since they depend on it, too; "" for the lab's own machine.
    """

    run_id: str
    config: RunConfig
    end: int
    plan: tuple[tuple[int, float], ...]
    folder: Path
    threads: int
    node: str = ""

    @classmethod
    def of(cls, run: Run, events: Iterable[dict[str, Any]], folder: Path, threads: int) -> "ReplayRequest":
        """Request for a run that is over or paused.

        Args:
            events: at least the run's ``EVENTS``, in order.
            threads: for a run of which it is not known with how many it was trained.

        Raises:
            ValueError: if the run still trains, or has not taken a step.
        """
        if run.going:
            raise ValueError(f"Run #{run.number} is still training; it can be replayed when it ends.")
        if run.step == 0 or run.started is None:
            raise ValueError(f"Run #{run.number} has not taken a step.")
        history = History(events)
        # A diverged run goes back to its last finite parameters; rows of older labs have the step of the divergence.
        end = history.step if history.of("RunFinished") else run.step
        environment = {"threads": threads, "node": "", **run.environment}
        return cls(run.id, run.config, end, tuple(history.plan), folder, environment["threads"], environment["node"])

    @property
    def name(self) -> str:
        """Name of the run's state: another one after a resume, or where rates were set by hand differently."""
        digest = hashlib.sha256(json.dumps(self.plan).encode()).hexdigest()[:8]
        return f"{self.end}-{digest}" if self.plan else str(self.end)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "config": self.config.to_dict(), "folder": str(self.folder)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ReplayRequest":
        """Inverse of ``to_dict``."""
        plan = tuple((step, rate) for step, rate in values["plan"])
        config, folder = RunConfig.from_dict(values["config"]), Path(values["folder"])
        return cls(**{**values, "config": config, "folder": folder, "plan": plan})

    def start(self) -> dict[str, Any] | None:
        """State that the run began with, where it went on from another one."""
        return run_files.start_state(self.folder)
