"""From a run to a model, and from a whole model to a run that goes on."""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.files import read_ordinary
from core.models.checkpoints import LARGEST_CHECKPOINT
from core.models.library import Model, opened
from core.runs.store import Run
from dashboard import lab, notices, starting
from dashboard.views.models import pictures
from dashboard.words import run_choice, run_line

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
        return f"{run_line(run)} · best epoch" if self.best else run_choice(run)

    @property
    def name(self) -> str:
        """What it would be called: in the characters that a name may have."""
        named = re.sub(r"[^A-Za-z0-9 _.-]+", "-", self.run.name).strip("-. ")[:40] or self.run.config.optimizer
        return f"{named}-{self.run.number}{'-best' if self.best else ''}"


def with_parameters() -> list[Choice]:
    """The latest runs that have parameters, newest first; each run's last ones, and those of its best epoch."""
    service, choices = lab.service(), []
    for run in service.runs(RECENT):
        if path := service.parameters_file(run.id):
            choices.append(Choice(run, path))
        if path := service.best_file(run.id):
            choices.append(Choice(run, path, best=True))
    return choices


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
    model = opened(read_ordinary(choice.path, LARGEST_CHECKPOINT))
    step = model.metadata["metrics"]["step"]
    epoch, within = divmod(step, run.config.span.steps_per_epoch)
    where = f"step {step:,}, in epoch {epoch + 1}" if within else f"the end of epoch {epoch}"
    origin = f"run {run_line(run)}, {where}"
    epochs = [asdict(epoch) for epoch in lab.service().history(run.id).epochs]
    metadata = {**model.metadata, "run": run.id, "history": epochs}
    kept = replace(model, metadata=metadata)
    owner = pictures.owner() or run.owner_name
    return pictures.library().keep(kept, name, owner=owner, notes=notes, origin=origin)


def go_on(model: Model, epochs: int) -> str | None:
    """Start a run that goes on from a whole model; returns its id, or None if it was refused, with a notice.

    Args:
        epochs: of the run in all, those that are over among them.
    """
    try:
        checkpoint = pictures.library().open(model.name).checkpoint
        if checkpoint is None:
            raise ValueError("Training goes on from a whole model, and this file holds parameters alone.")
        start = checkpoint.continued(epochs)
    except notices.REFUSALS as error:
        notices.refuse(error)
        return None
    return starting.run(
        start.config,
        f"{model.name}, continued",
        parent=model.run if lab.service().run(model.run) else None,
        start=start,
    )
