"""Early stopping: the run ends when its patience is over, at the same step however it was left and resumed."""

import queue

import pytest
import torch

from core.analysis.evaluation import evaluate
from core.data import Mnist
from core.models.checkpoints import load_parameters
from core.runs import run_files
from core.runs.worker import _Job
from core.training.config import RunConfig
from core.training.events import EpochDone, Paused, RunFinished, StoppedEarly
from core.training.trainer import Trainer
from tests.few import Few

#: 1,920 training images, 10 steps an epoch; so large a rate that the validation loss soon rises.
CONFIG = RunConfig(lr=0.02, batch_size=192, epochs=60, validation_split=0.968, patience=3)


@pytest.fixture(scope="module")
def few(mnist) -> Mnist:
    return Few(mnist.train, mnist.test[:500])


@pytest.fixture(scope="module")
def whole(few):
    trainer = Trainer(CONFIG, few)
    return trainer, list(trainer.events())


def test_the_run_ends_as_many_epochs_after_its_best_as_its_patience_is(whole):
    trainer, events = whole
    losses = [event.validation_loss for event in events if isinstance(event, EpochDone)]
    *_, early, finished = events
    best = losses.index(min(losses))
    assert len(losses) == best + 1 + CONFIG.patience < CONFIG.epochs
    assert early == StoppedEarly(trainer.step, best, min(losses))
    assert isinstance(finished, RunFinished) and finished.reason == "finished"
    assert (finished.step, trainer.epoch) == (10 * len(losses), len(losses))


def test_without_patience_it_goes_to_its_end(few, whole):
    trainer = Trainer(RunConfig(**{**CONFIG.to_dict(), "patience": 0, "epochs": len(whole[0]._history) + 2}), few)
    events = list(trainer.events())
    assert not any(isinstance(event, StoppedEarly) for event in events)
    assert trainer.step == trainer.config.span.steps


@pytest.mark.parametrize("back", [1, 5, 0])
def test_a_run_that_was_left_ends_at_the_same_step_with_the_same_weights(few, whole, back):
    """``back`` steps before its end; 0 is after the last epoch, before it was noticed that patience is over."""
    done, _ = whole
    first = Trainer(CONFIG, few)
    first.pause_at = done.step - back
    events = first.events()
    for event in events:
        if isinstance(event, Paused) or (isinstance(event, EpochDone) and first.step == done.step):
            break
    second = Trainer(CONFIG, few)
    second.restore(first.state())
    *_, early, finished = second.events()
    assert isinstance(early, StoppedEarly) and finished.step == done.step
    assert all(torch.equal(a, b) for a, b in zip(second.network.parameters(), done.network.parameters(), strict=True))


def test_the_best_epoch_is_the_first_of_equals_and_never_one_that_is_no_number(few):
    trainer = Trainer(CONFIG, few)
    assert trainer.best_epoch is None
    trainer._history[:] = [(10, float("nan")), (20, 2.0), (30, 1.0), (40, 1.0)]
    assert trainer.best_epoch == 2
    none_validate = Trainer(RunConfig(validation_split=0.0, batch_size="full"), few)
    none_validate._history[:] = [(1, 1.0)]
    assert none_validate.best_epoch is None


def test_patience_needs_validation_images():
    with pytest.raises(ValueError, match=r"patience must be 0 without validation images, got patience = 2\."):
        RunConfig(patience=2, validation_split=0.0)


class Out:
    """Takes a worker's messages."""

    def __init__(self) -> None:
        self.messages: list[dict] = []

    def send(self, message):
        self.messages.append(message)

    def event(self, run_id, event):
        self.send({"run": run_id, "event": event.to_dict()})


def test_the_worker_keeps_the_best_epoch(tmp_path, mnist):
    config = RunConfig(lr=0.05, batch_size=4800, epochs=4, seed=1)
    out = Out()
    job = {"run": "a", "config": config.to_dict(), "folder": str(tmp_path)}
    assert _Job(job, queue.SimpleQueue(), out).work()
    epochs = [m["event"] for m in out.messages if m.get("event", {}).get("event") == "EpochDone"]
    best = min(epochs, key=lambda epoch: epoch["validation_loss"])
    network, metadata = load_parameters(tmp_path / run_files.BEST)
    assert metadata["metrics"]["step"] == best["step"]
    _, validation = mnist.split(config.validation_images)
    assert evaluate(network, validation).loss == pytest.approx(best["validation_loss"], rel=1e-6)
    run_files.forget_best(tmp_path, best["step"])
    assert (tmp_path / run_files.BEST).exists()
    run_files.forget_best(tmp_path, best["step"] - 1)
    assert not (tmp_path / run_files.BEST).exists()
    run_files.forget_best(tmp_path, 0)
