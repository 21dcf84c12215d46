"""Findings about a finished run: what happened, with its figures, and the causes that it may have.

Every finding is a pure function of the run's config, its curves and, where there are any, its diagnoses. A finding that
lacks its measurement is not made, no two of one run advise against each other, and each names its possible causes with
remedies that ``core.analysis.advice`` tries before one is offered.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.analysis.causes import (
    Cause,
    Remedy,
    as_planned,
    falling,
    lower_rates,
    possible_causes,
)
from core.analysis.diagnostics import Diagnosis
from core.analysis.trials import STEPS
from core.runs.curves import Curves
from core.runs.history import Array
from core.training.config import RunConfig, same_rates
from core.training.network import HIDDEN


@dataclass(frozen=True)
class Finding:
    """One finding.

    Args:
        kind: a short name for it.
        sentence: what happened, with its figures.
        causes: the likelier first; only one of them is shown.
        late: it shows at the end of the run, not in its first steps.
        steps: of the run's first ones, those that show it; 0 for a few hundred, or for all of a late one.
        failed: the run learned nothing that holds.
    """

    kind: str
    sentence: str
    causes: tuple[Cause, ...] = ()
    late: bool = False
    steps: int = 0
    failed: bool = False


#: The loss of a network that answers "a tenth each" to every image.
GUESSING = {"cross_entropy": math.log(10), "mse": 0.09}
#: A loss that ends above this share of guessing has learned nothing; one that went above that share rose.
NOTHING, ROSE = 0.95, 1.5
#: A test accuracy above this is not guessed.
READS_SOME = 0.2
#: A test accuracy below this share of the training accuracy is of a network that forgets what it was shown.
FORGOTTEN = 0.5
#: A rise of the validation loss above its minimum by this share counts as overfitting.
OVERFIT = 0.05
#: Halfway through a slow run, the loss is still above this share of guessing.
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
#: Images whose mean loss can rise; that of a single one goes up and down by itself.
MEANT = 64
#: Fewer training images than this do not stand for all digits.
FEW_IMAGES = 1000


def findings(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> list[Finding]:
    """Return the findings about a run that is over, the gravest first; empty if nothing stands out."""
    dead = dead_units(config, diagnoses)
    # A run that failed, or is still on its way, shows nothing about finer points.
    for grave in (diverged, learnt_nothing, forgets, too_slow):
        if found := grave(config, curves):
            # Its own remedy would be a lower rate, which need not be this finding's.
            return [found, *([replace(dead, causes=())] if dead else [])]
    over = overfitting(config, curves)
    # One way for the rate or the batch to be wrong: they would name opposite remedies. More steps do not help a run
    # that has had too many.
    progress = (
        beyond_stability(config, curves, diagnoses)
        or bouncing(config, curves)
        or (None if over else batch_too_large(config, curves) or plateau(config, curves))
    )
    return [finding for finding in (dead, over, progress) if finding]


def _large(loss: float) -> str:
    """Write three digits of a loss; in full up to a million, which a beginner reads sooner than a power of ten.

    >>> _large(2.8167), _large(15_234.0), _large(248_123.0), _large(1.25e8)
    ('2.82', '15,200', '248,000', '1.25e+08')
    """
    return f"{float(f'{loss:.3g}'):,.0f}" if 1e3 <= loss < 1e6 else f"{loss:.3g}"


def guessing(config: RunConfig, share: float = 1.0) -> float:
    """Return the training loss at a share of the way from the lowest that there is (0) to guessing (1)."""
    # Smoothed targets and replaced labels have an entropy, which no network gets below that reads the digits right.
    spread, noise = config.label_smoothing / 10, config.label_noise
    right = 1 - 9 * spread
    targets = [(1 - noise) * right + noise * spread, *[(1 - noise) * spread + noise * (right + 8 * spread) / 9] * 9]
    if config.loss == "mse":
        lowest = (1 - sum(target * target for target in targets)) / 10
    else:
        lowest = -sum(target * math.log(target) for target in targets if target > 0)
    return lowest + share * (GUESSING[config.loss] - lowest)


def diverged(config: RunConfig, curves: Curves) -> Finding | None:
    if curves.diverged is None:
        return None
    rate = _rate_at(curves, curves.diverged)
    at = f", with the learning rate at {rate:.3g}," if math.isfinite(rate) else ""
    return Finding(
        "diverged",
        f"It diverged: at step {curves.diverged:,}{at} the loss stopped being a number.",
        possible_causes(config, curves, up=False),
        steps=max(STEPS, curves.diverged + 1),
        failed=True,
    )


def learnt_nothing(config: RunConfig, curves: Curves) -> Finding | None:
    """Find a loss that ends where guessing is, or above."""
    if len(curves.losses) < 2:
        return None
    guess, end = guessing(config), _end(curves)
    at, highest = _highest(config, curves)
    if end < guessing(config, NOTHING):
        return None
    # A last digit unlike those before it can spoil the loss of a network that reads some.
    some = curves.test_accuracy is not None and curves.test_accuracy > READS_SOME
    learnt = "It learnt little" if some else "It learnt nothing"
    if max(end, highest) > ROSE * guess:
        sentence = (
            f"{learnt}: the loss rose to {_large(highest)} at step {at:,} and ended at {_large(end)}; guessing "
            f"gives {guess:.3g}."
        )
        causes, steps = possible_causes(config, curves, up=False), max(STEPS, at + 1)
        return Finding("learnt nothing", sentence, causes, steps=steps, failed=True)
    sentence = f"{learnt}: the loss ended at {end:.3g}, and guessing gives {guess:.3g}."
    return Finding("learnt nothing", sentence, possible_causes(config, curves), failed=True)


def forgets(config: RunConfig, curves: Curves) -> Finding | None:
    """Find a network that was right on its batches and is wrong on the test digits."""
    if not curves.epochs or curves.test_accuracy is None:
        return None
    # Few images and wrong labels can be learnt by heart, and help little with others.
    if config.label_noise or config.images_per_epoch < FEW_IMAGES:
        return None
    seen = curves.epochs[-1].train_accuracy
    if seen < FORGOTTEN or curves.test_accuracy >= FORGOTTEN * seen:
        return None
    return Finding(
        "forgets",
        f"It does not keep what it learns: while it trained it was right about {seen:.0%} of the last epoch's images, "
        f"and in the end it reads {curves.test_accuracy:.0%} of the test digits.",
        possible_causes(config, curves, up=False),
        failed=True,
    )


def dead_units(config: RunConfig, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    if not diagnoses or diagnoses[-1].dead < DEAD * HIDDEN:
        return None
    return Finding(
        "dead units",
        f"{diagnoses[-1].dead} of {HIDDEN} hidden units are dead: they answer 0 to every one of the images shown, so "
        "no gradient reaches them.",
        (Cause("Steps that are too large push units out of reach.", lower_rates(config, (3.0, 10.0))),),
    )


def beyond_stability(config: RunConfig, curves: Curves, diagnoses: Sequence[Diagnosis] = ()) -> Finding | None:
    """Check plain gradient descent only: for it the threshold is a theorem."""
    if config.optimizer != "sgd" or not diagnoses or not len(curves.rates):
        return None
    last, rate = diagnoses[-1], float(curves.rates[-1])
    if not rate > last.largest_stable_rate:
        return None
    return Finding(
        "stability",
        f"The rate of {rate:.3g} is beyond the stable {last.largest_stable_rate:.3g}, which is 2 divided by the loss's "
        f"sharpness of {last.sharpness:.3g}: plain gradient descent must bounce here.",
        falling(config, curves),
        late=True,
    )


def too_slow(config: RunConfig, curves: Curves) -> Finding | None:
    """Find a loss that has hardly come down halfway through, and is still falling."""
    if len(curves.losses) < 3:
        return None
    half, end = _around(curves, 0.5), _end(curves)
    if not (half > guessing(config, SLOW) and end < half):
        return None
    return Finding(
        "too slow",
        f"It is too slow: halfway through its {_taken(curves):,} steps, the loss was still {half:.3g}, and at the "
        f"end {end:.3g}; guessing gives {guessing(config):.3g}.",
        possible_causes(config, curves),
    )


def batch_too_large(config: RunConfig, curves: Curves) -> Finding | None:
    """Find large batches whose losses hardly scatter, in a run that still makes progress."""
    size = config.images_per_step
    if size < LARGE_BATCH or len(curves.losses) < 10 or isinstance(config.optimizer_spec.batch_size, str):
        return None
    tail = _last(curves.losses, 0.3)
    # Where a loss is 0 there is nothing left to gain, and no share of it.
    if len(tail) < 5 or not np.isfinite(tail).all() or not tail.all():
        return None
    scatter = float(np.abs(np.diff(tail, 2)).mean() / tail.mean() / math.sqrt(6))
    # Of means: single steps scatter by as much as a loss falls here.
    fall = float(1 - _last(tail, 0.1).mean() / _last(tail[::-1], 0.1).mean())
    if scatter > SMOOTH or fall < 0.02:
        return None
    smaller = max(64, size // 8)
    return Finding(
        "batch too large",
        f"The batch of {size:,} is larger than the noise asks for: neighbouring steps' losses scatter by only "
        f"{scatter:.1%}, and the loss still fell by {fall:.0%} over the last {len(tail):,} of {_taken(curves):,} "
        "steps.",
        (
            Cause(
                "Averaging over more images gains nothing here.",
                (Remedy(replace(config, batch_size=smaller), f"Batch {smaller}: more steps for the same images"),),
            ),
        ),
        late=True,
    )


def overfitting(config: RunConfig, curves: Curves) -> Finding | None:
    losses = [epoch.validation_loss for epoch in curves.epochs]
    known = [loss for loss in losses if loss is not None]
    if len(known) < 3 or len(known) < len(losses) or config.validation_images < MEANT:
        return None
    best = int(np.argmin(known))
    rise = known[-1] / known[best] - 1 if known[best] else 0.0
    falling = curves.epochs[-1].train_loss < curves.epochs[best].train_loss
    if rise < OVERFIT or best == len(known) - 1 or not falling:
        return None
    # A run that went on from another one lacks the first epochs.
    epoch = curves.epochs[best].epoch + 1
    shorter = replace(config, epochs=epoch)
    # Where the rate does not depend on the run's length, the shorter run is this one's beginning.
    same = same_rates(config, shorter) and as_planned(config, curves)
    measured = f"validation loss {known[best]:.3f} instead of {known[-1]:.3f}" if same else ""
    cause = Cause("It learns its training images by heart.", (Remedy(shorter, f"Stop after epoch {epoch}", measured),))
    return Finding(
        "overfitting",
        f"It has been overfitting since epoch {epoch}: from then on the training loss fell from "
        f"{curves.epochs[best].train_loss:.3f} to {curves.epochs[-1].train_loss:.3f}, but the validation loss rose by "
        f"{rise:.0%}, from {known[best]:.3f} to {known[-1]:.3f}.",
        (cause,) if curves.epochs[0].epoch == 0 else (),
        late=True,
    )


def bouncing(config: RunConfig, curves: Curves) -> Finding | None:
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
        falling(config, curves),
        late=True,
    )


def plateau(config: RunConfig, curves: Curves) -> Finding | None:
    """Find last epochs that no longer lowered the training loss, which is not yet small."""
    losses = [epoch.train_loss for epoch in curves.epochs]
    if len(losses) < 4:
        return None
    tail = losses[-max(3, len(losses) // 3) - 1 :]
    if not tail[0]:
        return None
    fall = (tail[0] - tail[-1]) / tail[0] / (len(tail) - 1)
    if not -STILL < fall < STILL or curves.epochs[-1].train_accuracy > 0.995:
        return None
    causes = list(possible_causes(config, curves))
    if curves.rates[-1] > 0.5 * curves.rates.max():
        causes = [*falling(config, curves)[:1], *causes]
    return Finding(
        "plateau",
        f"It stands still: over the last {len(tail) - 1} epochs the training loss went from {tail[0]:.3f} to "
        f"{tail[-1]:.3f}, {abs(fall):.1%} an epoch.",
        tuple(causes),
        late=True,
    )


def _taken(curves: Curves) -> int:
    """Return the number of steps that the run took itself: one that went on from another one began later."""
    return curves.last_step - int(curves.steps[0])


def _highest(config: RunConfig, curves: Curves) -> tuple[int, float]:
    """Return the highest mean loss of ``MEANT`` images or of a larger step's, and the step with the last of them."""
    width = min(math.ceil(MEANT / config.images_per_step), len(curves.losses))
    # A run may be cut off between a loss that is no number and the event that says so.
    losses = np.where(np.isnan(curves.losses), np.inf, curves.losses)
    means = np.convolve(losses, np.full(width, 1 / width), "valid")
    place = int(np.argmax(means))
    return int(curves.steps[place + width - 1]), float(means[place])


def _last(values: Array, share: float) -> Array:
    return values[-max(2, int(len(values) * share)) :]


def _end(curves: Curves) -> float:
    """Return the mean loss of the last tenth of the steps; infinite if one of them is not a number."""
    end = float(_last(curves.losses, 0.1).mean())
    return end if math.isfinite(end) else math.inf


def _around(curves: Curves, share: float) -> float:
    """Return the mean loss of the twentieth of the steps around a place in the run."""
    place, reach = int(share * len(curves.losses)), max(1, len(curves.losses) // 40)
    return float(np.nanmean(curves.losses[max(0, place - reach) : place + reach + 1]))


def _rate_at(curves: Curves, step: int) -> float:
    place = int(np.searchsorted(curves.steps, step))
    return float(curves.rates[min(place, len(curves.rates) - 1)]) if len(curves.rates) else math.nan
