"""From a run to a model, and from a whole model to a run that goes on."""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core import devices
from core.files import read_ordinary
from core.models.checkpoints import LARGEST_CHECKPOINT, Checkpoint
from core.models.library import Model, opened
from core.runs.store import Run
from dashboard import lab, visitors
from dashboard.views.models import pictures
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
    origin = f"run #{run.number} ({run_label(run)}), {where}"
    epochs = [asdict(epoch) for epoch in lab.service().history(run.id).epochs]
    metadata = {**model.metadata, "run": run.id, "history": epochs}
    kept = replace(model, metadata=metadata)
    owner = pictures.owner() or run.owner_name
    return pictures.library().keep(kept, name, owner=owner, notes=notes, origin=origin)


def go_on(model: Model, epochs: int) -> str:
    """Start a run that goes on from a whole model; returns its id.

    Args:
        epochs: of the run in all, those that are over among them.

    Raises:
        ValueError: if the model is gone, or is not a whole one, or the run cannot be started.
    """
    checkpoint = pictures.library().open(model.name).checkpoint
    if checkpoint is None:
        raise ValueError("Training goes on from a whole model, and this file holds parameters alone.")
    service, visitor = lab.service(), visitors.visitor()
    config = replace(checkpoint.config, epochs=epochs, device=_device(checkpoint.config.device))
    if stopped_early(checkpoint):
        config = replace(config, patience=0)
    parent = model.run if service.run(model.run) else None
    return service.submit(
        config,
        f"{model.name}, continued",
        visitor.id,
        visitor.name,
        parent=parent,
        start=replace(checkpoint, config=config),
    )


def stopped_early(checkpoint: Checkpoint) -> bool:
    """Whether its run was at the end of its patience: one that goes on needs to have it switched off."""
    losses = [loss for _, loss in checkpoint.state["history"]]
    patience = checkpoint.config.patience
    return bool(patience and losses) and len(losses) - 1 - losses.index(min(losses)) >= patience


def _device(name: str) -> str:
    """The device, or the best that this machine has in its place."""
    try:
        devices.resolve(name)
    except ValueError:
        return "auto"
    return name
