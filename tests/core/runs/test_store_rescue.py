import logging
import sqlite3

import pytest

from core.runs.store import Store
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


def spoil(path, page):
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(b"\xff" * PAGE)


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
