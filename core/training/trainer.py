"""Training: ``train(config)`` yields the events of a run as it happens.

The loop is the fast path: on the CPU, compiled products with the inked pixels alone (``SparseGradient``) and compiled
optimizer steps; elsewhere uint8 images live on the device, are gathered a batch at a time into buffers that are made
once, and the gradient is written out (``HandGradient``). Losses stay on the device until a block of steps is over.
Nothing inside a block waits for the device.
"""

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core import data, devices
from core.analysis.evaluation import evaluate
from core.training import early_stopping
from core.training import state as run_state
from core.training.batches import Batches, Reading
from core.training.commands import Command, Pause, Plan, SetLearningRate
from core.training.config import RunConfig
from core.training.events import (
    CommandApplied,
    Diverged,
    EpochDone,
    Event,
    Paused,
    RunFinished,
    RunStarted,
    StepsDone,
    StoppedEarly,
)
from core.training.network import Network, by_pixel, by_unit, flatten, image_losses, parameter_shapes
from core.training.stepper import Stepper, steps_by_ink

Clock = Callable[[], float]

#: Length of a block of steps: short enough for live curves and quick commands.
BLOCK_SECONDS = 0.05
#: Most images whose logits a block keeps, unless one batch has more; bounds its memory.
BLOCK_IMAGES = 65_536
#: The parameters are checked and copied at multiples of this many steps and at the end of an epoch, not when a block
#: happens to end: so a diverged run goes back to the same parameters however fast the machine is.
KEPT_STEPS = 256


Events = Generator[Event, Command | None, None]


def train(config: RunConfig, mnist: data.Mnist | None = None, clock: Clock = time.perf_counter) -> Events:
    """Yield the events of a run. To steer it, ``send`` a ``Command`` instead of calling ``next``.

    Raises:
        ValueError: if this machine does not have the config's device.
        DataError: if MNIST cannot be read.
    """
    return Trainer(config, mnist, clock).events()


@dataclass
class _Block:
    """Consecutive steps, and their figures, read from the device once when they are over."""

    first_step: int
    learning_rates: list[float]
    losses: list[float]
    hits: int
    images: int
    seconds: float


