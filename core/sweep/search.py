"""The search: Optuna's ask and tell over a journal. Import it only where a sweep runs, since it alone imports Optuna.

Every suggestion is drawn with a seed of its own, of the search's seed and the trial's number: a search that goes on
after a restart must not draw the same settings again.
"""

import json
import math
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.samplers._lazy_random_state import LazyRandomState
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.trial import FrozenTrial, TrialState

from core.hyperparameters import number
from core.sweep.grid import Grid, tried
from core.sweep.settings import Settings
from core.sweep.space import Dimension

#: Successive halving (Jamieson and Talwalkar 2016; asynchronous, Li et al. 2020): after 1, 3, 9, ... epochs the best
#: third goes on.
FIRST_RUNG, REDUCTION = 1, 3
#: Trials that TPE draws at random before it models the results.
STARTUP = 10
#: Choices in a row that do not fit together, after which a search gives up.
MISFITS = 100
STUDY = "sweep"

optuna.logging.set_verbosity(optuna.logging.ERROR)
# Advice for people who call Optuna themselves; PED-ANOVA gives it for every rare setting.
warnings.filterwarnings("ignore", message="Some regimes for parameter")
warnings.filterwarnings("ignore", message="Target and region quantiles")
warnings.filterwarnings("ignore", message="The number of trials is too small")


#: What the search learns of a trial's end. One that diverged is a complete one of a low score, to be avoided.
_ENDS = {"finished": TrialState.COMPLETE, "diverged": TrialState.COMPLETE, "pruned": TrialState.PRUNED}


@dataclass(frozen=True)
class Found:
    """A trial of the journal.

    Args:
        state: as it was ended, ``stopped`` for one that failed and is tried again; "" before.
        runs: ids, as far as they are noted.
        pruned: it was to be stopped.
        reported: epochs that were reported.
        seconds: that the sweep had run at its end; 0 before.
        result: what ``end`` was given; None while it is under way.
    """

    number: int
    chosen: dict[str, Any]
    state: str
    runs: list[str]
    pruned: bool
    reported: int
    seconds: float
    result: dict[str, Any] | None


