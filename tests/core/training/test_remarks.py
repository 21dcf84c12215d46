"""Claims of remarks on settings, held against the schedules and, in test_advice.py, against training."""

from dataclasses import replace

import pytest

from core import data
from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from core.training.events import StoppedEarly
from core.training.remarks import remarks
from core.training.schedules import SCHEDULES
from core.training.trainer import Trainer, train


def said(config: RunConfig) -> list[tuple[str, str]]:
    return [(remark.parameter, remark.sentence) for remark in remarks(config)]


def test_recommended_settings_get_no_remark_but_a_run_of_few_whole_batches() -> None:
    for name, spec in OPTIMIZERS.items():
        few = [("epochs", "The run has only 5 steps of 48,000 images each.")]
        assert said(RunConfig.recommended(name)) == (few if name == "rprop" else []), spec.label


def test_every_schedule_can_act_in_an_ordinary_run() -> None:
    for name in SCHEDULES:
        assert said(RunConfig(schedule=name)) == []


@pytest.mark.parametrize(
    ("config", "parameter", "sentence"),
    [
        (
            RunConfig(warmup_steps=100_000),
            "warmup_steps",
            "The warm-up of 100,000 steps is longer than the run of 3,750: the learning rate never rises above "
            "3.7e-05.",
        ),
        (
            RunConfig.recommended("rprop", warmup_steps=1000, epochs=50),
            "warmup_steps",
            "Rprop takes the learning rate for its first step alone, and the warm-up makes that 3e-06.",
        ),
        (
            RunConfig.recommended("rprop", schedule="cosine", epochs=50),
            "schedule",
            "Rprop takes the learning rate for its first step alone: Cosine has no effect.",
        ),
        (
            RunConfig.recommended("rprop", schedule="one_cycle", epochs=50),
            "schedule",
            "Rprop takes the learning rate for its first step alone, and One-cycle makes that 0.00012.",
        ),
        (
            RunConfig.recommended("lbfgs", schedule="cosine"),
            "schedule",
            "The line search sets the length of each step: Cosine only sets where it begins.",
        ),
        (
            RunConfig(schedule="step", schedule_params={"every": 5.0}),
            "schedule",
            "Step does not change the rate within 5 epochs.",
        ),
        (
            RunConfig(schedule="plateau", schedule_params={"patience": 3}),
            "schedule",
            "Reduce on plateau cannot react within 5 epochs.",
        ),
        (
            RunConfig(schedule="exponential", schedule_params={"factor": 0.01}),
            "schedule",
            "Under Exponential, the rate is below 1e-05, a hundredth of the learning rate, for more than half of the "
            "run.",
        ),
        (
            RunConfig(optimizer="sgd", lr=0.3, batch_size=1),
            "lr",
            "Learning rate 0.3 suits batches of 64; steps of 1 image are noisier, and about 0.04 suits them.",
        ),
        (
            RunConfig(optimizer="sgd", lr=0.3, batch_size="full"),
            "batch_size",
            "The run has only 5 steps of 48,000 images each.",
        ),
        (
            RunConfig(batch_size=1, train_images=1, epochs=1),
            "epochs",
            "The run has only 1 step of 1 image each.",
        ),
        (
            RunConfig(schedule="step", epochs=1),
            "schedule",
            "Step does not change the rate within 1 epoch.",
        ),
        (
            RunConfig(initialization="zero"),
            "initialization",
            "With all first weights at 0, no hidden unit ever answers anything but 0, and no weight gets a gradient: "
            "only the biases of the outputs are trained.",
        ),
        (
            RunConfig(label_noise=0.004, train_images=100, epochs=50),
            "label_noise",
            "A share of 0.004 of 100 labels is less than one: all stay true.",
        ),
        (
            RunConfig(label_noise=0.95),
            "label_noise",
            "With 95% of the labels replaced, an image's own digit is no likelier a label than any other digit.",
        ),
        (
            RunConfig(patience=4),
            "patience",
            "The run cannot end early: that is after epoch 5 at the earliest, and it has 5.",
        ),
    ],
)
def test_what_cannot_act_is_told_with_its_figures(config: RunConfig, parameter: str, sentence: str) -> None:
    assert said(config) == [(parameter, sentence)]


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(warmup_steps=3750),
        RunConfig(schedule="plateau", schedule_params={"patience": 2}),
        RunConfig(optimizer="sgd", lr=0.04, batch_size=1),
        # Its steps do not grow with the noise.
        RunConfig(batch_size=1),
        RunConfig(patience=3),
        RunConfig(label_noise=0.6),
        RunConfig(label_noise=0.01, train_images=100, epochs=50),
        RunConfig(initialization="small"),
        RunConfig.recommended("lbfgs", schedule="cosine", optimizer_params={"line_search": "none"}),
    ],
)
def test_what_can_act_gets_no_remark(config: RunConfig) -> None:
    assert said(config) == []


