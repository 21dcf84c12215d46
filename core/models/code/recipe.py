"""All that code needs to know of a run: its settings, the rates set by hand, where it ended, and its figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.hyperparameters import counted
from core.training.config import RunConfig


@dataclass(frozen=True)
class Recipe:
    """A run to be written out.

    Args:
        title: "Run #12", or a model's name; no text of a visitor, which could end a string of the code.
        config: its settings.
        steps: number of steps that it had; None for all that the settings give it.
        plan: learning rates set by hand, each with its step; at step 0, that with which it went on from what is not
            known.
        losses: the lab's losses of the first steps that its weights had, those of ``before`` first.
        last_rate: the lab's learning rate of its last step, if the run has ended.
        test_accuracy: from 0 to 1, if the run is over.
        fall: the most that its validation accuracy fell from one of the last epochs to the next, from 0 to 1.
        diverged: whether its loss, or a weight, stopped being finite in its last step.
        first_step: the number of steps that its weights had had when it began.
        origin: "run #3 after 1,500 steps": what it left or went on from; "" if it began anew.
        before: the recipe of that, up to there; None where it is not known.
        own_rate: the rate that its schedule starts from; None for the one of its settings, or where it goes on from
            another run, for the one that this had there.
    """

    title: str
    config: RunConfig
    steps: int | None = None
    plan: Sequence[tuple[int, float]] = ()
    losses: Sequence[float] = ()
    last_rate: float | None = None
    test_accuracy: float | None = None
    fall: float = 0.0
    diverged: bool = False
    first_step: int = 0
    origin: str = ""
    before: "Recipe | None" = None
    own_rate: float | None = None

    @property
    def settings(self) -> str:
        """The settings in words, on one line."""
        config = self.config
        batch = "all images in one batch" if config.batch_size == "full" else f"batches of {config.batch_size}"
        parts = [
            f"{config.optimizer_spec.label} with a learning rate of {config.lr:g}",
            f"{config.schedule_spec.label.lower()} schedule",
            batch,
            counted(config.epochs, "epoch"),
        ]
        return ", ".join(parts)

    @property
    def way(self) -> list["Recipe"]:
        """The runs that its weights have been through as far as they are known, this one last."""
        return [*(self.before.way if self.before else ()), self]

    @property
    def whole(self) -> bool:
        """True if all that its weights have been through is known."""
        return not self.origin or self.before is not None

    @property
    def beginning(self) -> str:
        """A sentence on a run that did not begin anew, or ""."""
        if not self.origin:
            return ""
        if self.before:
            return f"It goes on from {self.origin}, which is trained first."
        rates = ", where its schedule begins anew" if self.config.schedule_spec.reacts else ", at its learning rates"
        return (
            f"The lab's run went on from {self.origin}, whose weights are not in this file: it trains the same "
            f"settings from the first weights{rates}, so its figures are others."
        )


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
