"""The settings of a sweep, and an estimate of what it takes."""

import random
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from core.files import shortened
from core.hyperparameters import Hyperparameter
from core.runs.store import Run
from core.sweep.grid import Grid
from core.sweep.race import SEEDS, check_last_seed
from core.sweep.space import Space
from core.training.config import SEED, RunConfig, held_back

SAMPLERS = {"grid": "Grid, coarse first", "random": "Random", "tpe": "Guided (TPE)", "sobol": "Quasi-random (Sobol)"}
SAMPLER = Hyperparameter("sampler", "grid", "The way in which settings are chosen.", choices=tuple(SAMPLERS))
TRIALS = Hyperparameter("trials", 40, "Settings that are tried.", low=1, high=10_000)
MINUTES = Hyperparameter(
    "minutes", 3.0, "Time after which no further settings are tried.", low=0.0, high=10_080.0, open_low=True
)
PRUNE = Hyperparameter("prune", False, "Stop settings early that are worse than two thirds at the same epoch.")

#: Seconds per image and per step of a training on one core, in proportion (benchmarks/LOG.md, 29 November); runs of the
#: lab correct them. Then per validated image, and per run.
_IMAGE, _STEP, _VALIDATED, _RUN = 1.25e-6, 4e-5, 4e-7, 0.05
#: Runs that correct the estimate, and choices whose mean cost stands for all.
_LATEST, _SAMPLE = 100, 200


def automatic_sampler(varied: int) -> str:
    """Return the sampler for so many varied settings, where none is asked for: a grid of many is too large."""
    return "grid" if varied < 3 else "tpe"


@dataclass(frozen=True)
class Settings:
    """All that decides a sweep.

    Args:
        space: what varies.
        sampler: one of ``SAMPLERS``; "" for the ``automatic_sampler``.
        trials: settings to try; None for a grid's every point, and as many as fit into ``minutes``.
        minutes: None without a limit of time.
        seeds: runs of each setting, whose mean counts.
        prune: whether trials are stopped early by successive halving on their epochs.
        seed: of the search.

    Raises:
        ValueError: one sentence, naming parameter, rule and value.
    """

    space: Space
    sampler: str = ""
    trials: int | None = None
    minutes: float | None = None
    seeds: int = 1
    prune: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        sampler = self.sampler or automatic_sampler(len(self.space.dimensions))
        self._set("sampler", SAMPLER.check(sampler))
        if self.trials is not None:
            self._set("trials", TRIALS.check(self.trials))
        if self.minutes is not None:
            self._set("minutes", MINUTES.check(self.minutes))
        self._set("seeds", SEEDS.check(self.seeds))
        self._set("prune", PRUNE.check(self.prune))
        self._set("seed", SEED.check(self.seed))
        varied = {dimension.name: dimension for dimension in self.space.dimensions}
        if "seed" in varied and self.seeds != 1:
            raise ValueError(f"seeds must be 1 when the seed itself is varied, got seeds = {self.seeds}.")
        check_last_seed(self.space.base.seed, self.seeds)
        splits = varied["validation_split"].ladder if "validation_split" in varied else ()
        if not all(map(held_back, (self.space.base.validation_split, *splits))):
            raise ValueError("validation_split must leave validation images, since they choose the best settings.")
        if self.sampler == "grid":
            points = len(Grid(self.space).points)
            if self.trials is None and self.minutes is None:
                self._set("trials", points)
            elif self.trials is not None:
                self._set("trials", min(self.trials, points))
        elif self.trials is None and self.minutes is None:
            self._set("trials", TRIALS.default)

    def configs(self, config: RunConfig) -> list[RunConfig]:
        """Return the config of each run of a trial: the seeds count up from its own."""
        return [replace(config, seed=config.seed + i) for i in range(self.seeds)]

    def spent(self, trials: int, seconds: float) -> list[str]:
        """Return the names of the budgets that so many trials, or so long a time, have used up."""
        parts = (("trials", self.trials, trials), ("minutes", self.minutes, seconds / 60))
        return [name for name, budget, used in parts if budget is not None and used >= budget]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**{f.name: getattr(self, f.name) for f in fields(self)}, "space": self.space.to_dict()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Settings":
        """Make settings from what ``to_dict`` returned.

        Raises:
            ValueError: for an unknown name, or as the constructor does.
        """
        names = {field.name for field in fields(cls)}
        if unknown := [name for name in given if name not in names]:
            raise ValueError(f"A sweep has no setting {shortened(str(unknown[0]))}; it has {', '.join(sorted(names))}.")
        return cls(**{**given, "space": Space.from_dict(given["space"])})

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Estimate:
    """The expected size of a sweep.

    Args:
        trials: settings; where only minutes limit it, as many as are expected to fit.
        runs: trials times seeds.
        seconds: at most, where pruning is on.
        workers: that share the runs.
        measured: runs of this lab that the estimate rests on; 0 for figures of another machine.
    """

    trials: int
    runs: int
    seconds: float
    workers: int
    measured: int


