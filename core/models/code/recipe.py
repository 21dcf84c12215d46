"""All that code needs to know of a run: its settings, the rates set by hand, where it ended, and its figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.training.config import RunConfig


@dataclass(frozen=True)
class Recipe:
    """A run to be written out.

    Args:
        title: "Run #12", or a model's name; no text of a visitor, which could end a string of the code.
        config: its settings.
        steps: number of steps that it had; None for all that the settings give it.
        plan: learning rates set by hand, each with its step.
        losses: the lab's loss of some of its steps, by step.
        train_loss: the lab's mean loss of its last whole epoch, if it had one.
        test_accuracy: from 0 to 1, if the run is over.
        diverged: whether its loss, or a weight, stopped being finite in its last step.
    """

    title: str
    config: RunConfig
    steps: int | None = None
    plan: Sequence[tuple[int, float]] = ()
    losses: Mapping[int, float] = field(default_factory=dict)
    train_loss: float | None = None
    test_accuracy: float | None = None
    diverged: bool = False

    @property
    def settings(self) -> str:
        """The settings in words, on one line."""
        config = self.config
        batch = "all images in one batch" if config.batch_size == "full" else f"batches of {config.batch_size}"
        parts = [
            f"{config.optimizer_spec.label} with a learning rate of {config.lr:g}",
            f"{config.schedule_spec.label.lower()} schedule",
            batch,
            f"{config.epochs} epoch{'' if config.epochs == 1 else 's'}",
        ]
        return ", ".join(parts)


@dataclass(frozen=True)
class Section:
    """A part of the code.

    Args:
        title: a line of text.
        text: what it does, in a sentence or two.
        code: Python, without a line break at its end.
    """

    title: str
    text: str
    code: str
