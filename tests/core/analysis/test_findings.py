"""Findings on curves made for them, and on small real runs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.analysis.diagnostics import Diagnosis
from core.analysis.findings import Finding, findings, guessing
from core.runs.curves import Curves, curves_of
from core.training.config import RunConfig
from core.training.events import EpochDone
from core.training.trainer import train

CONFIG = RunConfig(epochs=6)


def made(
    losses: Sequence[float] = (2.3, 0.5, 0.3, 0.2, 0.1, 0.05),
    train_losses: Sequence[float] = (0.5, 0.3, 0.2, 0.12, 0.08, 0.05),
    validation_losses: Sequence[float] = (0.4, 0.3, 0.25, 0.2, 0.18, 0.17),
    accuracies: Sequence[float] = (0.9, 0.93, 0.95, 0.96, 0.965, 0.97),
    rate: float = 1e-3,
    steps: int = 3000,
) -> Curves:
    """Curves through the given points, evenly spaced."""
    at = np.linspace(0, steps - 1, 300).round()
    epochs = [
        EpochDone(i, (i + 1) * steps // 6, t, a, v, a, 1.0)
        for i, (t, v, a) in enumerate(zip(train_losses, validation_losses, accuracies, strict=True))
    ]
    wiggle = 1 + 0.1 * np.sin(np.arange(300) * 2.0)
    return Curves(
        steps=at,
        losses=np.interp(np.linspace(0, 1, 300), np.linspace(0, 1, len(losses)), losses) * wiggle,
        rates=np.full(300, rate),
        epochs=epochs,
        steps_per_epoch=steps // 6,
        train_images=48_000,
        last_step=steps,
    )


def kinds(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> list[str]:
    return [finding.kind for finding in findings(config, curves, diagnoses)]


def remedies(finding: Finding) -> list[RunConfig]:
    return [remedy.config for cause in finding.causes for remedy in cause.remedies]


def diagnosis(sharpness: float = 1.0, dead: int = 0) -> Diagnosis:
    return Diagnosis(100, sharpness, (0.1, 0.1), (1e-3, 1e-3), dead)


def test_a_good_run_gets_no_finding() -> None:
    assert kinds(CONFIG, made(), [diagnosis()]) == []


def test_a_run_without_measurements_gets_no_finding() -> None:
    assert findings(CONFIG, Curves()) == []


def test_a_batch_is_too_large_where_single_steps_hardly_scatter_and_the_run_counts_its_own_steps() -> None:
    config = RunConfig(optimizer="sgd", lr=0.03, batch_size=512, epochs=150)
    steps = np.arange(14_100.0)
    falling, noise = np.geomspace(0.8, 0.1, len(steps)), np.random.default_rng(0).normal(size=len(steps))

    def scattered(share: float) -> Curves:
        losses = falling * (1 + share * noise)
        return Curves(steps=steps, losses=losses, rates=np.full(len(steps), 0.03), last_step=len(steps))

    assert kinds(config, scattered(0.1)) == []
    (found,) = findings(config, scattered(0.01))
    assert found.kind == "batch too large"
    # The mean distance from the mean is 0.8 standard deviations; between the tenths' middles, nine tenths of the way.
    assert "scatter by only 0.8%, and the loss still fell by 43% over the last 4,230 of 14,100 steps" in found.sentence
    branch = replace(scattered(0.01), steps=steps + 900, last_step=15_000)
    assert "over the last 4,230 of 14,100 steps" in findings(config, branch)[0].sentence
    slow = made(losses=(2.3, 2.2, 2.1, 2.0, 1.9))
    branch = replace(slow, steps=slow.steps + 2500, last_step=5500)
    assert "halfway through its 3,000 steps" in findings(CONFIG, branch)[0].sentence


def test_a_loss_that_stands_still_does_not_fall_by_chance_between_single_steps() -> None:
    config = RunConfig(optimizer="sgd", lr=0.03, batch_size=512, epochs=150)
    losses = 0.3 * (1 + 0.01 * np.tile([1.0, -1.0, 0.0], 4700))
    # Only the two first and last of the 4,230 would say that it fell.
    losses[-4230:-4228], losses[-2:] = 0.303, 0.294
    curves = Curves(steps=np.arange(14_100.0), losses=losses, rates=np.full(14_100, 0.03), last_step=14_100)
    assert kinds(config, curves) == []


def test_a_single_images_loss_is_no_rise() -> None:
    """As with batches of one image at a rate of nearly 0: one of thousands has a loss above 1.5 times guessing."""
    single = RunConfig(optimizer="sgd", lr=1e-6, batch_size=1, epochs=1, validation_split=0.9)
    losses = 2.3 + 0.2 * np.sin(np.arange(6000.0))
    losses[1000] = 3.9
    curves = Curves(steps=np.arange(6000.0), losses=losses, rates=np.full(6000, 1e-6), last_step=6000)
    (found,) = findings(single, curves)
    assert found.sentence == "It learnt nothing: the loss ended at 2.3, and guessing gives 2.3."
    # Sixty-four in a row are one, at the last of them.
    losses[1000:1064] = 3.9
    (found,) = findings(single, curves)
    assert "the loss rose to 3.9 at step 1,063 and ended at 2.3" in found.sentence


def test_overfitting_names_its_epoch_and_stops_there() -> None:
    (found,) = findings(CONFIG, made(validation_losses=(0.4, 0.2, 0.1, 0.12, 0.13, 0.14)))
    assert found.kind == "overfitting"
    assert "since epoch 3" in found.sentence
    assert "rose by 40%, from 0.100 to 0.140" in found.sentence
    remedy = found.causes[0].remedies[0]
    assert (remedy.config, remedy.measured) == (replace(CONFIG, epochs=3), "validation loss 0.100 instead of 0.140")
    # A cosine of three epochs is another run than the first three of six.
    falling = replace(CONFIG, schedule="cosine")
    (found,) = findings(falling, made(validation_losses=(0.4, 0.2, 0.1, 0.12, 0.13, 0.14)))
    assert found.causes[0].remedies[0].measured == ""


def test_a_run_that_went_on_from_another_one_counts_its_epochs_on_and_has_no_shorter_run_as_its_beginning() -> None:
    curves = made(validation_losses=(0.4, 0.2, 0.1, 0.12, 0.13, 0.14))
    later = replace(
        curves,
        steps=curves.steps + 2500,
        last_step=5500,
        epochs=[replace(epoch, epoch=epoch.epoch + 5, step=epoch.step + 2500) for epoch in curves.epochs],
    )
    (found,) = findings(replace(CONFIG, epochs=11), later)
    assert "since epoch 8" in found.sentence
    assert found.causes == ()


def test_a_rise_within_the_noise_is_not_overfitting() -> None:
    assert kinds(CONFIG, made(validation_losses=(0.4, 0.3, 0.2, 0.1, 0.102, 0.103))) == []


def test_without_a_validation_split_nothing_is_said_of_it() -> None:
    curves = made(validation_losses=(0.4, 0.2, 0.1, 0.12, 0.13, 0.14))
    curves.epochs = [replace(e, validation_loss=None, validation_accuracy=None) for e in curves.epochs]
    assert kinds(CONFIG, curves) == []


def test_nothing_is_said_of_shares_of_a_loss_of_zero() -> None:
    """A network that knows its few images by heart answers with a probability of 1, whose loss is 0."""
    zero = made(train_losses=(0.1, 0, 0, 0, 0, 0), validation_losses=(0.4, 0, 0, 0, 0, 0))
    assert kinds(CONFIG, zero) == []
    assert kinds(CONFIG, replace(zero, losses=np.zeros(300))) == []
    assert kinds(replace(CONFIG, batch_size=600), replace(zero, losses=np.zeros(300))) == []
    alone = RunConfig(optimizer="sgd", lr=1.0, train_images=1, batch_size=1, epochs=6)
    (last, *_) = reversed(curves_of(train(alone)).epochs)
    assert (last.train_loss, of(alone)) == (0.0, [])


def test_a_single_validation_images_loss_is_no_overfitting() -> None:
    rising = made(validation_losses=(0.4, 0.3, 0.1, 0.2, 0.3, 0.4))
    assert kinds(CONFIG, rising) == ["overfitting"]
    assert kinds(replace(CONFIG, validation_split=1 / 60_000), rising) == []


def test_bouncing_asks_for_decay_and_a_rate_that_falls_does_not_bounce() -> None:
    config = replace(CONFIG, epochs=8)
    curves = made()
    ups_and_downs = (0.9, 0.95, 0.96, 0.955, 0.97, 0.955, 0.971, 0.956)
    curves.epochs = [EpochDone(i, i, 0.5 * 0.8**i, a, 0.3 * 0.9**i, a, 1.0) for i, a in enumerate(ups_and_downs)]
    (found,) = findings(config, curves)
    assert found.kind == "bouncing"
    assert "moved 1.53 points an epoch" in found.sentence
    assert remedies(found) == [replace(config, schedule="cosine"), *(replace(config, lr=lr) for lr in (0.00033, 1e-4))]
    curves.rates = np.linspace(1e-3, 0, 300)
    assert kinds(config, curves) == []


def test_a_plateau_is_told_with_its_losses() -> None:
    still = (0.5, 0.3, 0.2, 0.2, 0.2, 0.2)
    (found,) = findings(CONFIG, made(train_losses=still))
    assert found.kind == "plateau"
    assert "from 0.200 to 0.200, 0.0% an epoch" in found.sentence
    assert remedies(found)[0] == replace(CONFIG, schedule="cosine")
    learnt = made(train_losses=still, accuracies=(0.9, 0.93, 0.95, 0.96, 0.99, 0.999))
    assert kinds(CONFIG, learnt) == []


def test_a_slow_run_may_have_too_small_or_too_large_a_rate() -> None:
    slow = made(losses=(2.3, 2.2, 2.1, 2.0, 1.9))
    (found,) = findings(CONFIG, slow)
    assert found.kind == "too slow"
    assert "halfway through its 3,000 steps, the loss was still 2.09, and at the end 1.92" in found.sentence
    assert [cause.sentence.split()[-1] for cause in found.causes] == ["small.", "large."]
    assert [config.lr for config in remedies(found)] == [0.003, 0.01, 0.03, 0.1, 1.0, 0.00033, 0.0001]


def test_a_loss_that_rose_is_never_slow() -> None:
    """As with MSE at a rate of 300: the loss doubled, and stayed there."""
    mse = replace(CONFIG, optimizer="sgd", lr=300.0, loss="mse")
    rose = made(losses=(0.1, 0.18, 0.178, 0.176), rate=300.0)
    (found,) = findings(mse, rose)
    assert (found.kind, found.failed) == ("learnt nothing", True)
    assert "guessing gives 0.09." in found.sentence
    assert all(config.lr < 300 for config in remedies(found))


def test_the_loss_of_smoothed_labels_counts_from_the_lowest_that_there_is() -> None:
    """With labels smoothed by a half, no network gets below 1.75, which is not slow."""
    smooth = replace(CONFIG, label_smoothing=0.5)
    low = made(losses=(2.3, 1.8, 1.76, 1.75, 1.75, 1.75))
    low.losses = np.minimum(low.losses, 1.8)
    assert "too slow" not in kinds(smooth, low)
    assert kinds(CONFIG, low) == ["too slow"]
    assert guessing(smooth, 0) == pytest.approx(-(0.55 * np.log(0.55) + 9 * 0.05 * np.log(0.05)))
    assert guessing(smooth) == pytest.approx(np.log(10))


def test_the_loss_of_replaced_labels_counts_from_that_of_a_network_that_reads_all_digits() -> None:
    """With 60% of the labels replaced, it is 1.99, which is not slow."""
    noisy = replace(CONFIG, label_noise=0.6)
    low = made(losses=(2.3, 2.1, 2.0, 2.0, 2.0, 2.0))
    low.losses = np.minimum(low.losses, 2.1)
    assert "too slow" not in kinds(noisy, low)
    # With true labels it would be: it has hardly come down, and still falls.
    low.losses[-30:] *= 0.99
    assert kinds(CONFIG, low) == ["too slow"]
    assert guessing(noisy, 0) == pytest.approx(-(0.4 * np.log(0.4) + 9 * 0.6 / 9 * np.log(0.6 / 9)))
    # Smoothed, half of the ten answers' share is spread: 0.4 x 0.55 + 0.6 x 0.05 are on the own digit.
    both = replace(noisy, label_smoothing=0.5)
    own = 0.4 * 0.55 + 0.6 * 0.05
    assert guessing(both, 0) == pytest.approx(-(own * np.log(own) + (1 - own) * np.log((1 - own) / 9)))
    # Mean squares: the target is right on the own digit with 0.4, on each other one with 0.6 / 9.
    squares = (0.4 * (0.6**2 + 9 * (0.6 / 9) ** 2) + 0.6 * (0.4**2 + (1 - 0.6 / 9) ** 2 + 8 * (0.6 / 9) ** 2)) / 10
    assert guessing(replace(noisy, loss="mse"), 0) == pytest.approx(squares)
    assert guessing(replace(CONFIG, loss="mse"), 0) == 0


def test_a_run_blown_up_in_twelve_steps_gets_a_finding() -> None:
    steps = np.arange(12.0)
    curves = Curves(steps=steps, losses=2.4**steps, rates=np.full(12, 30.0), last_step=12)
    full = RunConfig(optimizer="sgd", lr=30.0, batch_size="full", epochs=12)
    (found,) = findings(full, curves)
    assert found.kind == "learnt nothing"
    assert "rose to 15,200 at step 11" in found.sentence


def test_a_run_cut_off_at_a_loss_that_is_no_number_gets_a_finding() -> None:
    """Between the event of its last steps and the one that it diverged."""
    steps = np.arange(20.0)
    losses = np.append(np.full(19, 2.5), np.nan)
    curves = Curves(steps=steps, losses=losses, rates=np.full(20, 30.0), last_step=20)
    (finding,) = findings(RunConfig(optimizer="sgd", lr=30.0, batch_size=1), curves)
    assert (
        finding.sentence == "It learnt nothing: the loss rose to inf at step 19 and ended at inf; guessing gives 2.3."
    )


def test_what_was_learned_in_order_and_is_gone_is_told() -> None:
    curves = made(accuracies=(0.9,) * 6)
    curves.test_accuracy = 0.2
    (found,) = findings(replace(CONFIG, shuffle="by-label"), curves)
    assert found.kind == "forgets"
    assert (
        "right about 90% of the last epoch's images, and in the end it reads 20% of the test digits" in found.sentence
    )
    assert remedies(found)[0] == CONFIG
    # Learnt by heart is not forgotten.
    for few in ({"train_images": 100}, {"label_noise": 0.5}):
        assert "forgets" not in kinds(replace(CONFIG, **few), curves)


def test_a_setting_that_cannot_work_goes_before_the_rate() -> None:
    (found,) = findings(replace(CONFIG, weight_decay=10.0), made(losses=(2.3,) * 6))
    first = found.causes[0]
    assert first.setting
    assert first.sentence.startswith("Weight decay 10 adds so much")
    assert [remedy.config for remedy in first.remedies] == [CONFIG]


def test_rprop_is_told_nothing_of_a_rate_that_it_does_not_have() -> None:
    config = RunConfig.recommended("rprop", epochs=60, warmup_steps=40)
    (found,) = findings(config, made(losses=(2.3, 2.2, 2.1, 2.0, 1.9), rate=3e-3))
    # The made curves have another rate than a warm-up.
    assert found.causes == ()
    curves = made(losses=(2.3, 2.2, 2.1, 2.0, 1.9))
    curves.rates = np.array(config.planned_rates([int(step) for step in curves.steps]))
    (found,) = findings(config, curves)
    assert [remedy.action for cause in found.causes for remedy in cause.remedies] == ["No warm-up"]


def test_a_run_whose_rates_are_not_its_configs_gets_no_remedy() -> None:
    """Rates set by hand, or another run's beginning: trials from the first step would be of another run."""
    slow = made(losses=(2.3, 2.2, 2.1, 2.0, 1.9))
    slow.rates[200:] = 5e-4
    assert [remedies(found) for found in findings(CONFIG, slow)] == [[]]
    slow = made(losses=(2.3, 2.2, 2.1, 2.0, 1.9))
    slow.steps += 750
    assert [remedies(found) for found in findings(CONFIG, slow)] == [[]]


