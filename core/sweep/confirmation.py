"""The confirmation of a sweep: the best few and the default, trained again with seeds that the sweep has not seen.

Validation chose among many, so the best score is partly luck. Fresh seeds have no part in the choice. All contestants
have the same seeds, so they are compared in pairs. The test set is read for the winner alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.runs import states
from core.runs.store import Run
from core.sweep.intervals import Interval, difference, interval, luck, spread
from core.sweep.own_runs import OwnRuns
from core.sweep.settings import Settings
from core.training.config import SEED, RunConfig

#: Seeds of each contestant, and contestants besides the default, unless given.
SEEDS, BEST = 5, 3


@dataclass(frozen=True)
class Contestant:
    """A choice that is trained again.

    Args:
        trial: its number in the sweep; None for the settings that the sweep began from.
        config: of the sweep, so with the sweep's seed.
        runs: ids, in the order of the fresh seeds; none before they are begun.
        score: validation accuracy in the sweep; None for the default, if the sweep did not try it.
        validation: accuracies of the runs that have finished, by fresh seed; a run that diverged counts as 0.
        accuracy: their mean and interval; None before the first.
        behind: how far it is behind the winner, winner less this, with its interval; None for the winner, and before
            both are finished. They differ by more than chance if the interval lies above 0.
    """

    trial: int | None
    config: RunConfig
    runs: tuple[str, ...]
    score: float | None
    validation: tuple[float, ...] = ()
    accuracy: Interval | None = None
    behind: Interval | None = None

    @property
    def apart(self) -> bool:
        """True if the winner is better by more than chance explains."""
        return self.behind is not None and self.behind.low is not None and self.behind.low > 0


@dataclass(frozen=True)
class Confirmation:
    """The state of a confirmation.

    Args:
        contestants: those of the sweep, best first by their scores there, then the default.
        done: all runs have ended.
        winner: the index of the contestant of the highest confirmed mean; None before ``done``.
        test: test accuracy of the winner over its seeds; None before ``done``.
        noise: standard deviation of an accuracy between seeds, within settings, from this very sweep; None if unknown.
        expected_luck: the amount by which the sweep's best score is expected to exceed its own true value, by the noise
            and all scores of the sweep; None where the noise is not known.
        seen_luck: the amount by which the sweep's best score exceeded its confirmed mean; None before ``done``.
    """

    contestants: tuple[Contestant, ...]
    done: bool
    winner: int | None = None
    test: Interval | None = None
    noise: float | None = None
    expected_luck: float | None = None
    seen_luck: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain types."""
        plain = asdict(self)
        for given, contestant in zip(plain["contestants"], self.contestants, strict=True):
            given |= {"config": contestant.config.to_dict(), "apart": contestant.apart}
        return plain


def refusal(settings: Settings) -> str:
    """Return one sentence where a sweep of these settings cannot be confirmed, else ""."""
    if "seed" not in settings.space.names:
        return ""
    # All contestants would be trained with the same fresh seeds, which may be all that they differ in.
    return "A sweep that varies the seed cannot be confirmed, since a confirmation gives every setting the same seeds."


def plan(settings: Settings, trials: Sequence[Any], best: int, seeds: int) -> dict[str, Any]:
    """Return what is to be trained, as plain JSON types for ``contestants`` and ``configs``.

    Args:
        trials: all of the sweep, as ``Trial``.
        best: number of them that are confirmed.
        seeds: number of fresh seeds: those after all seeds of the sweep.

    Raises:
        ValueError: where the seed is varied, before a trial has finished, or where so many seeds are not left.
    """
    if refused := refusal(settings):
        raise ValueError(refused)
    finished = [trial for trial in trials if trial.state == "finished" and trial.accuracy is not None]
    if not finished:
        raise ValueError("A sweep must have a finished trial before its best can be confirmed.")
    chosen = sorted(finished, key=lambda trial: -trial.accuracy)[:best]
    found = [(trial.number, trial.config, trial.accuracy) for trial in chosen]
    base = settings.space.base
    if base not in [trial.config for trial in chosen]:
        found.append((None, base, next((trial.accuracy for trial in finished if trial.config == base), None)))
    last = max(base.seed, max(trial.config.seed for trial in trials) + settings.seeds - 1)
    if last + seeds > SEED.high:
        raise ValueError(
            f"A confirmation must have {seeds} fresh seeds above the sweep's highest, {last}, and none above "
            f"{SEED.high}."
        )
    given = [{"trial": number, "config": config.to_dict(), "score": score} for number, config, score in found]
    return {"contestants": given, "seeds": [last + 1 + i for i in range(seeds)]}


