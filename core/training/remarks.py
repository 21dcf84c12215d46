"""Remarks on settings that cannot act or cannot work together: said before a run, and suspected after it.

Each is a pure function of the config, in the words of the labels on pages. A test trains what each one claims.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.data import CLASSES
from core.hyperparameters import counted, number
from core.training.config import RunConfig

#: A run of fewer steps than this can hardly learn.
FEW_STEPS = 50
#: An epsilon from here on outweighs the gradients, whose root mean squares are around 0.001.
LARGE_EPSILON = 0.1
#: From here on the pull of the weight decay wins over the gradient: added to it, or each step's share of a weight.
LARGE_DECAY, LARGE_SHRINKAGE = 0.1, 0.01
#: From this share of replaced labels on, an image's own digit is no likelier a label than another.
UNREADABLE = 0.9
#: A rate below this share of the learning rate trains hardly anything.
ASLEEP = 0.01
#: Places of a run at which its schedule is read.
PLACES = 200


@dataclass(frozen=True)
class Remark:
    """One remark.

    Args:
        parameter: name of the setting.
        scope: the optimizer or schedule that the setting belongs to; empty for the others.
        sentence: what it does here, and the figures that show it.
        instead: the config without it; None where it harms nothing.
        action: what ``instead`` changes, in words.
    """

    parameter: str
    scope: str
    sentence: str
    instead: RunConfig | None = None
    action: str = ""


def remarks(config: RunConfig) -> list[Remark]:
    """Return the remarks on a config, the gravest first; empty if all of its settings can act."""
    rules = (
        *(_first_weights, _noise, _order, _centred, _weight_decay, _epsilon),
        *(_warmup, _steps, _small_batch, _schedule, _patience),
    )
    return [remark for rule in rules for remark in rule(config)]


def _first_weights(config: RunConfig) -> Iterator[Remark]:
    if config.initialization == "zero":
        yield Remark(
            "initialization",
            "",
            "With all first weights at 0, no hidden unit ever answers anything but 0, and no weight gets a gradient: "
            "only the biases of the outputs are trained.",
            replace(config, initialization="glorot"),
            "Glorot's first weights",
        )


def _noise(config: RunConfig) -> Iterator[Remark]:
    share, images = config.label_noise, config.images_per_epoch
    if share and not round(share * images):
        yield Remark(
            "label_noise", "", f"A share of {number(share)} of {images:,} labels is less than one: all stay true."
        )
    elif share >= UNREADABLE:
        yield Remark(
            "label_noise",
            "",
            f"With {share:.0%} of the labels replaced, an image's own digit is no likelier a label than any other "
            "digit.",
            replace(config, label_noise=0.0),
            "True labels",
        )


def _order(config: RunConfig) -> Iterator[Remark]:
    if config.shuffle == "by-label" and 2 * config.images_per_step < config.images_per_epoch:
        shown = "one digit alone" if CLASSES * config.images_per_step <= config.images_per_epoch else "some digits only"
        yield Remark(
            "shuffle",
            "",
            f"Ordered by label, a batch shows {shown}, and the network forgets the digits before it.",
            replace(config, shuffle="epoch"),
            "Shuffle in every epoch",
        )


def _centred(config: RunConfig) -> Iterator[Remark]:
    values = config.optimizer_spec.values(config.optimizer_params)
    if config.optimizer == "rmsprop" and values["centered"] and values["alpha"] == 0:
        parameters = {name: value for name, value in config.optimizer_params.items() if name != "alpha"}
        yield Remark(
            "alpha",
            config.optimizer,
            "With alpha 0 the mean square is the latest gradient's own, and centred it is 0: every step is the "
            f"gradient divided by the epsilon of {number(values['eps'])}, whatever the rate.",
            replace(config, optimizer_params=parameters),
            "The usual alpha",
        )


def _weight_decay(config: RunConfig) -> Iterator[Remark]:
    spec, decay = config.optimizer_spec, config.weight_decay
    shrinkage = config.lr * decay
    if not (decay >= LARGE_DECAY if spec.weight_decay == "l2" else shrinkage >= LARGE_SHRINKAGE):
        return
    pull = f"pulls each weight towards zero by {shrinkage:.2g} times its size at every step"
    if spec.weight_decay == "l2":
        pull = "adds so much of each weight to its gradient that the digits hardly count"
    yield Remark(
        "weight_decay",
        "",
        f"Weight decay {number(decay)} {pull}.",
        replace(config, weight_decay=spec.default_weight_decay),
        f"Weight decay {number(spec.default_weight_decay)}",
    )


def _epsilon(config: RunConfig) -> Iterator[Remark]:
    for parameter in config.optimizer_spec.hyperparameters:
        epsilon = config.optimizer_params.get("eps", 0.0)
        # A rule whose own epsilon is larger uses it for something else.
        if parameter.name != "eps" or not isinstance(parameter.default, float) or parameter.default > 1e-8:
            continue
        if isinstance(epsilon, float) and epsilon >= LARGE_EPSILON:
            parameters = {name: value for name, value in config.optimizer_params.items() if name != "eps"}
            yield Remark(
                "eps",
                config.optimizer,
                f"Epsilon {number(epsilon)} is far above the gradients' usual size of 0.001: it takes the place of "
                f"{config.optimizer_spec.label}'s denominator, and the steps become as small as the gradients.",
                replace(config, optimizer_params=parameters),
                f"Epsilon {number(parameter.default)}",
            )


def _warmup(config: RunConfig) -> Iterator[Remark]:
    warmup, steps, spec = config.warmup_steps, config.span.steps, config.optimizer_spec
    if _first_step_only(config) and warmup > 1:
        first = _first_rate(config)
        sentence = f"{spec.label} takes the learning rate for its first step alone, and the warm-up makes that {first}."
    elif warmup > steps:
        highest = number(float(f"{config.lr * steps / warmup:.2g}"))
        sentence = (
            f"The warm-up of {warmup:,} steps is longer than the run of {steps:,}: the learning rate never rises "
            f"above {highest}."
        )
    else:
        return
    yield Remark("warmup_steps", "", sentence, replace(config, warmup_steps=0), "No warm-up")


def _steps(config: RunConfig) -> Iterator[Remark]:
    steps, spec = config.span.steps, config.optimizer_spec
    # One step of an optimizer with a closure is many evaluations.
    if steps >= FEW_STEPS or spec.closure:
        return
    sentence = f"The run has only {counted(steps, 'step')} of {counted(config.images_per_step, 'image')} each."
    if isinstance(spec.batch_size, int) and config.images_per_step >= 2 * spec.batch_size:
        instead = replace(config, batch_size=spec.batch_size)
        yield Remark("batch_size", "", sentence, instead, f"Batch {spec.batch_size}: more steps for the same images")
    elif config.epochs < 1000:
        epochs = min(1000, config.epochs * math.ceil(4 * FEW_STEPS / steps))
        yield Remark("epochs", "", sentence, replace(config, epochs=epochs), f"{epochs} epochs")


def _small_batch(config: RunConfig) -> Iterator[Remark]:
    spec, size = config.optimizer_spec, config.images_per_step
    # Rules that divide by the gradient's own size, which have an epsilon, and orthogonal steps do not grow with noise.
    divides = spec.matrices or any(parameter.name == "eps" for parameter in spec.hyperparameters)
    if divides or not spec.rate_sets_every_step or not isinstance(spec.batch_size, int) or 8 * size > spec.batch_size:
        return
    # The noise of a mean over n images shrinks with the root of n (Krizhevsky, One weird trick, 2014, section 5).
    fitting = float(f"{spec.lr * math.sqrt(size / spec.batch_size):.1g}")
    if config.lr >= 2 * fitting:
        yield Remark(
            "lr",
            "",
            f"Learning rate {number(config.lr)} suits batches of {spec.batch_size}; steps of {counted(size, 'image')} "
            f"are noisier, and about {number(fitting)} suits them.",
            replace(config, lr=fitting),
            f"Learning rate {number(fitting)}",
        )


def _schedule(config: RunConfig) -> Iterator[Remark]:
    spec, schedule = config.optimizer_spec, config.schedule_spec
    if config.schedule == "constant":
        return
    steps = config.span.steps
    places = sorted({i * (steps - 1) // (PLACES - 1) for i in range(PLACES)})
    planned = replace(config, warmup_steps=0).planned_rates(places, config.span.stalled)
    if _first_step_only(config):
        effect = f": {schedule.label} has no effect"
        if planned[0] != config.lr:
            effect = f", and {schedule.label} makes that {_first_rate(config)}"
        sentence = f"{spec.label} takes the learning rate for its first step alone{effect}."
        yield Remark("schedule", "", sentence)
    elif _searched(config):
        sentence = f"The line search sets the length of each step: {schedule.label} only sets where it begins."
        yield Remark("schedule", "", sentence)
    elif max(planned) == min(planned):
        cannot = "cannot react" if schedule.reacts else "does not change the rate"
        sentence = f"{schedule.label} {cannot} within {counted(config.epochs, 'epoch')}."
        yield Remark("schedule", "", sentence)
    elif not schedule.reacts and sorted(planned)[len(planned) // 2] < ASLEEP * config.lr:
        sentence = (
            f"Under {schedule.label}, the rate is below {ASLEEP * config.lr:.2g}, a hundredth of the learning rate, "
            "for more than half of the run."
        )
        yield Remark(
            "schedule", "", sentence, replace(config, schedule="constant", schedule_params={}), "A constant rate"
        )


def _patience(config: RunConfig) -> Iterator[Remark]:
    # The first epoch is the best one at the earliest, and after the last one the run is over anyway.
    if config.patience and (earliest := config.patience + 1) >= config.epochs:
        sentence = f"The run cannot end early: that is after epoch {earliest} at the earliest, and it has"
        yield Remark("patience", "", f"{sentence} {config.epochs}.")


def _first_step_only(config: RunConfig) -> bool:
    return not config.optimizer_spec.rate_sets_every_step and not config.optimizer_spec.closure


def _first_rate(config: RunConfig) -> str:
    (rate,) = config.planned_rates([0])
    return number(float(f"{rate:.2g}"))


def _searched(config: RunConfig) -> bool:
    spec = config.optimizer_spec
    return spec.closure and spec.values(config.optimizer_params).get("line_search") != "none"