class Search:
    """The trials of a sweep and what to try next. Not safe for several threads at once.

    Args:
        path: of the journal, made if it is not there; one process has it.
        settings: of the sweep, the same every time.
        retried: numbers of trials that failed and count as stopped, so that they come again; may grow.
    """

    def __init__(self, path: Path, settings: Settings, retried: Iterable[int] = ()) -> None:
        self.retried = set(retried)
        self.settings, self._space = settings, settings.space
        self._dimensions = {dimension.name: dimension for dimension in self._space.dimensions}
        self._grid = Grid(self._space) if settings.sampler == "grid" else None
        mend(path)
        pruner = optuna.pruners.SuccessiveHalvingPruner(FIRST_RUNG, REDUCTION) if settings.prune else None
        storage = JournalStorage(_Journal(str(path), _Owned()))
        self._tpe = _Tpe(n_startup_trials=STARTUP, multivariate=True, constant_liar=True)
        self.study = optuna.create_study(
            storage=storage,
            study_name=STUDY,
            direction="maximize",
            pruner=pruner or optuna.pruners.NopPruner(),
            sampler=RandomSampler(0),
            load_if_exists=True,
        )
        self._live: dict[int, optuna.Trial] = {}
        self._chosen: dict[int, dict[str, Any]] = {}

    def trials(self) -> list[FrozenTrial]:
        """Return all trials in their order, not to be changed."""
        return self.study.get_trials(deepcopy=False)

    def complete(self) -> list[FrozenTrial]:
        """Return the trials that have a score."""
        return self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    def found(self) -> list[Found]:
        """Return the trials of the journal, without those whose values did not fit together."""
        found = []
        for trial in self.trials():
            noted, chosen = trial.user_attrs, self.chosen(trial)
            over = trial.state.is_finished()
            if chosen is None:
                if not over:
                    # The process was killed in the midst of drawing its values.
                    self.study.tell(trial.number, state=TrialState.FAIL)
                continue
            result = {name: tuple(values) for name, values in noted.get("result", {}).items()} if over else None
            reported = max(trial.intermediate_values, default=0)
            state, runs = self._state(trial), noted.get("runs", [])
            pruned, seconds = noted.get("pruned", False), noted.get("seconds", 0.0)
            found.append(Found(trial.number, chosen, state, runs, pruned, reported, seconds, result))
        return found

    def ask(self) -> tuple[int, dict[str, Any]] | None:
        """Return the number of a new trial and its choice; None if a grid has no point left.

        Raises:
            ValueError: if no choice is found whose values fit together.
        """
        for _ in range(MISFITS):
            sampler = self._sampler(len(self.trials()))
            if sampler is None:
                return None
            self.study.sampler = sampler
            trial = self.study.ask()
            chosen: dict[str, Any] = {}
            for dimension in self._space.in_order:
                if self._space.exists(dimension.name, chosen):
                    chosen[dimension.name] = _suggest(trial, dimension)
            if self._space.fits(chosen):
                self._live[trial.number], self._chosen[trial.number] = trial, chosen
                return trial.number, chosen
            self.study.tell(trial, state=TrialState.FAIL)
        raise ValueError("The varied settings must fit together; none of the last 100 choices did.")

    def chosen(self, trial: FrozenTrial) -> dict[str, Any] | None:
        """Return the choice of a trial of the journal; None where its values were not all drawn, or do not fit."""
        if trial.number in self._chosen:
            return self._chosen[trial.number]
        chosen: dict[str, Any] = {}
        for dimension in self._space.in_order:
            if self._space.exists(dimension.name, chosen):
                if dimension.name not in trial.params:
                    return None
                chosen[dimension.name] = _value(dimension, trial.params[dimension.name])
        if not self._space.fits(chosen):
            return None
        self._chosen[trial.number] = chosen
        return chosen

    def note(self, number: int, **attributes: Any) -> None:
        """Write plain JSON types beside the trial."""
        for name, value in attributes.items():
            self._trial(number).set_user_attr(name, value)

    def report(self, number: int, accuracy: float, epochs: int) -> bool:
        """Report a trial's accuracy after so many epochs; True if it is to be stopped there."""
        trial = self._trial(number)
        trial.report(accuracy, epochs)
        return trial.should_prune()

    def end(self, number: int, state: str, score: float, result: Mapping[str, Any], seconds: float = 0.0) -> None:
        """End a trial.

        Args:
            state: one of ``TRIAL_STATES``.
            score: counts for one that finished or diverged.
            result: lists, returned by ``found``.
            seconds: that the sweep has run.
        """
        self.note(number, state=state, result=dict(result), seconds=seconds)
        self._live.pop(number, None)
        ended = _ENDS.get(state, TrialState.FAIL)
        self.study.tell(number, score if ended == TrialState.COMPLETE else None, ended)

    def _state(self, trial: FrozenTrial) -> str:
        """Return the state in which a trial was ended; "" before."""
        state = str(trial.user_attrs.get("state", ""))
        return "stopped" if state == "failed" and trial.number in self.retried else state

    def _trial(self, number: int) -> optuna.Trial:
        if number not in self._live:
            self._live[number] = optuna.Trial(self.study, self.trials()[number]._trial_id)
        return self._live[number]

    def _sampler(self, number: int) -> BaseSampler | None:
        seed = int(np.random.SeedSequence((self.settings.seed, number)).generate_state(1)[0])
        match self.settings.sampler:
            case "grid":
                point = self._next_point()
                return _Given(point, self._dimensions) if point is not None else None
            case "sobol":
                return _Given(self._sobol(number), self._dimensions)
            case "random":
                return RandomSampler(seed)
        return self._tpe.seeded(seed)

    def _next_point(self) -> Mapping[str, Any] | None:
        assert self._grid is not None
        # A trial that somebody stopped comes again.
        kept = (t for t in self.trials() if t.state != TrialState.FAIL or self._state(t) == "failed")
        made = ((self.chosen(trial), trial.value) for trial in kept)
        place = self._grid.next(tried(self._grid, [(chosen, value) for chosen, value in made if chosen]))
        return None if place is None else self._grid.points[place]

    def _sobol(self, number: int) -> Mapping[str, Any]:
        engine = torch.quasirandom.SobolEngine(len(self._dimensions), scramble=True, seed=self.settings.seed)
        shares = engine.fast_forward(number).draw(1, dtype=torch.float64)[0].tolist()
        return {name: d.drawn(share) for (name, d), share in zip(self._dimensions.items(), shares, strict=True)}