def test_findings_do_not_advise_against_each_other() -> None:
    """Dead units ask for a lower rate, a slow run for a higher one: the slow run's trials decide alone."""
    slow, dead = findings(CONFIG, made(losses=(2.3, 2.2, 2.1, 2.0, 1.9)), [diagnosis(dead=40)])
    assert (slow.kind, dead.kind, dead.causes) == ("too slow", "dead units", ())
    still = made(train_losses=(0.5, 0.3, 0.2, 0.2, 0.2, 0.2), validation_losses=(0.4, 0.3, 0.25, 0.2, 0.22, 0.24))
    still.epochs[-1] = replace(still.epochs[-1], train_loss=0.199)
    assert kinds(CONFIG, still) == ["overfitting"]


def test_dead_units_are_counted() -> None:
    (found,) = findings(CONFIG, made(), [diagnosis(dead=40)])
    assert (found.kind, remedies(found)[0]) == ("dead units", replace(CONFIG, lr=0.00033))
    assert found.sentence.startswith("40 of 128 hidden units are dead")


def test_the_stability_threshold_is_told_for_plain_descent_only() -> None:
    sgd = replace(CONFIG, optimizer="sgd", lr=0.3)
    (found,) = findings(sgd, made(rate=0.3), [diagnosis(sharpness=10.0)])
    assert found.kind == "stability"
    assert "0.3 is beyond the stable 0.2" in found.sentence
    assert kinds(CONFIG, made(rate=0.3), [diagnosis(sharpness=10.0)]) == []
    assert kinds(sgd, made(rate=0.3), [diagnosis(sharpness=float("nan"))]) == []


def of(config: RunConfig) -> list[str]:
    return kinds(config, curves_of(train(config)))


SMALL = {"validation_split": 0.9, "device": "cpu"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (RunConfig(epochs=4, **SMALL), []),
        (RunConfig(optimizer="sgd", lr=1.0, weight_decay=10.0, epochs=1, **SMALL), ["diverged"]),
        (RunConfig(optimizer="sgd", lr=20.0, epochs=2, **SMALL), ["learnt nothing"]),
        (RunConfig(optimizer="sgd", lr=1e-3, epochs=3, **SMALL), ["too slow"]),
        (RunConfig(batch_size=2048, epochs=12, **SMALL), ["batch too large"]),
    ],
)
def test_small_real_runs_are_told_apart(config: RunConfig, expected: list[str]) -> None:
    assert of(config) == expected
