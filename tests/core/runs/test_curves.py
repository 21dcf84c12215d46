import json

import numpy as np
import pytest

from core.runs import feed
from core.runs.curves import curves_of
from core.training.config import RunConfig
from core.training.events import EpochDone, StepsDone
from core.training.trainer import train

CONFIG = RunConfig(epochs=2, batch_size=100, validation_split=0.99, device="cpu")


@pytest.fixture(scope="module")
def events() -> list:
    return list(train(CONFIG))


def test_curves_hold_every_step_and_epoch(events: list) -> None:
    curves = curves_of(events)
    assert curves.steps.tolist() == list(range(12))
    assert curves.losses.tolist() == [loss for e in events if isinstance(e, StepsDone) for loss in e.losses]
    assert curves.epochs == [e for e in events if isinstance(e, EpochDone)]
    assert (curves.steps_per_epoch, curves.train_images, curves.last_step, curves.diverged) == (6, 600, 12, None)
    assert curves.test_accuracy == events[-1].test_accuracy
    # Of the steps, without the reading of 59,400 validation images in each epoch, and without the first block of them.
    _, *blocks = (e for e in events if isinstance(e, StepsDone))
    images = [100 * len(block.losses) for block in blocks]
    spent = sum(n / block.images_per_second for n, block in zip(images, blocks, strict=True))
    assert curves.images_per_second == pytest.approx(sum(images) / spent)


def test_the_speed_of_a_run_that_diverged_is_of_all_steps_that_it_took() -> None:
    events = list(train(RunConfig(optimizer="sgd", lr=5.0, weight_decay=1.0, device="cpu")))
    curves = curves_of(events)
    assert curves.last_step == 0 < (curves.diverged or 0)
    speeds = [event.images_per_second for event in events if isinstance(event, StepsDone)]
    assert min(speeds) <= (curves.images_per_second or 0.0) <= max(speeds)


def test_a_viewers_messages_give_the_same_curves(events: list) -> None:
    messages = [json.loads(feed.message(seq, event.to_dict(), 12)) for seq, event in enumerate(events)]
    seen, whole = curves_of(messages), curves_of(events)
    assert seen.steps.tolist() == whole.steps.tolist()
    np.testing.assert_allclose(seen.losses, whole.losses, rtol=1e-5)


def test_what_a_resumed_run_takes_again_counts_once(events: list) -> None:
    first, last = events[:-1], events[1:]
    again = {"event": "Resumed", "step": 0, "epoch": 0, "exact": True, "message": ""}
    curves = curves_of([*first, again, *last])
    assert curves.steps.tolist() == list(range(12))
    assert len(curves.epochs) == 2


def test_a_run_that_has_not_started_has_no_curves() -> None:
    curves = curves_of([])
    assert (len(curves.steps), curves.last_step, curves.images_per_second) == (0, 0, None)


def test_a_loss_that_is_not_finite_is_a_gap() -> None:
    body = {"event": "StepsDone", "first_step": 0, "losses": [1.0, None], "learning_rates": [0.1, 0.1]}
    assert np.isnan(curves_of([body]).losses).tolist() == [False, True]
