"""Length of a run in epochs and steps, and the losses at the ends of its epochs so far."""

from collections.abc import Sequence
from dataclasses import dataclass

#: (step reached, loss) at the end of each epoch so far. The trainer appends to it; only a schedule that reacts to the
#: loss reads it. So such a schedule is a function of the step too, and a resumed run continues it exactly.
History = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Span:
    """The length of a run: ``epochs`` of ``steps_per_epoch`` steps each."""

    epochs: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def epoch(self, step: int) -> float:
        """Return the place of a step in epochs, from 0."""
        return step / self.steps_per_epoch

    @property
    def stalled(self) -> History:
        """The history of a loss that never improves: what can be foreseen of a schedule that reacts to the loss."""
        return [((epoch + 1) * self.steps_per_epoch, 1.0) for epoch in range(self.epochs)]

    def progress(self, step: int) -> float:
        """Return the place of a step in the run, from 0 at the first step to 1 at the last."""
        return min(1.0, step / max(1, self.steps - 1))
