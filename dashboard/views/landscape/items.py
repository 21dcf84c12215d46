"""The runs and models of a study: the choice, their names, and their tracks."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from core import data, paths
from core.files import read_ordinary, shortened
from core.jobs import Job
from core.landscape.grid import Tick
from core.landscape.job import landscape_job
from core.landscape.study import Result, Study, Track
from core.models.checkpoints import (
    LARGEST_CHECKPOINT,
    SUFFIX,
    CheckpointError,
    list_models,
    load_checkpoint,
    load_parameters,
    network_of,
)
from core.runs.store import Run
from core.training.network import Network, to_flat
from dashboard import lab
from dashboard.words import run_line

#: The newest runs and models to choose from.
RUNS, MODELS = 100, 100
#: An accuracy beyond every guess: always naming the most frequent digit gives 0.11.
LEARNED = 0.2
#: Points of a run's own curve, each the mean of as many steps as it takes.
CURVE_POINTS = 300


def choices() -> dict[str, str]:
    """Return the choice for a plane: names for the address, with labels for people; runs first, newest first."""
    runs = {f"run:{run.id}": run_line(run) for run in lab.service().runs(RUNS) if run.step > 0}
    models = {f"model:{path.stem}": f"Model {path.stem}" for path in list_models()[:MODELS]}
    return runs | models


def label(item: str) -> str | None:
    """Return an item of the address for people; None if the lab does not have it."""
    if run := run_of(item):
        return run_line(run)
    kind, _, name = item.partition(":")
    return f"Model {name}" if kind == "model" and name in {path.stem for path in list_models()} else None


def run_of(item: str) -> Run | None:
    """Return the run of an item of the address or of a study; None for a model, or without such a run."""
    kind, _, name = item.partition(":")
    return lab.service().run(name.partition("@")[0]) if kind == "run" else None


def pinned(item: str) -> str:
    """Return the item with what fixes its content: a run's last step, a model's bytes.

    Raises:
        ValueError: if there is no such run or model.
    """
    run = run_of(item)
    if run:
        return f"{item}@{run.step}"
    path = paths.models() / f"{item.partition(':')[2]}{SUFFIX}"
    if path not in list_models():
        raise ValueError(f"items must be runs and models that the lab has, got {shortened(item)}.")
    return f"{item}@{hashlib.sha256(read_ordinary(path, LARGEST_CHECKPOINT)).hexdigest()[:16]}"


def default_items() -> list[str]:
    """Return the newest finished runs of different optimizers from the same first weights, three at the most.

    Runs that learned nothing are left out: the plane would be that of one wild jump.
    """
    selection: dict[str, Run] = {}
    for run in lab.service().runs(RUNS):
        first = next(iter(selection.values()), run)
        learned = (run.test_accuracy or run.validation_accuracy or 0) > LEARNED
        if run.over and run.step and learned and run.config.seed == first.config.seed and len(selection) < 3:
            selection.setdefault(run.config.optimizer, run)
    return [f"run:{run.id}" for run in sorted(selection.values(), key=lambda run: run.number)]


def job(study: Study) -> Job[Result]:
    """Return the job that computes a study; results are kept in the lab's home."""
    return landscape_job(lab.service().jobs, study, paths.home() / "landscapes", gather, data.load)


def gather(study: Study, tick: Tick) -> Sequence[Track]:
    """Every item's track; runs are replayed first, which takes about as long as their training.

    Raises:
        ValueError: with a sentence, if one is not available.
    """

    def tick_of(place: int) -> Tick:
        return lambda share: tick((place + share) / len(study.items))

    return [_track(item, tick_of(place)) for place, item in enumerate(study.items)]


def _track(item: str, tick: Tick) -> Track:
    run = run_of(item)
    if not run:
        name, point = _model(item)
        return Track(item, name, {}, np.zeros(1, np.int64), np.zeros(1), point[None])
    trajectory = lab.service().trajectory(run.id).wait(lambda status: tick(status.share))
    steps, points = trajectory.load()
    about = {"optimizer": run.config.optimizer, "number": run.number, "note": trajectory.message}
    return Track(
        item=item,
        label=run_line(run),
        about=about,
        steps=steps.numpy(),
        epochs=steps.numpy() / run.config.span.steps_per_epoch,
        points=points,
        start=points[0] if run.parent else to_flat(Network(run.config.seed, run.config.initialization)),
        curve=_curve(run),
    )


def point_of(item: str, step: int) -> Tensor:
    """(101770,) parameters of an item: of a run after ``step`` steps, as near as its replay has them, or of a model.

    Raises:
        ValueError: with a sentence, if they are not available.
    """
    run = run_of(item)
    return lab.service().trajectory(run.id).wait().nearest(step)[1] if run else _model(item)[1]


def _model(item: str) -> tuple[str, Tensor]:
    """Name and parameters of a saved model, which is a network's parameters or a whole run."""
    name = item.partition(":")[2].rpartition("@")[0]
    path = paths.models() / f"{name}{SUFFIX}"
    try:
        # Not by ``sources``: this runs in a job's thread, where Streamlit's caches have no session.
        network = load_parameters(path)[0]
    except CheckpointError as error:
        raise ValueError(f"The model {name} cannot be read: {error}") from None
    return name, to_flat(network)


def live_point(run: Run) -> tuple[int, Tensor] | None:
    """Step and parameters of the newest checkpoint of a run in progress; None before there is one."""
    path = lab.service().checkpoint_file(run.id)
    if path is None:
        return None
    try:
        checkpoint = load_checkpoint(path)
        return checkpoint.state["step"], to_flat(network_of(checkpoint))
    except CheckpointError:
        # While a new generation replaces the old one, there is none for a moment.
        return None


def _curve(run: Run) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(2, m) epochs, and the mean training loss of the steps around each."""
    history = lab.service().history(run.id)
    if not len(history.steps):
        return np.zeros((2, 0))
    curve = np.stack([history.steps / run.config.span.steps_per_epoch, history.losses])
    groups = np.array_split(curve, CURVE_POINTS, axis=1)
    return np.stack([group.mean(axis=1) for group in groups if group.size], axis=1)