def estimate(settings: Settings, workers: int, runs: Iterable[Run] = ()) -> Estimate:
    """Return the expected size of the sweep.

    Args:
        workers: runs that train at once.
        runs: of the lab, whose times correct the estimate.
    """
    factors = _factors(runs)
    configs = _sample(settings)
    overall = statistics.median(factor for own in factors.values() for factor in own) if factors else 1.0
    per_run = statistics.mean(
        cost(config) * (statistics.median(factors[config.optimizer]) if config.optimizer in factors else overall)
        for config in configs
    )
    per_trial = per_run * settings.seeds / workers
    trials = settings.trials
    if settings.minutes is not None:
        fitting = max(1, round(settings.minutes * 60 / per_trial))
        trials = min(trials, fitting) if trials is not None else fitting
        if settings.sampler == "grid":
            trials = min(trials, len(Grid(settings.space).points))
    assert trials is not None
    # The last runs end on workers of which some have nothing left to do.
    seconds = max(per_run, per_trial * trials)
    return Estimate(trials, trials * settings.seeds, seconds, workers, sum(map(len, factors.values())))


def cost(config: RunConfig) -> float:
    """Return the expected seconds of a run on one core, before the lab's own runs correct them."""
    images, steps = config.span.steps_per_epoch * config.images_per_step, config.span.steps_per_epoch
    return _RUN + config.epochs * (_IMAGE * images + _STEP * steps + _VALIDATED * config.validation_images)


def _factors(runs: Iterable[Run]) -> dict[str, list[float]]:
    """Return, by optimizer, how many times longer the latest finished runs took than expected."""
    factors: dict[str, list[float]] = {}
    # Only whole runs, not one that went on from another or waited in a pause.
    finished = [run for run in runs if run.state == "finished" and run.seconds and not run.parent][:_LATEST]
    for run in finished:
        share = run.step / run.config.span.steps
        assert run.seconds is not None
        factors.setdefault(run.config.optimizer, []).append(
            (run.seconds + _RUN) / (cost(run.config) * max(share, 1e-3))
        )
    return factors


def _sample(settings: Settings) -> list[RunConfig]:
    """Return configs that stand for all of the space."""
    space = settings.space
    if settings.sampler == "grid":
        points = Grid(space).points
        return [space.config(point) for point in points[:: max(1, len(points) // _SAMPLE)]]
    chance = random.Random(settings.seed)
    configs = []
    for _ in range(_SAMPLE):
        chosen: dict[str, Any] = {}
        for dimension in space.in_order:
            if space.exists(dimension.name, chosen):
                chosen[dimension.name] = dimension.drawn(chance.random())
        if space.fits(chosen):
            configs.append(space.config(chosen))
    if not configs:
        raise ValueError("The varied settings must fit together somewhere; no choice of them did.")
    return configs