def test_a_plateau_that_can_react_lowers_the_rate_in_its_last_epoch() -> None:
    """The remark's oracle: the schedule itself, on losses that never improve."""
    for epochs, reacts in ((5, False), (6, True)):
        config = RunConfig(epochs=epochs, schedule="plateau", schedule_params={"patience": 3})
        assert config.span.stalled == [((i + 1) * 750, 1.0) for i in range(epochs)]
        (last,) = config.planned_rates([config.span.steps - 1], config.span.stalled)
        assert (last < config.lr) == reacts
        assert (said(config) == []) == reacts


def test_a_remark_on_what_harms_has_the_config_without_it() -> None:
    (decay,) = remarks(RunConfig(weight_decay=10.0))
    assert (decay.instead, decay.action) == (RunConfig(), "Weight decay 0")
    (epsilon,) = remarks(RunConfig(optimizer_params={"eps": 1.0, "amsgrad": True}))
    assert epsilon.instead == RunConfig(optimizer_params={"amsgrad": True})
    assert (epsilon.parameter, epsilon.scope, epsilon.action) == ("eps", "adam", "Epsilon 1e-08")
    (order,) = remarks(RunConfig(shuffle="by-label"))
    assert order.instead == RunConfig()
    whole = RunConfig(optimizer="sgd", lr=0.3, batch_size="full")
    (steps,) = remarks(whole)
    assert steps.instead == replace(whole, batch_size=64)
    (epochs,) = remarks(RunConfig(epochs=1, validation_split=0.98))
    assert epochs.instead == RunConfig(epochs=11, validation_split=0.98)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_that_has_no_effect_on_rprop_leaves_the_run_as_it_is(schedule: str, mnist: data.Mnist) -> None:
    losses = []
    for name in ("constant", schedule):
        config = RunConfig.recommended("rprop", schedule=name, epochs=3, train_images=100)
        losses.append([loss for event in train(config, mnist) for loss in getattr(event, "losses", ())])
    sentences = " ".join(remark.sentence for remark in remarks(config))
    assert (losses[0] == losses[1]) == (" makes that " not in sentences)
    if schedule in ("cosine", "one_cycle", "cyclic", "cyclic_halving"):
        assert ("has no effect" in sentences) == (schedule == "cosine")


@pytest.mark.parametrize(("size", "digits"), [(64, "one digit alone"), (20_000, "some digits only")])
def test_a_batch_in_the_order_of_labels_shows_what_is_said(size: int, digits: str, mnist: data.Mnist) -> None:
    config = RunConfig(shuffle="by-label", batch_size=size, epochs=50)
    (remark,) = [remark for remark in remarks(config) if remark.parameter == "shuffle"]
    assert remark.sentence.startswith(f"Ordered by label, a batch shows {digits}, ")
    labels = config.split(mnist)[0].labels
    order = data.batch_order(labels, "by-label", 0, 0)
    counts = [len(labels[rows].unique()) for rows in order.split(size)]
    assert (max(counts) <= 2) == (digits == "one digit alone") and max(counts) < 10


@pytest.mark.parametrize(("epochs", "early"), [(3, False), (4, True)])
def test_a_run_without_a_remark_on_its_patience_can_end_early(epochs: int, early: bool, mnist: data.Mnist) -> None:
    config = RunConfig(optimizer="sgd", lr=1e-30, patience=2, epochs=epochs, train_images=640)
    assert any(isinstance(event, StoppedEarly) for event in train(config, mnist)) == early
    assert any(remark.parameter == "patience" for remark in remarks(config)) != early


def test_with_first_weights_of_zero_only_the_biases_of_the_outputs_are_trained(mnist: data.Mnist) -> None:
    config = RunConfig(initialization="zero", epochs=1, validation_split=0.98)
    trainer = Trainer(config, mnist)
    list(trainer.events())
    moved = {name: bool(p.abs().max() > 0) for name, p in trainer.network.named_parameters()}
    assert moved == {"0.weight": False, "0.bias": False, "2.weight": False, "2.bias": True}
    (remark,) = [remark for remark in remarks(config) if remark.parameter == "initialization"]
    assert remark.instead == replace(config, initialization="glorot")


def test_labels_of_which_nine_in_ten_are_replaced_tell_nothing_of_the_digit(mnist: data.Mnist) -> None:
    train, _ = RunConfig(label_noise=0.9).split(mnist)
    shifts = ((train.labels - mnist.train.labels[:48_000]) % 10).bincount(minlength=10) / 48_000
    # The standard error of a tenth of 48,000 is 0.0014.
    assert (shifts - 0.1).abs().max() < 0.006
    assert remarks(RunConfig(label_noise=0.9))[0].instead == RunConfig()