class Trainer:
    """One run: its network, its optimizers, and its place in the schedule.

    Args:
        config: everything that decides the run, but for the commands sent while it trains.
        mnist: read from the data folder unless given.
        clock: seconds; nothing but blocks and reported times depend on it.
        plan: learning rates to set at given steps, so that a run with changed rates can be replayed. A
            ``SetLearningRate`` takes the place of those to come.

    Attributes:
        network: trained in place; after the last event it holds the run's parameters. The first layer's weights lie
            transposed in memory, so ``core.training.network.to_flat`` makes one vector of them and ``view`` does not.
        step: number of steps that the parameters have had.
        epoch: number of epochs that are over.
        pause_at: the step before which ``events`` ends with ``Paused``; None for none.

    Raises:
        ValueError: if this machine does not have the config's device.
        DataError: if MNIST cannot be read.
    """

    def __init__(
        self,
        config: RunConfig,
        mnist: data.Mnist | None = None,
        clock: Clock = time.perf_counter,
        plan: Plan = (),
    ) -> None:
        self.config = config
        self.step = self.epoch = 0
        self.pause_at: int | None = None
        self.device = devices.resolve(config.device)
        self.network = Network(config.seed, config.initialization).to(self.device)
        mnist = mnist or data.load()
        train_digits, validation = config.split(mnist)
        self._train = train_digits.to(self.device)
        self._validation = validation.to(self.device)
        self._test = mnist.test.to(self.device)
        self._clock = clock
        self._plan = list(plan)
        self._history: list[tuple[int, float]] = []
        self._flat = flatten(self.network)
        self._stepper = Stepper(config, self.network, self._flat)
        self._set_learning_rate(config.lr)
        self._batches = Batches(config, self._train, steps_by_ink(self.device))
        self._open: Reading | None = None
        self._outputs = torch.empty(max(BLOCK_IMAGES, config.images_per_step), data.CLASSES, device=self.device)
        self._weights = self._flat.detach()
        self._finite = self._weights.clone()
        self._finite_step = 0
        self._stopping = False
        self._loss_sum, self._hits = 0.0, 0
        self._run_started = self._epoch_started = clock()

    @property
    def lr(self) -> float:
        """Rate that the schedule starts from: the config's, or what it was set to since."""
        return self._lr

    @property
    def best_epoch(self) -> int | None:
        """Epoch with the lowest validation loss so far, the first of equals; None without one."""
        return early_stopping.best_epoch(self.config, self._history)

    @property
    def out_of_patience(self) -> bool:
        """True if the run is to end early: too many epochs have passed since the best one."""
        return early_stopping.out_of_patience(self.config, self._history)

    def events(self) -> Events:
        """Yield the rest of the run, from ``RunStarted`` to ``RunFinished`` or ``Paused``."""
        yield from self._emit(
            RunStarted(
                steps=self.config.span.steps,
                steps_per_epoch=self.config.span.steps_per_epoch,
                epochs=self.config.epochs,
                train_images=len(self._train),
                validation_images=len(self._validation),
                device=str(self.device),
                threads=torch.get_num_threads(),
            )
        )
        reason = None
        while self.epoch < self.config.epochs and not reason and not self.out_of_patience:
            reason = yield from self._epoch()
        if not reason and self.epoch < self.config.epochs and (best := self.best_epoch) is not None:
            yield from self._emit(StoppedEarly(self.step, best, self._history[best][1]))
        if reason == "paused":
            left = self._clock()
            yield Paused(self.step)
            away = self._clock() - left
            self._run_started, self._epoch_started = self._run_started + away, self._epoch_started + away
            return
        seconds = self._clock() - self._run_started
        test = evaluate(self.network, self._test, self.config.loss)
        yield RunFinished(reason or "finished", self.step, test.loss, test.accuracy, seconds)

    def state(self) -> dict[str, Any]:
        """Return the state between two events: JSON values and tensors, which are copies on the CPU.

        With the config it is all that decides the rest of the run. There is no random generator in it: the order of
        an epoch and its distortions are functions of the seed and the epoch.
        """
        now = self._clock()
        parameters = {name: by_unit(tensor.to("cpu", copy=True)) for name, tensor in self.network.state_dict().items()}
        return {
            **parameters,
            "kept": by_unit(self._finite.to("cpu")),
            "kept_step": self._finite_step,
            "optimizers": self._stepper.state(),
            "step": self.step,
            "epoch": self.epoch,
            "lr": self._lr,
            "history": [list(point) for point in self._history],
            "loss_sum": self._loss_sum,
            "hits": self._hits,
            "seconds": now - self._run_started,
            "epoch_seconds": now - self._epoch_started,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go to the place where ``state`` was taken, in a run of the same config; ``events`` then goes on from there.

        Raises:
            ValueError: one sentence on what does not fit this run; the trainer must then not be used.
        """
        run_state.check(state, self.config)
        self._stepper.restore(state.get("optimizers"))
        self.network.load_state_dict({name: state[name] for name in parameter_shapes()})
        self._finite.copy_(by_pixel(state["kept"]))
        self._finite_step = state["kept_step"]
        self.step, self.epoch = state["step"], state["epoch"]
        self._history[:] = [(step, loss) for step, loss in state["history"]]
        self._set_learning_rate(state["lr"])
        self._loss_sum, self._hits = state["loss_sum"], state["hits"]
        self._open = None
        now = self._clock()
        self._run_started, self._epoch_started = now - state["seconds"], now - state["epoch_seconds"]

    def _set_learning_rate(self, lr: float) -> None:
        self._lr = lr
        config = self.config
        self._schedule = config.schedule_spec.create(
            lr, config.span, self._history, config.warmup_steps, **config.schedule_params
        )

    def _emit(self, event: Event) -> Events:
        """Yield the event; while a command comes back, apply it and yield that it was applied."""
        command = yield event
        while command is not None:
            if isinstance(command, SetLearningRate):
                # What a person says now is the latest word: it takes the place of what is planned.
                self._plan.clear()
                self._set_learning_rate(command.lr)
                applied = CommandApplied(self.step, "learning_rate", command.lr)
            elif isinstance(command, Pause):
                self.pause_at = self.step
                applied = CommandApplied(self.step, "pause")
            else:
                self._stopping = True
                applied = CommandApplied(self.step, "stop")
            command = yield applied

    def apply_plan(self) -> Events:
        """Set the learning rates that are planned up to this step; ``events`` does so before each step."""
        while self._plan and self._plan[0][0] <= self.step:
            _, lr = self._plan.pop(0)
            self._set_learning_rate(lr)
            yield from self._emit(CommandApplied(self.step, "learning_rate", lr))

    def _epoch(self) -> Generator[Event, Command | None, str | None]:
        """Train the rest of the epoch; return why the run ends with it, if it does."""
        first_step = self.epoch * self.config.span.steps_per_epoch
        end = first_step + self.config.span.steps_per_epoch
        if self.step == first_step:
            self._loss_sum, self._hits, self._epoch_started = 0.0, 0, self._clock()
        while self.step < end:
            yield from self.apply_plan()
            if self._stopping:
                return "stopped"
            if self.pause_at is not None and self.pause_at <= self.step:
                return "paused"
            if self._open is None:
                self._open = self._batches.reading(self.epoch, self.step - first_step)
            block = self._block(self._open)
            self._add_up(block)
            diverged = self._keep_finite(block)
            yield from self._emit(
                StepsDone(block.first_step, block.losses, block.learning_rates, block.images / max(block.seconds, 1e-9))
            )
            if diverged:
                yield from self._emit(diverged)
                return "diverged"
        self._open = None
        # The mean over the epoch's batches, as in Keras: an extra pass over the training images would cost a third of
        # the epoch.
        train_loss = self._loss_sum / len(self._train)
        validation = evaluate(self.network, self._validation, self.config.loss) if len(self._validation) else None
        self._history.append((self.step, validation.loss if validation else train_loss))
        self.epoch += 1
        yield from self._emit(
            EpochDone(
                epoch=self.epoch - 1,
                step=self.step,
                train_loss=train_loss,
                train_accuracy=self._hits / len(self._train),
                validation_loss=validation.loss if validation else None,
                validation_accuracy=validation.accuracy if validation else None,
                seconds=self._clock() - self._epoch_started,
            )
        )
        return None

    def _block(self, batches: Reading) -> _Block:
        """Take at least one step, until time or memory is used up, the run is to be left, or the epoch ends."""
        started, first_step = self._clock(), self.step
        until = self._plan[0][0] if self._plan else self.config.span.steps
        until = until if self.pause_at is None else min(until, self.pause_at)
        until = min(until, self.step - self.step % KEPT_STEPS + KEPT_STEPS)
        size, images, room = self.config.images_per_step, 0, len(self._outputs)
        rates: list[float] = []
        targets: list[Tensor] = []
        while not images or (images + size <= room and self.step < until and self._clock() - started < BLOCK_SECONDS):
            batch = batches.take(min(until - self.step, (room - images) // size, self._stepper.at_once))
            if batch is None:
                break
            n = len(batch.targets)
            steps = -(-n // size)
            rates += map(self._schedule, range(self.step, self.step + steps))
            self._stepper.take(batch, self._outputs[images : images + n], rates[-steps:])
            targets.append(batch.targets)
            images += n
            self.step += steps
        outputs, expected = self._outputs[:images], torch.cat(targets)
        per_image = image_losses(outputs, expected, self.config.loss)
        whole = images // size * size
        means = per_image[:whole].view(-1, size).mean(1)
        if whole < images:
            means = torch.cat((means, per_image[whole:].mean(0, keepdim=True)))
        return _Block(
            first_step=first_step,
            learning_rates=rates,
            losses=means.tolist(),
            hits=int((outputs.argmax(1) == expected.argmax(1)).sum()),
            images=images,
            seconds=self._clock() - started,
        )

    def _add_up(self, block: _Block) -> None:
        """Add the block to the epoch's sums, step by step, so that they do not depend on where blocks end."""
        size = self.config.images_per_step
        last = block.images - size * (len(block.losses) - 1)
        for loss in block.losses[:-1]:
            self._loss_sum += loss * size
        self._loss_sum += block.losses[-1] * last
        self._hits += block.hits

    def _keep_finite(self, block: _Block) -> Diverged | None:
        """Keep a copy of the parameters where that is due, if all is finite; else go back to the last copy."""
        broken = next((i for i, loss in enumerate(block.losses) if not math.isfinite(loss)), None)
        if broken is None:
            if self.step % KEPT_STEPS and self.step % self.config.span.steps_per_epoch:
                return None
            if self._weights.isfinite().all():
                self._finite.copy_(self._weights)
                self._finite_step = self.step
                return None
        last = len(block.losses) - 1 if broken is None else broken
        del block.losses[last + 1 :], block.learning_rates[last + 1 :]
        self._weights.copy_(self._finite)
        self.step = self._finite_step
        return Diverged(block.first_step + last, block.learning_rates[last], self._finite_step)
