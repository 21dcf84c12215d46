"""Runs saved as models, and whole models continued as runs."""

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
class SaveableRun:
    """Run, or its epoch of the lowest validation loss, that can be saved, with its file."""

    run: Run
    path: Path
    best: bool = False

    @property
    def label(self) -> str:
        run = self.run
        return f"{run_line(run)} · at its lowest validation loss" if self.best else run_choice(run)

    @property
    def name(self) -> str:
        """Suggested name, in the characters that a name may have."""
        named = re.sub(r"[^A-Za-z0-9 _.-]+", "-", self.run.name).strip("-. ")[:40] or self.run.config.optimizer
        return f"{named}-{self.run.number}{'-best' if self.best else ''}"


def with_parameters() -> list[SaveableRun]:
    """List the latest runs that have parameters, newest first; each run's last ones, and those of its lowest loss."""
    service, choices = lab.service(), []
    for run in service.runs(RECENT):
        if path := service.parameters_file(run.id):
            choices.append(SaveableRun(run, path))
        if path := service.best_file(run.id):
            choices.append(SaveableRun(run, path, best=True))
    return choices


def with_checkpoint() -> list[SaveableRun]:
    """List the latest runs that can be saved as they stand, newest first."""
    service = lab.service()
    return [SaveableRun(run, path) for run in service.runs(RECENT) if (path := service.checkpoint_file(run.id))]


def keep(choice: SaveableRun, name: str, notes: str = "") -> Model:
    """Save it to the library.

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
    return pictures.library().keep(kept, name, notes=notes, origin=origin)


def go_on(model: Model, epochs: int) -> str | None:
    """Start a run that continues a whole model; return its id, or None, with a notice, if it was refused.

    Args:
        epochs: number of the whole run, finished epochs included.
    """
    try:
        checkpoint = pictures.library().open(model.name).checkpoint
        if checkpoint is None:
            raise ValueError("Only a whole model can be continued; this file has the parameters alone.")
        config = checkpoint.continued(epochs)
    except notices.REFUSALS as error:
        notices.refuse(error)
        return None
    return starting.run(
        config,
        f"{model.name}, continued",
        parent=model.run if lab.service().run(model.run) else None,
        start=checkpoint,
    )
