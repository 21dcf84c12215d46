"""Findings about a finished run: plain sentences, each with its figures and a remedy to try.

Every finding is a pure function of the run's config, its curves and, where there are any, its diagnoses. A finding that
lacks its measurement is not made.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.analysis.diagnostics import Diagnosis
from core.runs.curves import Curves
from core.runs.history import Array
from core.training.config import RunConfig
from core.training.network import HIDDEN


@dataclass(frozen=True)
class Finding:
    """One finding.

    Args:
        kind: a short name for it.
        sentence: what happened, with its figures.
        remedy: the config to try next; None if nothing has to be changed.
        action: what the remedy changes, in words; empty without one.
    """

    kind: str
    sentence: str
    remedy: RunConfig | None = None
    action: str = ""


Finder = Callable[[RunConfig, Curves, Sequence[Diagnosis]], Finding | None]

#: The loss of a network that has learned nothing: all ten digits equally likely.
CHANCE = math.log(10)
#: A rise of the validation loss above its minimum by this share counts as overfitting.
OVERFIT = 0.05
#: Halfway through a slow run, the loss is still above this share of the first.
SLOW = 0.5
#: An epoch that improves the training loss by less than this share stands still.
STILL = 0.01
#: Validation accuracy that goes up and down by this much from epoch to epoch bounces.
BOUNCE = 0.0015
#: Losses of neighbouring steps that differ by less than this share leave no noise to average away.
SMOOTH = 0.03
#: This share of the hidden units being dead is worth a word.
DEAD = 0.1
LARGE_BATCH = 512
FEW_STEPS = 100


def findings(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> list[Finding]:
    """Return the findings about a run that is over, the gravest first; empty if nothing stands out."""
    finders: tuple[Finder, ...] = (
        diverged,
        learnt_nothing,
        dead_units,
        beyond_stability,
        too_slow,
        batch_too_large,
        overfitting,
        bouncing,
        plateau,
    )
    results = [finding for finder in finders if (finding := finder(config, curves, diagnoses))]
    # A run that failed shows nothing about finer points.
    if results and results[0].kind in ("diverged", "learnt nothing"):
        return [finding for finding in results if finding.kind in ("diverged", "learnt nothing", "dead units")]
    return results


def diverged(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    if curves.diverged is None:
        return None
    return Finding(
        "diverged",
        f"It diverged: at step {curves.diverged:,}, with the learning rate at {_rate_at(curves, curves.diverged):.3g}, "
        "the loss stopped being a number.",
        *_slower(config, 10),
    )


def learnt_nothing(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    """Find a loss that rose above chance and stayed there."""
    if curves.diverged is not None or len(curves.losses) < 20 or config.loss != "cross_entropy":
        return None
    end, highest = float(np.nanmean(_last(curves.losses, 0.1))), float(np.nanmax(curves.losses))
    if end < 0.95 * CHANCE or highest < 1.5 * CHANCE:
        return None
    return Finding(
        "learnt nothing",
        f"It learnt nothing: the loss shot up to {highest:.3g} and ended at {end:.2f}; guessing gives {CHANCE:.2f}.",
        *_slower(config, 10),
    )


def dead_units(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    if not diagnoses or diagnoses[-1].dead < DEAD * HIDDEN:
        return None
    return Finding(
        "dead units",
        f"{diagnoses[-1].dead} of {HIDDEN} hidden units are dead: they answer 0 to every one of the images shown, so "
        "no gradient reaches them.",
        *_slower(config, 3),
    )


def beyond_stability(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    """Check plain gradient descent only: for it the threshold is a theorem."""
    if config.optimizer != "sgd" or not diagnoses or not len(curves.rates):
        return None
    last, rate = diagnoses[-1], float(curves.rates[-1])
    if not rate > last.largest_stable_rate:
        return None
    remedy = replace(config, schedule="cosine", schedule_params={})
    return Finding(
        "stability",
        f"The rate of {rate:.3g} is beyond the stable {last.largest_stable_rate:.3g}, which is 2 divided by the loss's "
        f"sharpness of {last.sharpness:.3g}: plain gradient descent must bounce here.",
        *((remedy, "Let the rate fall to zero: cosine") if config.schedule != "cosine" else (None, "")),
    )


def too_slow(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    """Find a loss that has hardly come down halfway through, and is still falling."""
    if len(curves.losses) < 3 or curves.diverged is not None:
        return None
    first = float(curves.losses[0])
    half = _around(curves, 0.5)
    end = float(np.nanmean(_last(curves.losses, 0.1)))
    if not (half > SLOW * first and end < half):
        return None
    remedy = _faster(config, 10 if half > 0.8 * first else 3)
    if curves.last_step < FEW_STEPS:
        # So few steps say nothing of the rate.
        more = min(1000, 10 * config.epochs)
        remedy = (replace(config, epochs=more), f"{more} epochs")
        if config.images_per_step > 64 and not config.optimizer_spec.full_batch_only:
            remedy = (replace(config, batch_size=64), "Batch 64: more steps for the same images")
    return Finding(
        "too slow",
        f"It is too slow: halfway through its {curves.last_step:,} steps, the loss was still {half:.2f}, which is "
        f"{half / first:.0%} of the {first:.2f} it started from, and it was still falling at the end.",
        *remedy,
    )


def batch_too_large(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    """Find large batches whose losses hardly scatter, in a run that still makes progress."""
    size = config.images_per_step
    if (
        size < LARGE_BATCH
        or len(curves.losses) < 10
        or curves.diverged is not None
        or config.optimizer_spec.full_batch_only
    ):
        return None
    tail = _last(curves.losses, 0.3)
    if len(tail) < 5 or not np.isfinite(tail).all():
        return None
    scatter = float(np.abs(np.diff(tail, 2)).mean() / tail.mean() / math.sqrt(6))
    fall = float(1 - tail[-2:].mean() / tail[:2].mean())
    if scatter > SMOOTH or fall < 0.02:
        return None
    smaller = max(64, size // 8)
    return Finding(
        "batch too large",
        f"The batch of {size:,} is too large for this rate: neighbouring steps' losses scatter by only {scatter:.1%}, "
        f"so averaging over more images gains nothing, and the loss still fell by {fall:.0%} over the last "
        f"{len(tail):,} of {curves.last_step:,} steps.",
        replace(config, batch_size=smaller),
        f"Batch {smaller}: more steps for the same images",
    )


def overfitting(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    losses = [epoch.validation_loss for epoch in curves.epochs]
    known = [loss for loss in losses if loss is not None]
    if len(known) < 3 or len(known) < len(losses):
        return None
    best = int(np.argmin(known))
    rise = known[-1] / known[best] - 1
    falling = curves.epochs[-1].train_loss < curves.epochs[best].train_loss
    if rise < OVERFIT or best == len(known) - 1 or not falling:
        return None
    epoch = best + 1
    return Finding(
        "overfitting",
        f"It has been overfitting since epoch {epoch}: from then on the training loss fell from "
        f"{curves.epochs[best].train_loss:.3f} to {curves.epochs[-1].train_loss:.3f}, but the validation loss rose by "
        f"{rise:.0%}, from {known[best]:.3f} to {known[-1]:.3f}.",
        replace(config, epochs=epoch),
        f"Stop after epoch {epoch}",
    )


def bouncing(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    """Find a validation accuracy that goes up and down at the end, with the rate still high."""
    accuracies = [epoch.validation_accuracy for epoch in curves.epochs if epoch.validation_accuracy is not None]
    last = accuracies[len(accuracies) // 2 :]
    if len(last) < 4 or not len(curves.rates) or curves.rates[-1] < 0.5 * curves.rates.max():
        return None
    moves = np.diff(last)
    size, net = float(np.abs(moves).mean()), abs(float(moves.sum())) / len(moves)
    turns = int((np.sign(moves[1:]) != np.sign(moves[:-1])).sum())
    if size < BOUNCE or size < 2 * net or turns < 2:
        return None
    return Finding(
        "bouncing",
        f"It bounces: over the last {len(last)} epochs, validation accuracy moved {100 * size:.2f} points an epoch "
        f"and turned {turns} times, yet got {100 * net * len(moves):.2f} points further in all.",
        replace(config, schedule="cosine", schedule_params={}),
        "Let the rate fall to zero: cosine",
    )


def plateau(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    """Find last epochs that no longer lowered the training loss, which is not yet small."""
    losses = [epoch.train_loss for epoch in curves.epochs]
    if len(losses) < 4:
        return None
    tail = losses[-max(3, len(losses) // 3) - 1 :]
    fall = (tail[0] - tail[-1]) / tail[0] / (len(tail) - 1)
    if not -STILL < fall < STILL or curves.epochs[-1].train_accuracy > 0.995:
        return None
    if curves.rates[-1] > 0.5 * curves.rates.max():
        remedy, action = replace(config, schedule="plateau", schedule_params={}), "Lower the rate when the loss stalls"
    else:
        remedy, action = replace(config, epochs=max(1, len(losses) - len(tail) + 1)), "Stop where it came to rest"
    return Finding(
        "plateau",
        f"It stands still: over the last {len(tail) - 1} epochs the training loss went from {tail[0]:.3f} to "
        f"{tail[-1]:.3f}, {abs(fall):.1%} an epoch.",
        remedy,
        action,
    )


def _slower(config: RunConfig, factor: float) -> tuple[RunConfig, str]:
    rate = float(f"{config.lr / factor:.2g}")
    return replace(config, lr=rate), f"Learning rate {rate:g}"


def _faster(config: RunConfig, factor: float) -> tuple[RunConfig, str]:
    rate = float(f"{min(config.lr * factor, 1000.0):.2g}")
    return replace(config, lr=rate), f"Learning rate {rate:g}"


def _last(values: Array, share: float) -> Array:
    return values[-max(2, int(len(values) * share)) :]


def _around(curves: Curves, share: float) -> float:
    """Return the mean loss of the twentieth of the steps around a place in the run."""
    place, reach = int(share * len(curves.losses)), max(1, len(curves.losses) // 40)
    return float(np.nanmean(curves.losses[max(0, place - reach) : place + reach + 1]))


def _rate_at(curves: Curves, step: int) -> float:
    place = int(np.searchsorted(curves.steps, step))
    return float(curves.rates[min(place, len(curves.rates) - 1)]) if len(curves.rates) else math.nan
