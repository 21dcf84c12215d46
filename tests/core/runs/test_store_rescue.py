import logging
import shutil
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.runs.record import Record
from core.runs.store import Store, read_event
from core.runs.store_rescue import open_store
from core.training.config import RunConfig

RUNS, EVENTS, PAGE = 40, 30, 4096


def fill(path):
    """A store of several hundred pages; returns each run's events."""
    store = Store(path)
    events = {
        f"run{number:02}": [f'{{"event":"{number}-{seq}"}}' + " " * 900 for seq in range(EVENTS)]
        for number in range(RUNS)
    }
    for run_id, bodies in events.items():
        store.add(run_id, RunConfig(), 0.0, "finished", name=f"name of {run_id}")
        for seq, body in enumerate(bodies):
            store.append(run_id, seq, body, 1.0)
    store.close()
    return events


def spoil(path, page, offset=0, content=b"\xff" * PAGE):
    with path.open("r+b") as file:
        file.seek(page * PAGE + offset)
        file.write(content)


def pages(path):
    return path.stat().st_size // PAGE


def test_a_whole_store_is_opened_as_it_is(tmp_path):
    path = tmp_path / "lab.sqlite"
    events = fill(path)
    store = open_store(path)
    assert len(store.runs(-1)) == RUNS and store.events("run03") == events["run03"]
    store.close()
    assert [file.name for file in tmp_path.iterdir() if "damaged" in file.name] == []


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
def test_what_is_whole_of_a_damaged_store_is_kept(tmp_path, share, caplog):
    path = tmp_path / "lab.sqlite"
    events = fill(path)
    spoil(path, int(share * pages(path)))
    with caplog.at_level(logging.WARNING):
        store = open_store(path)
    runs = store.runs(-1)
    assert RUNS // 2 <= len(runs) < RUNS and store.damage() == ""
    assert all(store.events(run.id) == events[run.id] and run.name == f"name of {run.id}" for run in runs)
    assert f"{len(runs)} runs are whole and were kept" in caplog.text
    store.add("new", RunConfig(), 0.0, "queued")
    assert store.run("new").number > max(run.number for run in runs)
    store.close()
    (damaged,) = [file for file in tmp_path.iterdir() if ".damaged-" in file.name and file.name[-1].isdigit()]
    assert damaged.stat().st_size > 0


def test_a_store_without_a_head_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "lab.sqlite"
    fill(path)
    spoil(path, 0)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=r"could not be opened: file is not a database\.$"):
        open_store(path)
    assert path.read_bytes() == content


def test_a_folder_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "lab.sqlite"
    path.mkdir()
    with pytest.raises(ValueError, match=r"could not be opened: unable to open database file\.$"):
        open_store(path)


def test_the_damage_is_named(tmp_path):
    path = tmp_path / "lab.sqlite"
    fill(path)
    spoil(path, pages(path) // 2)
    store = Store(path)
    assert store.damage()
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.events("run00")


def test_a_disk_without_room_for_the_rescue_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "lab.sqlite"
    fill(path)
    spoil(path, pages(path) // 2)
    content, connect = path.read_bytes(), sqlite3.connect

    def small(place, *arguments, **options):
        connection = connect(place, *arguments, **options)
        if str(place).endswith(".new"):
            connection.execute("PRAGMA max_page_count = 40")
        return connection

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(ValueError, match=r"could not be copied: database or disk is full\. Nothing was changed\.$"):
        open_store(path)
    assert path.read_bytes() == content and [file.name for file in tmp_path.iterdir()] == ["lab.sqlite"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "lab.sqlite"
    fill(path)
    return path


#: A share of the store's pages, a place in a page, and what is written there.
DAMAGE = st.tuples(
    st.floats(0, 1, exclude_max=True, allow_subnormal=False),
    st.integers(0, PAGE - 1),
    st.binary(min_size=1, max_size=64),
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(DAMAGE, min_size=1, max_size=4))
def test_any_damage_leaves_a_store_that_works_or_is_refused_in_one_sentence(whole, tmp_path, damages):
    path = tmp_path / "lab.sqlite"
    for file in tmp_path.iterdir():
        file.unlink()
    shutil.copy(whole, path)
    for share, offset, content in damages:
        spoil(path, int(share * pages(whole)), offset, content)
    reason = ""
    try:
        store = open_store(path)
    except ValueError as error:
        reason = str(error)
    if reason:
        assert reason.startswith(str(path)) and reason.endswith(".")
        return
    assert store.damage() == ""
    rescued = any(".damaged-" in file.name for file in tmp_path.iterdir())
    for run in store.runs(-1):
        try:
            list(map(read_event, store.events(run.id)))
        except sqlite3.DatabaseError:
            # What SQLite does not notice at the start is found when it is read.
            assert not rescued
    store.add("new", RunConfig(), 0.0, "queued")
    store.append("new", 0, "{}", 1.0)
    store.close()


def test_the_number_of_a_removed_run_is_not_given_again_after_a_rescue(tmp_path):
    path = tmp_path / "lab.sqlite"
    fill(path)
    store = Store(path)
    store.add("last", RunConfig(), 0.0, "finished")
    store.remove("last")
    store._execute("UPDATE runs SET tags = '{}' WHERE id = 'run07'", ())
    store.close()
    rescued = open_store(path)
    rescued.add("new", RunConfig(), 0.0, "queued")
    assert len(rescued.runs(-1)) == RUNS and rescued.run("new").number == RUNS + 2
    rescued.close()


@pytest.mark.parametrize(
    "column", ["config = '{\"lr\": '", "config = '[]'", "state = 'finisXed'", "tags = '{}'", "environment = '1'"]
)
def test_a_row_that_means_nothing_is_lost_alone(tmp_path, column):
    path = tmp_path / "lab.sqlite"
    events = fill(path)
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE runs SET {column} WHERE id = 'run07'")
    db.close()
    store = open_store(path)
    assert {run.id for run in store.runs(-1)} == set(events) - {"run07"}
    store.close()


def test_an_event_that_means_nothing_is_an_error_of_its_run_alone(tmp_path):
    path = tmp_path / "lab.sqlite"
    fill(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE events SET body = 'x' WHERE run = 'run07' AND seq = 3")
    db.close()
    store = open_store(path)
    record = Record(store)
    assert len(record.messages("run06")) == EVENTS
    with pytest.raises(sqlite3.DatabaseError, match="an event is damaged"):
        record.messages("run07")
    store.close()
