"""Advice on a run: its findings weighed by trials of their remedies.

A remedy is offered where its trial ended clearly below the run's own, with both losses; so the cause that is shown is
the one whose remedy worked, and the trials of the others exclude them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.analysis.causes import Remedy
from core.analysis.findings import Finding, guessing
from core.analysis.trials import STEPS, Outcome, Trial, steps_within_budget
from core.hyperparameters import counted
from core.training.config import RunConfig

#: A remedy's loss is at most this share of the run's own; of a whole run's, whose last gains are small.
CLEARLY, AT_THE_END = 0.9, 0.98
#: Losses up to this share of guessing have learned something.
LEARNED = 0.9
#: The loss of a cause that is only guessed counts this much: a setting that cannot work goes before the rate, which
#: often makes up for it.
GUESSED = 2.0


@dataclass(frozen=True)
class Advice:
    """A remedy that was tried.

    Args:
        cause: in a sentence.
        gain: what it brought, measured.
        others: what the best remedy of each other cause brought; empty without another cause.
    """

    cause: str
    remedy: Remedy
    gain: str
    others: str = ""


def trials(config: RunConfig, found: Sequence[Finding]) -> list[Trial]:
    """Return the trials that weigh the findings: for each, the run's own and those of its remedies; none twice."""
    wanted = [trial for finding in found for trial in _trials(config, finding).values()]
    return list({trial.key: trial for trial in wanted}.values())


def advise(config: RunConfig, finding: Finding, outcomes: Mapping[str, Outcome]) -> Advice | None:
    """Return the best remedy of a finding; None if none helped, or none could be tried.

    Args:
        outcomes: of the trials, by their keys.
    """
    for cause in finding.causes:
        for remedy in cause.remedies:
            if remedy.measured:
                return Advice(cause.sentence, remedy, remedy.measured)
    planned = _trials(config, finding)
    if not planned:
        return None
    own = outcomes[planned[_name(config)].key]
    results = {key: outcomes[trial.key] for key, trial in planned.items()}
    helping = [
        (result.loss * (1.0 if cause.setting else GUESSED), cause, remedy)
        for cause in finding.causes
        for remedy in cause.remedies
        if _helps(config, finding, own, result := results[_name(remedy.config)])
    ]
    if not helping:
        return None
    _, cause, best = min(helping, key=lambda entry: entry[0])
    others = []
    for other in finding.causes:
        if other is not cause:
            remedy = min(other.remedies, key=lambda r: results[_name(r.config)].loss)
            others.append(f"{remedy.action}: loss {_loss(results[_name(remedy.config)])}")
    return Advice(cause.sentence, best, _gain(results[_name(best.config)], own), "; ".join(others))


def _name(config: RunConfig) -> str:
    """Name of a config among the trials of one finding."""
    return str(config.to_dict())


def _trials(config: RunConfig, finding: Finding) -> dict[str, Trial]:
    """Return the trials of one finding by their configs' names, the run's own first; empty without a remedy to try."""
    remedies = [remedy for cause in finding.causes for remedy in cause.remedies if not remedy.measured]
    if not remedies:
        return {}
    steps = finding.steps or (config.span.steps if finding.late else STEPS)
    own = steps_within_budget(config, steps)
    # What shows later cannot be tried in fewer steps.
    if (finding.late or finding.steps) and own < min(steps, config.span.steps):
        return {}
    images = own * config.images_per_step
    result = {_name(config): Trial(config, own)}
    for remedy in remedies:
        other = remedy.config
        most = other.span.steps if finding.late else max(own, STEPS, images // other.images_per_step)
        result[_name(other)] = Trial(other, steps_within_budget(other, most))
    return result


def _helps(config: RunConfig, finding: Finding, own: Outcome, result: Outcome) -> bool:
    if not math.isfinite(result.loss) or result.loss > LEARNED * guessing(config):
        return False
    return result.loss <= (AT_THE_END if finding.late and not finding.failed else CLEARLY) * own.loss


def _gain(result: Outcome, own: Outcome) -> str:
    after = "" if own.steps == result.steps else f" after {own.steps:,}"
    return f"after {counted(result.steps, 'step')}: loss {_loss(result)} instead of {_loss(own)}{after}"


def _loss(outcome: Outcome) -> str:
    return f"{outcome.loss:.3g}" if math.isfinite(outcome.loss) else "no number"
