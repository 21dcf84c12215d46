"""Events of a training run: typed, frozen, JSON both ways, one line each."""

import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Base of all events. Steps count from 0 over the whole run, epochs from 0."""

    kinds: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls) -> None:
        Event.kinds[cls.__name__] = cls

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, and ``event``: the class's name. Losses may be NaN or infinite."""
        return {"event": type(self).__name__, **asdict(self)}

    def to_json(self) -> str:
        """Return one line of JSON, not strict: NaN and infinities are as Python's ``json`` writes them."""
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "Event":
        """Make an event from what ``to_dict`` returned."""
        fields = dict(values)
        return Event.kinds[fields.pop("event")](**fields)


@dataclass(frozen=True)
class RunStarted(Event):
    """The run's size and where it runs: ``device`` is the torch device, ``threads`` the CPU threads, ``node`` the
    machine of a cluster, "" for the lab's own."""

    steps: int
    steps_per_epoch: int
    epochs: int
    train_images: int
    validation_images: int
    device: str
    threads: int
    node: str = ""


@dataclass(frozen=True)
class StepsDone(Event):
    """A block of consecutive steps: each step's mean loss before the step, and the rate it used."""

    first_step: int
    losses: list[float]
    learning_rates: list[float]
    images_per_second: float


@dataclass(frozen=True)
class EpochDone(Event):
    """One epoch. Training figures are means over its batches while the network was still changing;
    validation figures are of the epoch's end, None without a validation split. Accuracies are from 0 to 1.
    """

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class CommandApplied(Event):
    """A command took effect before ``step``: ``stop``, ``pause``, or ``learning_rate`` with its value."""

    step: int
    command: str
    value: float | None = None


@dataclass(frozen=True)
class Paused(Event):
    """The run was left before ``step``, to go on later."""

    step: int


@dataclass(frozen=True)
class Resumed(Event):
    """The run goes on from ``step`` steps and ``epoch`` whole epochs.

    All earlier events of steps from ``step`` on, or epochs from ``epoch`` on, are void: they come again. ``exact`` is
    True if they come again bit for bit; where not, or where something was lost, ``message`` gives the reason.
    """

    step: int
    epoch: int
    exact: bool
    message: str = ""


@dataclass(frozen=True)
class Checkpointed(Event):
    """The run after ``step`` steps is on disk, under ``name`` in its folder: its parameters, or all of it."""

    step: int
    name: str


@dataclass(frozen=True)
class Diverged(Event):
    """The loss of ``step``, or the weights after it, are not finite; the parameters are back at those
    after ``restored_step`` steps, the last that were checked and kept.
    """

    step: int
    learning_rate: float
    restored_step: int


@dataclass(frozen=True)
class StoppedEarly(Event):
    """The run ends after ``step`` steps, before its last epoch: since ``best_epoch``, whose validation loss was
    ``validation_loss``, as many epochs as the config's patience brought none that is lower.
    """

    step: int
    best_epoch: int
    validation_loss: float


@dataclass(frozen=True)
class RunFinished(Event):
    """The last event. ``reason`` is finished, stopped or diverged; the test figures are of the parameters
    that the run ends with; ``seconds`` is the training time without the test."""

    reason: str
    step: int
    test_loss: float
    test_accuracy: float
    seconds: float

    @property
    def can_go_on(self) -> bool:
        """True if the state that the run ends with is one that training can go on from."""
        # Of a diverged run, the loss that the epoch has summed up is no number.
        return self.reason != "diverged"
