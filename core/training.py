"""Training: ``train(config)`` yields the events of a run as it happens.

The loop is the fast path: uint8 images live on the device and are gathered a batch at a time into buffers
that are made once; the gradient is written out (``HandGradient``); losses stay on the device until a block
of steps is over. Nothing inside a block waits for the device.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core import data, devices
from core.batches import Batch, Batches
from core.config import RunConfig
from core.evaluation import evaluate
from core.events import CommandApplied, Diverged, EpochDone, Event, RunFinished, RunStarted, StepsDone
from core.network import HandGradient, Network, flatten, image_losses

Clock = Callable[[], float]

#: How long a block of steps lasts: short enough for live curves and quick commands.
BLOCK_SECONDS = 0.05
#: The most images whose answers a block keeps, unless one batch has more; bounds its memory.
BLOCK_IMAGES = 65_536
#: The parameters are checked and kept at multiples of this many steps and at the end of an epoch, not when a block
#: happens to end: so what a diverged run goes back to does not depend on the clock.
KEPT_STEPS = 256


@dataclass(frozen=True)
class Stop:
    """End the run before its next step."""


Command = Stop
Events = Generator[Event, Command | None, None]


def train(config: RunConfig, mnist: data.Mnist | None = None, clock: Clock = time.perf_counter) -> Events:
    """The events of a run. To steer it, ``send`` a ``Command`` instead of calling ``next``.

    Raises:
        ValueError: if this machine does not have the config's device.
        DataError: if MNIST cannot be read.
    """
    return Trainer(config, mnist, clock).events()


@dataclass
class _Block:
    """Consecutive steps, and what is read from the device when they are over."""

    first_step: int
    learning_rates: list[float]
    losses: list[float]
    loss_sum: float
    hits: int
    images: int
    seconds: float


class Trainer:
    """One run: its network, its optimizers, and where it stands.

    Attributes:
        network: trained in place; after the last event it holds the run's parameters.
        step: how many steps the network's parameters have had.
    """

    def __init__(self, config: RunConfig, mnist: data.Mnist | None = None, clock: Clock = time.perf_counter) -> None:
        self.config = config
        self.step = 0
        self.device = devices.resolve(config.device)
        self.network = Network(config.seed).to(self.device)
        mnist = mnist or data.load()
        train_digits, validation = mnist.split(config.validation_images)
        self._train = train_digits.to(self.device)
        self._validation = validation.to(self.device)
        self._test = mnist.test.to(self.device)
        self._clock = clock
        self._history: list[tuple[int, float]] = []
        self._schedule = config.schedule_spec.create(
            config.lr, config.span, self._history, config.warmup_steps, **config.schedule_params
        )
        self._flat = flatten(self.network)
        parameters = self.network.parameters() if config.optimizer_spec.matrices else [self._flat]
        self._optimizers = config.optimizer_spec.create(
            parameters, config.lr, config.weight_decay, **config.optimizer_params
        )
        self._groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        self._batches = Batches(config, self._train)
        self._gradient = HandGradient(self.network, config.images_per_step, config.loss)
        self._outputs = torch.empty(max(BLOCK_IMAGES, config.images_per_step), data.CLASSES, device=self.device)
        self._weights = self._flat.detach()
        self._finite = self._weights.clone()
        self._finite_step = 0
        self._stopping = False

    def events(self) -> Events:
        """The run, from ``RunStarted`` to ``RunFinished``."""
        yield from self._tell(
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
        started = self._clock()
        reason = "finished"
        for epoch in range(self.config.epochs):
            reason = yield from self._epoch(epoch)
            if reason != "finished":
                break
        seconds = self._clock() - started
        test = evaluate(self.network, self._test, self.config.loss)
        yield RunFinished(reason, self.step, test.loss, test.accuracy, seconds)

    def _tell(self, event: Event) -> Events:
        """Yield the event; while a command comes back, obey it and yield that it was obeyed."""
        command = yield event
        while command is not None:
            self._stopping = True
            command = yield CommandApplied(self.step, "stop")

    def _epoch(self, epoch: int) -> Generator[Event, Command | None, str]:
        """One epoch; returns why it ended."""
        started = self._clock()
        loss_sum, hits = 0.0, 0
        batches = self._batches.epoch(epoch)
        while not self._stopping and (block := self._block(batches)):
            loss_sum, hits = loss_sum + block.loss_sum, hits + block.hits
            diverged = self._keep_finite(block)
            yield from self._tell(
                StepsDone(block.first_step, block.losses, block.learning_rates, block.images / max(block.seconds, 1e-9))
            )
            if diverged:
                yield from self._tell(diverged)
                return "diverged"
        if self._stopping:
            return "stopped"
        train_loss = loss_sum / len(self._train)
        validation = evaluate(self.network, self._validation, self.config.loss) if len(self._validation) else None
        self._history.append((self.step, validation.loss if validation else train_loss))
        yield from self._tell(
            EpochDone(
                epoch=epoch,
                step=self.step,
                train_loss=train_loss,
                train_accuracy=hits / len(self._train),
                validation_loss=validation.loss if validation else None,
                validation_accuracy=validation.accuracy if validation else None,
                seconds=self._clock() - started,
            )
        )
        return "stopped" if self._stopping else "finished"

    def _block(self, batches: Iterator[Batch]) -> _Block | None:
        """Steps until the block's time or room is used up, or the epoch is over; None if it was over before."""
        started, first_step = self._clock(), self.step
        size, images = self.config.images_per_step, 0
        rates: list[float] = []
        targets: list[Tensor] = []
        # At least one step, however late the clock: a block without steps means that the epoch is over.
        while not images or (
            images + size <= len(self._outputs) and self.step % KEPT_STEPS and self._clock() - started < BLOCK_SECONDS
        ):
            batch = next(batches, None)
            if batch is None:
                break
            n = len(batch.images)
            rates.append(self._schedule(self.step))
            self._take_step(batch, self._outputs[images : images + n], rates[-1])
            targets.append(batch.targets)
            images += n
            self.step += 1
        if not images:
            return None
        answers, wanted = self._outputs[:images], torch.cat(targets)
        per_image = image_losses(answers, wanted, self.config.loss)
        whole = images // size * size
        means = per_image[:whole].view(-1, size).mean(1)
        if whole < images:
            means = torch.cat((means, per_image[whole:].mean(0, keepdim=True)))
        return _Block(
            first_step=first_step,
            learning_rates=rates,
            losses=means.tolist(),
            loss_sum=float(per_image.sum()),
            hits=int((answers.argmax(1) == wanted.argmax(1)).sum()),
            images=images,
            seconds=self._clock() - started,
        )

    def _take_step(self, batch: Batch, outputs: Tensor, rate: float) -> None:
        for group in self._groups:
            group["lr"] = rate * group["lr_scale"]
        if self.config.optimizer_spec.closure:
            self._take_closure_step(batch, outputs)
            return
        self._gradient(batch.images, batch.targets, outputs)
        for optimizer in self._optimizers:
            optimizer.step()

    def _take_closure_step(self, batch: Batch, outputs: Tensor) -> None:
        """A step that evaluates the batch several times; the first evaluation is the one that is shown."""
        places = [outputs]

        def loss() -> Tensor:
            into = places.pop() if places else torch.empty_like(outputs)
            self._gradient(batch.images, batch.targets, into)
            return image_losses(into, batch.targets, self.config.loss).mean()

        for optimizer in self._optimizers:
            optimizer.step(loss)  # type: ignore[arg-type]

    def _keep_finite(self, block: _Block) -> Diverged | None:
        """Keep the parameters where that is due, if all is finite; else go back to those kept last."""
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
