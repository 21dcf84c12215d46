"""Schedules as lines of Python: the body of ``rate(step, lr)``, without the warm-up.

The lines know ``epoch``, the place of the step in epochs, ``progress``, its place in the run from 0 to 1, and
``history``, the validation loss of each epoch that is over (the training loss where nothing validates).
"""

import re

from core.training.config import RunConfig

_COSINE = "(1 + math.cos(math.pi * {})) / 2"

#: A place in braces is a hyper-parameter of the schedule.
BODIES = {
    "constant": ["return lr"],
    "step": ["return lr * {factor} ** math.floor((epoch + 1e-9) / {every})"],
    "multi_step": ["return lr * {factor} ** sum(epoch + 1e-9 >= milestone for milestone in {milestones})"],
    "exponential": ["return lr * {factor} ** epoch"],
    "inverse_time": ["return lr / (1 + {decay} * epoch)"],
    "polynomial": ["return lr * ({end} + (1 - {end}) * (1 - progress) ** {power})"],
    "linear": ["return lr * ({end} + (1 - {end}) * (1 - progress))"],
    "cosine": [f"return lr * ({{end}} + (1 - {{end}}) * {_COSINE.format('progress')})"],
    "cosine_restarts": [
        "start, length = 0.0, {period}",
        "while epoch + 1e-9 >= start + length:",
        "    start, length = start + length, length * {growth}",
        f"return lr * ({{end}} + (1 - {{end}}) * {_COSINE.format('(epoch - start) / length')})",
    ],
    "cyclic": [
        "cycle, position = divmod(epoch / {half_cycle}, 2)",
        "return lr * ({low} + (1 - {low}) * (1 - abs(position - 1)))",
    ],
    "cyclic_halving": [
        "cycle, position = divmod(epoch / {half_cycle}, 2)",
        "return lr * ({low} + (1 - {low}) * (1 - abs(position - 1)) * 0.5 ** cycle)",
    ],
    "one_cycle": [
        "if progress < {rise}:",
        f"    return lr * (1 + ({{start}} - 1) * {_COSINE.format('progress / {rise}')})",
        f"return lr * ({{end}} + (1 - {{end}}) * {_COSINE.format('(progress - {rise}) / (1 - {rise})')})",
    ],
    "plateau": [
        "rate, best, bad_epochs = lr, math.inf, 0",
        "for loss in history:",
        "    if loss < best * (1 - {threshold}):",
        "        best, bad_epochs = loss, 0",
        "    else:",
        "        bad_epochs += 1",
        "    if bad_epochs > {patience}:",
        "        rate, bad_epochs = max(rate * {factor}, lr * {lowest}), 0",
        "return rate",
    ],
}


def function(config: RunConfig) -> list[str]:
    """Return the lines of ``rate(step, lr)``, which give the config's rates."""
    span = config.span
    values = {p.name: p.default for p in config.schedule_spec.hyperparameters} | config.schedule_params
    shown = {name: repr(value) for name, value in values.items()}
    body = [line.format(**shown) for line in BODIES[config.schedule]]
    text = "\n".join(body)
    lines = ["def rate(step, lr):"]
    if config.warmup_steps:
        lines.append(f"    lr = lr * min(1, (step + 1) / {config.warmup_steps})  # linear warm-up")
    if re.search(r"\bepoch\b", text):
        lines.append(f"    epoch = step / {span.steps_per_epoch}")
    if "progress" in text:
        lines.append(f"    progress = min(1, step / {max(1, span.steps - 1)})")
    return [*lines, *(f"    {line}" for line in body)]


def is_constant(config: RunConfig) -> bool:
    """Return True if every step has the config's own rate, unless one is set by hand."""
    return config.schedule == "constant" and not config.warmup_steps
