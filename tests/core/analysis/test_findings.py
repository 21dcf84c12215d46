"""Findings on curves made for them, and on small real runs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.analysis.diagnostics import Diagnosis
from core.analysis.findings import findings
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


def diagnosis(sharpness: float = 1.0, dead: int = 0) -> Diagnosis:
    return Diagnosis(100, sharpness, (0.1, 0.1), (1e-3, 1e-3), dead)


def test_a_good_run_gets_no_finding() -> None:
    assert kinds(CONFIG, made(), [diagnosis()]) == []


def test_a_run_without_measurements_gets_no_finding() -> None:
    assert findings(CONFIG, Curves()) == []


def test_overfitting_names_its_epoch_and_stops_there() -> None:
    (found,) = findings(CONFIG, made(validation_losses=(0.4, 0.2, 0.1, 0.12, 0.13, 0.14)))
    assert found.kind == "overfitting"
    assert "since epoch 3" in found.sentence
    assert "rose by 40%, from 0.100 to 0.140" in found.sentence
    assert found.remedy == replace(CONFIG, epochs=3)


def test_a_rise_within_the_noise_is_not_overfitting() -> None:
    assert kinds(CONFIG, made(validation_losses=(0.4, 0.3, 0.2, 0.1, 0.102, 0.103))) == []


def test_without_a_validation_split_nothing_is_said_of_it() -> None:
    curves = made(validation_losses=(0.4, 0.2, 0.1, 0.12, 0.13, 0.14))
    curves.epochs = [replace(e, validation_loss=None, validation_accuracy=None) for e in curves.epochs]
    assert kinds(CONFIG, curves) == []


def test_bouncing_asks_for_decay_and_a_rate_that_falls_does_not_bounce() -> None:
    config = replace(CONFIG, epochs=8)
    curves = made()
    ups_and_downs = (0.9, 0.95, 0.96, 0.955, 0.97, 0.955, 0.971, 0.956)
    curves.epochs = [EpochDone(i, i, 0.5 * 0.8**i, a, 0.3 * 0.9**i, a, 1.0) for i, a in enumerate(ups_and_downs)]
    (found,) = findings(config, curves)
    assert found.kind == "bouncing"
    assert "moved 1.53 points an epoch" in found.sentence
    assert found.remedy == replace(config, schedule="cosine")
    curves.rates = np.linspace(1e-3, 0, 300)
    assert kinds(config, curves) == []


def test_a_plateau_is_told_with_its_losses() -> None:
    still = (0.5, 0.3, 0.2, 0.2, 0.2, 0.2)
    (found,) = findings(CONFIG, made(train_losses=still))
    assert found.kind == "plateau"
    assert "from 0.200 to 0.200, 0.0% an epoch" in found.sentence
    assert found.remedy == replace(CONFIG, schedule="plateau")
    learnt = made(train_losses=still, accuracies=(0.9, 0.93, 0.95, 0.96, 0.99, 0.999))
    assert kinds(CONFIG, learnt) == []


def test_a_slow_run_gets_a_larger_rate_and_a_short_one_more_steps() -> None:
    slow = made(losses=(2.3, 2.2, 2.1, 2.0, 1.9))
    (found,) = findings(CONFIG, slow)
    assert found.kind == "too slow"
    assert found.remedy == replace(CONFIG, lr=0.01)
    slow.last_step = 12
    full = replace(CONFIG, batch_size="full")
    assert [f.remedy for f in findings(full, slow) if f.kind == "too slow"] == [replace(full, batch_size=64)]
    assert findings(CONFIG, slow)[0].remedy == replace(CONFIG, epochs=60)


def test_dead_units_are_counted() -> None:
    (found,) = findings(CONFIG, made(), [diagnosis(dead=40)])
    assert (found.kind, found.remedy) == ("dead units", replace(CONFIG, lr=0.00033))
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
