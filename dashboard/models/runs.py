"""From a run to a model, and from a whole model to a run that goes on."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from core.library import Model, opened
from core.runs.store import Run
from dashboard import lab
from dashboard.models import pictures
from dashboard.words import percent, run_label

RECENT = 200


@dataclass(frozen=True)
class Choice:
    """A run, or its best epoch, that can be saved: its file, and where in the run that is from."""

    run: Run
    path: Path
    best: bool = False

    @property
    def label(self) -> str:
        run = self.run
        figure = f" · {percent(run.test_accuracy)} test" if run.test_accuracy is not None and not self.best else ""
        return f"#{run.number} {run_label(run)}{' · best epoch' if self.best else ''}{figure}"

    @property
    def name(self) -> str:
        """What it would be called: in the characters that a name may have."""
        named = re.sub(r"[^A-Za-z0-9 _.-]+", "-", self.run.name).strip("-. ")[:40] or self.run.config.optimizer
        return f"{named}-{self.run.number}{'-best' if self.best else ''}"


def with_parameters() -> list[Choice]:
    """The latest runs that have parameters, newest first."""
    service = lab.service()
    return [Choice(run, path) for run in service.runs(RECENT) if (path := service.parameters_file(run.id))]


def with_checkpoint() -> list[Choice]:
    """The latest runs that can be saved as they stand, newest first."""
    service = lab.service()
    return [Choice(run, path) for run in service.runs(RECENT) if (path := service.checkpoint_file(run.id))]


def keep(choice: Choice, name: str, notes: str = "") -> Model:
    """Put it into the library.

    Raises:
        ValueError: as ``Library.keep`` does, or if the run's file is gone.
    """
    run = choice.run
    model = opened(choice.path.read_bytes())
    step = model.step if model.step is not None else run.step
    origin = f"run #{run.number} ({run_label(run)}), step {step:,}"
    metadata = {**model.metadata, "run": run.id, "history": _history(run.id)}
    return pictures.library().keep(
        replace(model, metadata=metadata), name, owner=run.owner_name, notes=notes, origin=origin
    )
