import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from core.data import Mnist
from core.landscape.desk import PATIENCE_SECONDS, Desk, Progress
from core.landscape.grid import Tick
from core.landscape.study import Study, Track

STUDY = Study("three", ("run:sgd", "run:adam"), size=25, images=50)


class World:
    """What the desk asks for, held back at will."""

    def __init__(self, tracks: list[Track]) -> None:
        self.tracks, self.gathered, self.now = tracks, 0, 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def gather(self, study: Study, tick: Tick) -> Sequence[Track]:
        self.gathered += 1
        self.entered.set()
        assert self.gate.wait(60)
        tick(1.0)
        if study.seed == 13:
            raise ValueError("run must still be there, got run = 13.")
        return self.tracks


@pytest.fixture
def world(tracks: list[Track]) -> World:
    return World(tracks)


@pytest.fixture
def desk(world: World, mnist: Mnist, tmp_path: Path) -> Iterator[Desk]:
    working = Desk(tmp_path, world.gather, lambda: mnist, lambda: world.now)
    yield working
    working.close()


def until_over(desk: Desk, study: Study) -> Progress:
    pause = threading.Event()
    for _ in range(3000):
        if (seen := desk.ask(study)).over:
            return seen
        pause.wait(0.02)
    raise AssertionError(f"not over: {seen}")


def test_a_study_is_computed_once_and_then_read_from_its_file(desk: Desk, world: World, mnist: Mnist) -> None:
    seen = until_over(desk, STUDY)
    assert seen.result and seen.result.done and seen.revision == 4 and not seen.stage
    until_over(desk, STUDY)
    assert world.gathered == 1
    other = Desk(desk.path(STUDY).parent, world.gather, lambda: mnist)
    assert other.ask(STUDY).over and world.gathered == 1
    other.close()


def test_a_failure_is_a_sentence_until_it_is_forgotten(desk: Desk, world: World) -> None:
    bad = Study("three", STUDY.items, seed=13)
    assert until_over(desk, bad).failed == "run must still be there, got run = 13."
    assert desk.ask(bad).failed and world.gathered == 1
    desk.forget(bad)
    assert until_over(desk, bad).failed and world.gathered == 2


def test_what_nobody_asks_for_is_dropped_and_the_next_one_goes_on(desk: Desk, world: World) -> None:
    world.gate.clear()
    desk.ask(STUDY)
    assert world.entered.wait(60)
    world.now = PATIENCE_SECONDS + 1
    other = Study("line", STUDY.items, images=50)
    desk.ask(other)
    world.gate.set()
    assert until_over(desk, other).result
    assert not desk.path(STUDY).exists()
    assert until_over(desk, STUDY).result