def begun(given: Mapping[str, Any], run_ids: Sequence[str]) -> dict[str, Any]:
    """Return what ``plan`` returned with the ids of the runs: of each of its ``configs``, in their order."""
    each = len(given["seeds"])
    parts = [run_ids[i * each : (i + 1) * each] for i in range(len(given["contestants"]))]
    pairs = zip(given["contestants"], parts, strict=True)
    return {**given, "contestants": [{**one, "runs": [*own]} for one, own in pairs]}


def contestants(given: Mapping[str, Any]) -> list[Contestant]:
    """Return the contestants of what ``plan`` or ``begun`` returned."""
    return [
        Contestant(one["trial"], RunConfig.from_dict(one["config"]), tuple(one.get("runs", ())), one["score"])
        for one in given["contestants"]
    ]


def configs(given: Mapping[str, Any]) -> list[RunConfig]:
    """Return each contestant's config for every fresh seed, one contestant after the other."""
    return [replace(one.config, seed=seed) for one in contestants(given) for seed in given["seeds"]]


def found(given: Mapping[str, Any] | None, own: OwnRuns) -> list[Contestant]:
    """Return the contestants of a confirmation with their runs; none before it was asked for, and its runs begun.

    None is begun here: to look at a sweep starts nothing.

    Args:
        given: what ``plan`` or ``begun`` returned.
        own: the sweep's runs.
    """
    if given and not any("runs" in one for one in given["contestants"]) and own.has(configs(given)):
        # They were not noted, as the process was killed, or the sweep is one of an earlier version.
        given = begun(given, own.of(configs(given)))
    return [one for one in contestants(given) if one.runs] if given else []


def shown(rivals: Sequence[Contestant], own: OwnRuns, finished: Sequence[Any]) -> Confirmation | None:
    """Return the confirmation as far as its runs have come; None before it was asked for.

    Args:
        rivals: as ``found`` returns them.
        own: the sweep's runs.
        finished: trials of the sweep, as ``Trial``.
    """
    if not rivals:
        return None
    runs = [[own.of_settings(run_id) for run_id in rival.runs] for rival in rivals]
    scores = [trial.accuracy for trial in finished if trial.accuracy is not None]
    return confirmed(rivals, runs, scores, [trial.finals for trial in finished])


def confirmed(
    rivals: Sequence[Contestant],
    runs: Sequence[Sequence[Run | None]],
    scores: Sequence[float],
    finals: Sequence[Sequence[float]],
) -> Confirmation:
    """Return the confirmation as far as the runs have come.

    Args:
        rivals: the contestants, without figures.
        runs: of each of them, in the order of the seeds; None for one that was removed.
        scores: of all finished trials of the sweep.
        finals: each finished trial's accuracies, by seed.
    """
    done = all(run is None or run.over for own in runs for run in own)
    figures = [tuple(accuracy for run in own if (accuracy := _accuracy(run)) is not None) for own in runs]
    whole = done and all(len(own) == len(part) for own, part in zip(runs, figures, strict=True))
    winner = max(range(len(figures)), key=lambda i: sum(figures[i])) if whole and figures else None
    rated = []
    for i, (rival, own) in enumerate(zip(rivals, figures, strict=True)):
        behind = None
        if winner is not None and i != winner:
            behind = difference(figures[winner], own, len(figures) - 1)
        mean = interval(own) if own else None
        rated.append(replace(rival, validation=own, accuracy=mean, behind=behind))
    noise = spread([*finals, *(own for own in figures if all(own))])
    seeds = max((len(own) for own in finals), default=1)
    expected = luck(tuple(scores), noise / seeds**0.5) if noise is not None and scores else None
    test = seen = None
    if winner is not None:
        tests = [run.test_accuracy for run in runs[winner] if run and run.test_accuracy is not None]
        test = interval(tests) if tests else None
        first = rated[0]
        seen = first.score - first.accuracy.mean if first.score is not None and first.accuracy else None
    return Confirmation(tuple(rated), done, winner, test, noise, expected, seen)


def _accuracy(run: Run | None) -> float | None:
    """Return the validation accuracy that a run has ended with; None if it has not, or failed."""
    if run is None or run.state not in (states.FINISHED, states.DIVERGED):
        return None
    return 0.0 if run.state == states.DIVERGED else run.validation_accuracy
