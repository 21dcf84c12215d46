"""Processes of jobs on a cluster, against a driver that the tests play."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.jobs import Job, Jobs, Kind, Report
from core.jobs.process import Files, run_module
from core.runs.cluster import frames, settings
from core.runs.cluster.elsewhere import Elsewhere
from core.runs.cluster.task_actor import TaskActor
from tests.waiting import wait_for

KIND = Kind("processes", patience=60.0, remembered=8)
MODULE = "tests.core.jobs.echo"
FILES = Files(needed=("start", "missing"), made=("made",))


class Driver:
    """The driver's end of the channel: what has been sent to it."""

    def __init__(self, broken: bool = False) -> None:
        self.sent: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.broken = broken

    def send(self, message: dict[str, Any], files: Any = None) -> None:
        if self.broken:
            raise BrokenPipeError
        self.sent.append((message, files or {}))


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def jobs(elsewhere: Elsewhere) -> Iterator[Jobs]:
    registry = Jobs(elsewhere=elsewhere)
    yield registry
    registry.close()


def job(jobs: Jobs, folder: Path) -> Job[list[Any]]:
    """A job that runs the process, started; its result are the messages."""

    def work(report: Report[list[Any]]) -> list[Any]:
        with run_module(MODULE, {"as": "echo", "folder": str(folder)}, report, FILES) as messages:
            return list(messages)

    made: Job[list[Any]] = jobs.get(KIND, str(folder), work)
    made.start()
    return made


def begun(driver: Any) -> int:
    """Wait until a process is started; its number."""
    (message, _) = wait_for(lambda: driver.sent)[0]
    return int(message["task"])


def test_files_go_along_and_come_back_and_messages_keep_their_order(
    elsewhere: Elsewhere, jobs: Jobs, tmp_path: Path
) -> None:
    (tmp_path / "start").write_bytes(b"there")
    driver: Any = Driver()
    elsewhere.connect(driver)
    asked = job(jobs, tmp_path)
    number = begun(driver)
    message, files = driver.sent[0]
    assert message == {
        "task": number,
        "module": MODULE,
        "request": {"as": "echo", "folder": str(tmp_path)},
        "made": ("made",),
    }
    assert files == frames.seal({"start": b"there"})
    for count in (1, 2):
        elsewhere.receive(number, {"task": number, "said": {"count": count}}, {})
    elsewhere.receive(number, {"task": number, "ended": 0}, frames.seal({"made": b"whole", "../evil": b"x"}))
    assert asked.wait() == [{"count": 1}, {"count": 2}]
    assert (tmp_path / "made").read_bytes() == b"whole"
    assert {path.name for path in tmp_path.iterdir()} == {"start", "made"}
    assert not (tmp_path.parent / "evil").exists()
    # A late message of a process that has ended finds nobody.
    elsewhere.receive(number, {"task": number, "said": {}}, {})


def test_a_file_that_was_damaged_on_its_way_fails_the_job(elsewhere: Elsewhere, jobs: Jobs, tmp_path: Path) -> None:
    driver: Any = Driver()
    elsewhere.connect(driver)
    asked = job(jobs, tmp_path)
    number = begun(driver)
    content, digest = frames.seal({"made": b"whole"})["made"]
    elsewhere.receive(number, {"task": number, "ended": 0}, {"made": (content[:-1], digest)})
    with pytest.raises(ValueError, match=r"^The file made was damaged on its way between two machines\.$"):
        asked.wait()
    assert not (tmp_path / "made").exists()
    assert driver.sent[-1][0] == {"task": number, "kill": True}


@pytest.mark.parametrize("how", ["node", "driver"])
def test_a_process_whose_node_or_driver_is_lost_is_one_sentence(
    how: str, elsewhere: Elsewhere, jobs: Jobs, tmp_path: Path
) -> None:
    driver: Any = Driver()
    elsewhere.connect(driver)
    asked = job(jobs, tmp_path)
    number = begun(driver)
    if how == "node":
        elsewhere.receive(number, {"task": number, "lost": True}, {})
    else:
        elsewhere.connect(None)
    with pytest.raises(ValueError, match=r"^The process that worked on this ended before it was done\.$"):
        asked.wait()


def test_a_cancel_ends_the_process_on_its_node(elsewhere: Elsewhere, jobs: Jobs, tmp_path: Path) -> None:
    driver: Any = Driver()
    elsewhere.connect(driver)
    asked = job(jobs, tmp_path)
    number = begun(driver)
    asked.cancel()
    wait_for(lambda: driver.sent[-1][0] == {"task": number, "kill": True})


@pytest.mark.parametrize("driver", [None, Driver(broken=True)])
def test_without_a_driver_this_machine_does_the_work(
    driver: Any, elsewhere: Elsewhere, jobs: Jobs, tmp_path: Path
) -> None:
    elsewhere.connect(driver)
    pid, *others = job(jobs, tmp_path).wait()
    assert pid["pid"] and others == [{"share": 0.5}, {"share": 1.0}]


def test_on_a_node_the_process_has_a_folder_of_its_own() -> None:
    request = {"as": "files", "folder": "/of/the/server"}
    actor = TaskActor(settings.version(), MODULE, request, frames.seal({"start": b"there"}), ["made"])
    taken: list[Any] = []
    wait_for(lambda: taken.extend(actor.take()) or any("ended" in message for message, _ in taken))
    *said, (ended, files) = taken
    assert [message["said"] for message, _ in said][1:] == [{"read": "there"}]
    assert ended == {"ended": 0} and files == frames.seal({"made": b"there and back"})


def test_an_end_ends_the_process_and_its_folder() -> None:
    actor = TaskActor(settings.version(), MODULE, {"as": "hang", "folder": ""}, {}, [])
    folder = actor._folder
    wait_for(actor.take)
    actor.end()
    ((ended, files),) = wait_for(actor.take)
    assert ended == {"ended": -9} and files == {} and not folder.exists()


def test_another_version_of_the_code_is_refused() -> None:
    with pytest.raises(ValueError, match=r"another version of the lab's code"):
        TaskActor("another", MODULE, {}, {}, [])
