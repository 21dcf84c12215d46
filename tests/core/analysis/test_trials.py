import math
from dataclasses import replace

import pytest

from core.analysis.evaluation import evaluate
from core.analysis.trials import SAMPLE, Trial, steps_within_budget, try_out
from core.data import Mnist
from core.training.config import RunConfig
from core.training.trainer import Trainer

CONFIG = RunConfig(optimizer="momentum", lr=0.03, validation_split=0.98, epochs=3, schedule="cosine", device="cpu")


@pytest.mark.parametrize("config", [CONFIG, replace(CONFIG, shuffle="by-label", warmup_steps=10, augment=True)])
def test_a_trial_is_the_beginning_of_the_run(config: RunConfig, mnist: Mnist) -> None:
    """The trainer is the oracle: the same steps, into the second epoch."""
    trainer = Trainer(config, mnist)
    trainer.pause_at = 30
    list(trainer.events())
    _, held_out = mnist.split(config.validation_images)
    expected = evaluate(trainer.network, held_out.spread(SAMPLE))
    outcome = try_out(Trial(config, 30), mnist)
    assert (outcome.steps, outcome.loss, outcome.accuracy) == (30, expected.loss, expected.accuracy)


def test_a_trial_that_diverges_has_no_loss(mnist: Mnist) -> None:
    assert try_out(Trial(replace(CONFIG, optimizer="sgd", lr=1000.0, weight_decay=10.0), 57), mnist).loss == math.inf


def test_without_held_out_digits_the_training_digits_are_read(mnist: Mnist) -> None:
    config = replace(CONFIG, validation_split=0.0)
    trainer = Trainer(config, mnist)
    trainer.pause_at = 1
    list(trainer.events())
    assert try_out(Trial(config, 1), mnist).loss == evaluate(trainer.network, mnist.train.spread(SAMPLE)).loss


def test_a_trial_is_no_longer_than_the_run_nor_than_it_may_cost() -> None:
    assert steps_within_budget(CONFIG, 300) == 57
    assert steps_within_budget(RunConfig(), 300) == 300
    assert steps_within_budget(RunConfig(batch_size="full", epochs=100), 300) == 12


def test_a_trial_comes_back_from_its_json() -> None:
    trial = Trial(CONFIG, 30)
    assert Trial.from_dict(trial.to_dict()) == trial
    assert trial.key != Trial(CONFIG, 31).key != Trial(replace(CONFIG, seed=1), 31).key