class _Given(BaseSampler):
    """The values that were decided elsewhere."""

    def __init__(self, chosen: Mapping[str, Any], dimensions: Mapping[str, Dimension]) -> None:
        self._chosen, self._dimensions = chosen, dimensions

    def infer_relative_search_space(self, *_: Any) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, *_: Any) -> dict[str, Any]:
        return {}

    def sample_independent(self, *given: Any) -> Any:
        _study, _trial, name, _distribution = given
        return _parameter(self._dimensions[name], self._chosen[name])


class _Tpe(TPESampler):
    """TPE whose next draws depend on a seed and the trials alone."""

    def seeded(self, seed: int) -> "_Tpe":
        """Draw from this seed on. A new sampler for each trial would compare the parameters of all trials anew."""
        self._rng, self._random_sampler = LazyRandomState(seed), RandomSampler(seed)
        return self


class _Journal(JournalFileBackend):
    """The journal, safe as the lab's store is: a killed process loses nothing, a lost machine the latest moments.

    Optuna's own waits for the disk at each of a dozen lines per trial.
    """

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        with open(self._file_path, "ab") as file:
            file.write("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in logs).encode())


class _Owned(BaseJournalFileLock):
    """No lock: the home's own lock keeps other processes away, and one left by a killed server would hold this up."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _suggest(trial: optuna.Trial, dimension: Dimension) -> Any:
    name, low, high = dimension.name, dimension.low, dimension.high
    if dimension.is_range and dimension.whole:
        drawn: Any = trial.suggest_int(name, int(low), int(high), log=dimension.log)
    elif dimension.is_range:
        drawn = trial.suggest_float(name, low, high, log=dimension.log)
    elif dimension.ordered:
        # By place, so that neighbours in the list are neighbours in the search.
        drawn = trial.suggest_int(name, 0, len(dimension.ladder) - 1)
    else:
        drawn = trial.suggest_categorical(name, [number(value) for value in dimension.ladder])
    return _value(dimension, drawn)


def _value(dimension: Dimension, parameter: Any) -> Any:
    """Return the setting's value of a parameter of the journal."""
    if dimension.is_range:
        return dimension.rounded(parameter)
    if dimension.ordered:
        return dimension.ladder[int(parameter)]
    return next(value for value in dimension.ladder if number(value) == parameter)


def _parameter(dimension: Dimension, value: Any) -> Any:
    """Return the parameter of the journal for a setting's value."""
    if dimension.is_range:
        return value
    return dimension.ladder.index(value) if dimension.ordered else number(value)


def mend(path: Path) -> None:
    """Cut off a last line that a killed process left unfinished: what is appended to it could never be read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("r+b") as file:
        content = file.read()
        if not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)
            file.flush()
            os.fsync(file.fileno())


def ped_anova(trials: Sequence[FrozenTrial]) -> tuple[dict[str, float], int]:
    """Return each parameter's importance for being among the best trials, and the number of these.

    They are a tenth, of few trials five but at most half, and all that are as good as the last of them.

    Returns:
        shares that sum to 1; none where the best are all trials.
    """
    share = max(0.1, min(0.5, 5 / len(trials)))
    scores = sorted((trial.value or 0.0 for trial in trials), reverse=True)
    best = sum(score >= scores[math.ceil(share * len(scores)) - 1] for score in scores)
    if best == len(trials):
        # Optuna would return equal shares, which measure nothing.
        return {}, best
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(0))
    study.add_trials(trials)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=share)
    return optuna.importance.get_param_importances(study, evaluator=evaluator), best
