"""The one fold of a run's events: their meaning after stops, resumes, divergence, and parts that were trained twice.

Rows, curves, figures, exports, replays and saved models read it. The browser has a fold of its own, ``run.js``, since
its curves grow without script runs; ``tests/fixtures/event_logs.json`` holds the two equal.
"""

import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.runs.states import sets_rate
from core.training.events import EpochDone, Event

Array = NDArray[np.float64]
#: An event as ``Event.to_dict`` gives it, recorded (with its time, ``at``) or sent to viewers (with ``seq``).
Body = Mapping[str, Any]

#: Points of the small curve in tables of runs.
CURVE_POINTS = 32
_EPOCH_FIELDS = tuple(field.name for field in fields(EpochDone))
_ENDS = ("Diverged", "StoppedEarly", "RunFinished")


class History:
    """A run up to its latest event.

    Attributes:
        step: number of steps that the network's parameters have had; when a diverged run has ended, those to which its
            parameters went back.
        epoch: number of epochs that are over.
        total_steps, steps_per_epoch, train_images: sizes of the run; 0 before it has started.
        images_per_second: of its steps by themselves; None before the first.
    """

    def __init__(self, events: Iterable[Event | Body] = ()) -> None:
        self.step = self.epoch = 0
        self.total_steps = self.steps_per_epoch = self.train_images = 0
        # 8 bytes per value: a million steps as lists of floats would take 100 MB of a server.
        self._steps, self._losses, self._rates = array("q"), array("d"), array("d")
        self._events: defaultdict[str, list[Body]] = defaultdict(list)
        #: Rates set by hand at steps that a resume made void, in order: they are set again when these steps come again,
        #: unless a person sets another one before.
        self._to_come: list[tuple[int, float]] = []
        self._summed = 0
        self.images_per_second: float | None = None
        #: Images of steps, and their seconds, without the first block after a start, in which a machine warms up.
        self._taken, self._warm = [0.0, 0.0], False
        self._forget_small_curve()
        for event in events:
            self.add(event)

    def add(self, event: Event | Body) -> None:
        """Go on by one event, in the order in which they were recorded.

        Of steps thinned for viewers, a step's loss is the mean of its group, which is what the curves show.
        """
        body = event.to_dict() if isinstance(event, Event) else event
        match body["event"]:
            case "StepsDone":
                self._add_steps(body)
                return
            case "RunStarted":
                self.total_steps, self.steps_per_epoch = body["steps"], body["steps_per_epoch"]
                self.train_images = body["train_images"]
            case "Resumed":
                self._go_back(body["step"], body["epoch"])
            case "EpochDone":
                self.epoch = body["epoch"] + 1
            case "RunFinished":
                self.step = body["step"]
            case "CommandApplied" if rate := _rate_by_hand(body):
                # Any other than the next of these is a person's.
                self._to_come = self._to_come[1:] if [rate] == self._to_come[:1] else []
        self._events[body["event"]].append(body)

    def of(self, kind: str) -> list[Body]:
        """Return the valid events of this kind, in order; not for ``StepsDone``, whose values are in the arrays."""
        return list(self._events.get(kind, ()))

    @property
    def steps(self) -> NDArray[np.int64]:
        """(n,) the steps of ``losses`` and ``learning_rates``, ascending from 0; thinned ones have gaps."""
        return np.array(self._steps, dtype=np.int64)

    @property
    def losses(self) -> Array:
        """(n,) each step's mean loss; may be NaN or infinite."""
        return np.array(self._losses)

    @property
    def learning_rates(self) -> Array:
        """(n,) each step's learning rate."""
        return np.array(self._rates)

    @property
    def epochs(self) -> list[EpochDone]:
        """The epochs that are over; a run that began from another's checkpoint lacks the first ones."""
        return [_epoch(body) for body in self._events["EpochDone"]]

    @property
    def best(self) -> EpochDone | None:
        """The epoch with the highest validation accuracy, the first of equals; None without one."""
        best = self._best()
        return _epoch(best) if best else None

    @property
    def train_loss(self) -> float | None:
        """The training loss so far: the mean over the last epoch that is over, before that over the steps so far.

        None without a step; from a viewer's messages also where it is not finite.
        """
        if self._events["EpochDone"]:
            loss: float | None = self._last("EpochDone", "train_loss")
            return loss
        return sum(self._losses) / len(self._losses) if self._losses else None

    @property
    def plan(self) -> list[tuple[int, float]]:
        """The learning rates that were set by hand: (step, learning rate)."""
        return list(filter(None, map(_rate_by_hand, self._events["CommandApplied"])))

    @property
    def planned(self) -> list[tuple[int, float]]:
        """The learning rates for a run that goes on: those of ``plan``, and those at steps that come again."""
        return sorted([*self.plan, *self._to_come], key=itemgetter(0))

    @property
    def diverged(self) -> int | None:
        """The step whose loss, or after which a weight, was not finite."""
        step: int | None = self._last("Diverged", "step")
        return step

    @property
    def test_accuracy(self) -> float | None:
        """From 0 to 1; None until the run is over."""
        accuracy: float | None = self._last("RunFinished", "test_accuracy")
        return accuracy

    @property
    def seconds(self) -> float | None:
        """Seconds of training; None until the run is over."""
        seconds: float | None = self._last("RunFinished", "seconds")
        return seconds

    @property
    def small_curve(self) -> list[float | None]:
        """Means of the finite losses over ``CURVE_POINTS`` equal shares of the run; None for those without one."""
        # Only of the steps since the last call: the table of runs asks every second.
        new = slice(self._summed, len(self._steps))
        if new.start < new.stop:
            steps, losses = np.array(self._steps[new]), np.array(self._losses[new])
            places = steps[finite := np.isfinite(losses)] * CURVE_POINTS // self.total_steps
            self._sums += np.bincount(places, losses[finite], CURVE_POINTS)
            self._counts += np.bincount(places, minlength=CURVE_POINTS)
            self._summed = new.stop
        pairs = zip(self._sums.tolist(), self._counts.tolist(), strict=True)
        return [float(f"{total / count:.4g}") if count else None for total, count in pairs]

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the run's row in the store that come from its events."""
        last, best = self._last("EpochDone", "validation_accuracy"), self._best()
        return {
            "step": self.step,
            "epoch": self.epoch,
            "validation_accuracy": last,
            "best_validation_accuracy": best["validation_accuracy"] if best else None,
            "test_loss": self._last("RunFinished", "test_loss"),
            "test_accuracy": self.test_accuracy,
            "seconds": self.seconds,
            "curve": self.small_curve,
        }

    def _add_steps(self, body: Body) -> None:
        before = self.step
        if "steps" in body:
            steps, losses, self.step = body["steps"], body["means"], body["step"]
        else:
            losses = body["losses"]
            self.step = body["first_step"] + len(losses)
            steps = list(range(body["first_step"], self.step))
        try:
            self._losses.fromlist(losses)
        except TypeError:
            # JSON for browsers has null where a loss is not finite.
            self._losses.fromlist([math.nan if loss is None else loss for loss in losses])
        self._steps.fromlist(steps)
        self._rates.fromlist(body["learning_rates"])
        if speed := body.get("images_per_second"):
            self._measure(self.step - before, speed)

    def _measure(self, steps: int, images_per_second: float) -> None:
        """Take the speed of so many steps."""
        if self._warm and self.steps_per_epoch:
            images = steps * self.train_images / self.steps_per_epoch
            self._taken = [self._taken[0] + images, self._taken[1] + images / images_per_second]
        self._warm = True
        self.images_per_second = self._taken[0] / self._taken[1] if self._taken[1] else images_per_second

    def _go_back(self, step: int, epoch: int) -> None:
        """Drop the events that a ``Resumed`` makes void: their steps and epochs come again."""
        count = bisect_left(self._steps, step)
        for values in (self._steps, self._losses, self._rates):
            del values[count:]
        if count < self._summed:
            self._forget_small_curve()
        # By number, not by place: a run that began from another's checkpoint has no first epochs. An epoch can be void
        # though its last step is not, where the checkpoint was taken between the two.
        self._events["EpochDone"] = [body for body in self._events["EpochDone"] if body["epoch"] < epoch]
        applied = self._events["CommandApplied"]
        void = filter(None, (_rate_by_hand(body) for body in applied if body["step"] >= step))
        self._to_come = [*void, *self._to_come]
        self._events["CommandApplied"] = [body for body in applied if body["step"] < step]
        for kind in _ENDS:
            self._events[kind].clear()
        self.step, self.epoch, self._warm = step, epoch, False

    def _forget_small_curve(self) -> None:
        self._sums, self._counts = np.zeros(CURVE_POINTS), np.zeros(CURVE_POINTS, np.int64)
        self._summed = 0

    def _best(self) -> Body | None:
        validated = [body for body in self._events["EpochDone"] if body["validation_accuracy"] is not None]
        return max(validated, key=lambda body: body["validation_accuracy"], default=None)

    def _last(self, kind: str, name: str) -> Any:
        bodies = self._events.get(kind)
        return bodies[-1][name] if bodies else None


def _rate_by_hand(body: Body) -> tuple[int, float] | None:
    return (body["step"], body["value"]) if sets_rate(body) else None


def _epoch(body: Body) -> EpochDone:
    return EpochDone(**{name: body[name] for name in _EPOCH_FIELDS})
