"""Advice on small runs: the oracle is what the trained remedy comes to.

Each case once got the wrong cause, or was advised to do what made it worse.
"""

from dataclasses import replace

import pytest

from core.analysis import trials as tried
from core.analysis.advice import Advice, advise, trials
from core.analysis.causes import Cause, Remedy, higher_rates, lower_rates
from core.analysis.evaluation import Evaluation, evaluate
from core.analysis.findings import Finding, findings
from core.analysis.trials import STEPS, Outcome, Trial, try_out
from core.data import Digits, Mnist
from core.runs.curves import curves_of
from core.training import trainer
from core.training.config import RunConfig
from core.training.network import Network
from core.training.trainer import Trainer

SMALL = {"validation_split": 0.98, "epochs": 10, "device": "cpu"}


@pytest.fixture(autouse=True)
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer held-out digits: with small runs, reading 58,800 of them at each epoch would take most of the time."""

    def evaluate_some(network: Network, digits: Digits, loss: str) -> Evaluation:
        return evaluate(network, digits.spread(min(500, len(digits))), loss)

    monkeypatch.setattr(trainer, "evaluate", evaluate_some)
    monkeypatch.setattr(tried, "SAMPLE", 1000)


def advised(config: RunConfig, mnist: Mnist) -> list[tuple[Finding, Advice | None]]:
    """The findings of a run of this config, with the advice that trials give."""
    found = findings(config, curves_of(Trainer(config, mnist).events()))
    outcomes = {trial.key: try_out(trial, mnist) for trial in trials(config, found)}
    return [(finding, advise(config, finding, outcomes)) for finding in found]


CASES = {
    "mse, a rate far too large": (
        RunConfig(optimizer="sgd", lr=300.0, loss="mse", **SMALL),
        ("learnt nothing", "The learning rate of 300 is too large.", "Learning rate 10"),
    ),
    "mse, the largest rate": (
        RunConfig(optimizer="sgd", lr=1000.0, loss="mse", **SMALL),
        ("learnt nothing", "The learning rate of 1000 is too large.", "Learning rate 10"),
    ),
    "weight decay": (
        RunConfig(optimizer="nesterov", lr=0.03, weight_decay=10.0, **SMALL),
        ("learnt nothing", "Weight decay 10 adds", "Weight decay 0"),
    ),
    "epsilon": (
        RunConfig(optimizer_params={"eps": 1.0}, **SMALL),
        ("too slow", "Epsilon 1 is far above", "Epsilon 1e-08"),
    ),
    "a tiny rate": (
        RunConfig(optimizer="sgd", lr=1e-6, schedule="plateau", schedule_params={"patience": 1000}, **SMALL),
        ("learnt nothing", "The learning rate of 1e-06 is too small.", "Learning rate 0.3"),
    ),
    "a warm-up longer than the run": (
        RunConfig(warmup_steps=100_000, **SMALL),
        ("learnt nothing", "The warm-up of 100,000 steps is longer than the run of 190:", "No warm-up"),
    ),
    "centred and without a mean": (
        RunConfig(optimizer="rmsprop", optimizer_params={"centered": True, "alpha": 0.0}, **SMALL),
        ("diverged", "With alpha 0 the mean square is the latest gradient's own", "The usual alpha"),
    ),
    "Rprop behind a warm-up": (
        RunConfig.recommended("rprop", warmup_steps=1000, **SMALL),
        ("learnt nothing", "Rprop takes the learning rate for its first step alone", "No warm-up"),
    ),
    "by label": (
        RunConfig(shuffle="by-label", **{**SMALL, "validation_split": 0.9, "epochs": 2}),
        ("learnt nothing", "Ordered by label", "Shuffle in every epoch"),
    ),
    "blown up in twelve steps": (
        RunConfig(optimizer="sgd", lr=30.0, batch_size="full", **{**SMALL, "epochs": 12}),
        ("learnt nothing", "The learning rate of 30 is too large.", "Learning rate 0.3"),
    ),
    "single images at a rate for 64": (
        RunConfig(optimizer="sgd", lr=0.3, batch_size=1, **{**SMALL, "epochs": 1}),
        ("learnt nothing", "Learning rate 0.3 suits batches of 64", "Learning rate 0.04"),
    ),
    "a whole batch": (
        RunConfig(optimizer="sgd", lr=0.3, batch_size="full", **{**SMALL, "epochs": 5}),
        ("too slow", "The run has only 5 steps of 1,200 images each.", "Batch 64: more steps for the same images"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_cause_is_told_and_its_remedy_helps(case: str, mnist: Mnist) -> None:
    config, (kind, cause, action) = CASES[case]
    ((finding, advice),) = advised(config, mnist)
    assert finding.kind == kind
    assert advice
    assert advice.cause.startswith(cause)
    assert advice.remedy.action.startswith(action)
    # Trained to its end, the remedy makes far fewer mistakes than the run did.
    reads = [list(Trainer(c, mnist).events())[-1].test_accuracy for c in (config, advice.remedy.config)]
    assert 1 - reads[1] < 0.7 * (1 - reads[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        RunConfig(**SMALL),
        RunConfig(label_smoothing=0.5, **SMALL),
        RunConfig(loss="mse", lr=3e-3, **SMALL),
        RunConfig.recommended("rprop", **{**SMALL, "epochs": 60}),
    ],
)
def test_a_run_that_went_well_is_not_advised_on_its_rate(config: RunConfig, mnist: Mnist) -> None:
    assert not [finding.kind for finding, _ in advised(config, mnist) if finding.kind in ("too slow", "learnt nothing")]


def test_no_remedy_has_a_rate_that_no_run_can_have() -> None:
    assert all(remedy.config.lr > 0 for remedy in lower_rates(RunConfig(lr=3e-308)))
    assert [remedy.config.lr for remedy in higher_rates(RunConfig(lr=500.0))] == []


CONFIG = RunConfig()
HIGHER, LOWER, DECAY = (
    Remedy(replace(CONFIG, lr=0.01), "Learning rate 0.01"),
    Remedy(replace(CONFIG, lr=0.0001), "Learning rate 0.0001"),
    Remedy(replace(CONFIG, weight_decay=0.001), "Weight decay 0.001"),
)
FINDING = Finding(
    "too slow",
    "It is too slow.",
    (
        Cause("The decay.", (DECAY,), setting=True),
        Cause("Too small.", (HIGHER,)),
        Cause("Too large.", (LOWER,)),
    ),
)


def weighed(own: float, decay: float, higher: float, lower: float, finding: Finding = FINDING) -> Advice | None:
    configs = (CONFIG, DECAY.config, HIGHER.config, LOWER.config)
    losses = zip(configs, (own, decay, higher, lower), strict=True)
    return advise(CONFIG, finding, {Trial(c, STEPS).key: Outcome(STEPS, loss, 0.5) for c, loss in losses})


def test_the_remedy_with_the_lowest_loss_names_the_cause() -> None:
    assert weighed(2.0, 2.0, 0.41, 2.5) == Advice(
        "Too small.",
        HIGHER,
        "after 300 steps: loss 0.41 instead of 2",
        "Weight decay 0.001: loss 2; Learning rate 0.0001: loss 2.5",
    )
    advice = weighed(float("inf"), 3.0, float("inf"), 0.5)
    assert advice
    assert (advice.cause, advice.gain) == ("Too large.", "after 300 steps: loss 0.5 instead of no number")


def test_a_single_step_is_told_as_one() -> None:
    config = RunConfig(optimizer="sgd", lr=0.1, batch_size="full", epochs=1)
    remedy = Remedy(replace(config, lr=0.3), "Learning rate 0.3")
    finding = replace(FINDING, causes=(Cause("Too small.", (remedy,)),))
    own, tried = trials(config, [finding])
    advice = advise(config, finding, {own.key: Outcome(1, 2.0, 0.5), tried.key: Outcome(tried.steps, 1.0, 0.5)})
    assert advice and advice.gain == "after 1 step: loss 1 instead of 2"


def test_a_setting_that_cannot_work_is_the_cause_unless_the_rate_alone_does_far_better() -> None:
    assert [(advice := weighed(2.0, 0.6, higher, 2.0)) and advice.cause for higher in (0.31, 0.29)] == [
        "The decay.",
        "Too small.",
    ]


def test_a_remedy_that_does_not_help_is_not_offered() -> None:
    assert weighed(1.0, 0.91, 0.95, float("nan")) is None
    # Less bad than its run, and no better than guessing.
    assert weighed(50.0, 2.3, 2.2, 10.0) is None


def test_trials_are_of_the_same_images_and_none_is_taken_twice() -> None:
    assert trials(CONFIG, [FINDING, FINDING]) == [
        Trial(CONFIG, 300),
        Trial(DECAY.config, 300),
        Trial(HIGHER.config, 300),
        Trial(LOWER.config, 300),
    ]
    whole = RunConfig(batch_size=4096, optimizer="sgd", lr=0.3)
    smaller = Remedy(replace(whole, batch_size=512), "Batch 512")
    finding = Finding("too slow", "", (Cause("", (smaller,)),))
    assert trials(whole, [finding]) == [Trial(whole, 60), Trial(smaller.config, 470)]


def test_what_cannot_be_tried_within_the_budget_is_not_offered() -> None:
    long = RunConfig(epochs=100)
    late = replace(FINDING, causes=(Cause("", (Remedy(replace(long, schedule="cosine"), "Cosine"),)),), late=True)
    assert trials(long, [late]) == []
    assert advise(long, late, {}) is None
    assert trials(long, [replace(FINDING, steps=20_000)]) == []
    assert len(trials(replace(CONFIG, epochs=5), [replace(late, causes=FINDING.causes)])) == 4


def test_a_gain_that_the_curves_show_needs_no_trial() -> None:
    measured = replace(HIGHER, measured="validation loss 0.1 instead of 0.2")
    finding = Finding("overfitting", "", (Cause("By heart.", (measured,)),))
    assert trials(CONFIG, [finding]) == []
    assert advise(CONFIG, finding, {}) == Advice("By heart.", measured, "validation loss 0.1 instead of 0.2")
