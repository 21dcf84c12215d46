import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data import Mnist
from core.jobs import Job, Jobs
from core.jobs.process import Files
from core.landscape.grid import Tick
from core.landscape.job import LANDSCAPES, landscape_job
from core.landscape.study import Result, Study, Track
from tests.waiting import LIMIT

STUDY = Study("three", ("run:sgd", "run:adam"), size=25, images=50)


class World:
    """Tracks for studies, held back at will, and jobs on a clock that a test moves."""

    def __init__(self, tracks: list[Track], mnist: Mnist, folder: Path) -> None:
        self.tracks, self.mnist, self.folder = tracks, mnist, folder
        self.gathered, self.now = 0, 0.0
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()
        self.jobs = Jobs(lambda: self.now)

    def gather(self, study: Study, tick: Tick) -> Sequence[Track]:
        self.gathered += 1
        self.entered.set()
        assert self.gate.wait(LIMIT)
        tick(1.0)
        if study.seed == 13:
            raise ValueError("run must still be there, got run = 13.")
        return self.tracks

    def job(self, study: Study) -> Job[Result]:
        return landscape_job(self.jobs, study, self.folder, self.gather, lambda: self.mnist)


@pytest.fixture
def world(tracks: list[Track], mnist: Mnist, tmp_path: Path) -> Iterator[World]:
    world = World(tracks, mnist, tmp_path)
    yield world
    world.jobs.close()


def test_a_study_is_computed_once_and_then_read_from_its_file(world: World) -> None:
    assert world.job(STUDY).wait().done
    status = world.job(STUDY).status()
    assert status.revision == 4 and not status.stage and world.gathered == 1
    world.jobs.close()
    world.jobs = Jobs()
    kept = world.job(STUDY).status()
    assert kept.done and kept.result and kept.result.study == STUDY and world.gathered == 1


def test_a_study_that_cannot_be_kept_is_shown_all_the_same(world: World) -> None:
    world.folder = world.folder / "file"
    world.folder.write_text("no folder")
    assert world.job(STUDY).wait().done


def test_a_failure_is_a_sentence_until_it_is_retried(world: World) -> None:
    bad = world.job(Study("three", STUDY.items, seed=13))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"run must still be there, got run = 13\."):
            bad.wait()
    assert world.gathered == 1
    bad.retry()
    with pytest.raises(ValueError):
        bad.wait()
    assert world.gathered == 2


def test_a_study_that_nobody_asks_for_is_dropped_and_the_next_one_goes_on(world: World) -> None:
    world.gate.clear()
    world.job(STUDY).start()
    assert world.entered.wait(LIMIT)
    world.now = LANDSCAPES.patience + 1
    other = world.job(Study("line", STUDY.items, images=50))
    other.start()
    world.gate.set()
    assert other.wait().done
    assert not (world.folder / f"{STUDY.key}.npz").exists()
    assert world.job(STUDY).wait().done


@pytest.mark.parametrize("plane", ["pca", "three", "random"])
def test_a_lab_with_other_machines_has_the_surface_computed_by_a_process_with_the_same_result(
    world: World, plane: str
) -> None:
    study = Study(plane, STUDY.items, size=25, images=50)
    here = world.job(study).wait()
    world.folder = world.folder / "elsewhere"
    asked: list[str] = []

    def elsewhere(module: str, request: Any, files: Files) -> None:
        """Start nothing: this machine does the work, in a process."""
        asked.append(module)
        assert [Path(request["folder"], name).exists() for name in files.needed] == [True]

    world.jobs.elsewhere = elsewhere
    there = world.job(study).wait()
    assert asked == ["core.landscape.surface_process"]
    assert there.grid and here.grid
    for name, values in vars(here.grid).items():
        assert np.array_equal(getattr(there.grid, name), values), name


class Lost:
    """A process whose machine is lost after a first message."""

    status: int | None = None
    closed = False

    def messages(self) -> Iterator[dict[str, Any]]:
        yield {"share": 0.5}
        self.status = 1

    def kill(self) -> None:
        self.closed = True

    close = kill


def test_a_surface_whose_machine_is_lost_is_one_sentence(world: World) -> None:
    lost = Lost()
    world.jobs.elsewhere = lambda module, request, files: lost
    with pytest.raises(ValueError, match=r"^The process that worked on this ended before it was done\.$"):
        world.job(STUDY).wait()
    assert lost.closed
