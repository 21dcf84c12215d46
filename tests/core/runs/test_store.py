import sqlite3

import pytest

from core.config import RunConfig
from core.runs.store import SCHEMA_VERSION, Store


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "lab" / "lab.sqlite")
    yield opened
    opened.close()


def add(store, run_id, state="queued", config=None):
    store.add(run_id, f"run {run_id}", config or RunConfig(), 1000.5, state)


def test_a_run_comes_back_as_it_was_put(store):
    config = RunConfig.recommended("muon", epochs=2, schedule="multi_step", schedule_params={"milestones": [1, 2]})
    add(store, "a", config=config)
    run = store.run("a")
    assert (run.id, run.number, run.name, run.created, run.state, run.message) == (
        "a",
        1,
        "run a",
        1000.5,
        "queued",
        "",
    )
    assert run.config == config
    assert (run.validation_accuracy, run.test_loss, run.test_accuracy, run.position) == (None, None, None, None)
    assert not run.over
    assert store.run("b") is None


def test_runs_are_numbered_and_listed_newest_first(store):
    for run_id in "abc":
        add(store, run_id)
    assert [(run.id, run.number) for run in store.runs(2)] == [("c", 3), ("b", 2)]


def test_update_sets_columns(store):
    add(store, "a")
    store.update("a", state="finished", test_loss=0.5, test_accuracy=0.97, validation_accuracy=0.96, message="done")
    run = store.run("a")
    assert (run.state, run.test_loss, run.test_accuracy, run.validation_accuracy) == ("finished", 0.5, 0.97, 0.96)
    assert run.over


def test_runs_in_some_states_oldest_first(store):
    for run_id, state in [("a", "running"), ("b", "finished"), ("c", "paused")]:
        add(store, run_id, state)
    assert [run.id for run in store.in_states(("running", "paused"))] == ["a", "c"]


def test_events_keep_their_order_and_a_number_is_used_once(store):
    add(store, "a")
    for seq in (0, 1, 2):
        store.append("a", seq, f"event {seq}")
    assert store.events("a") == ["event 0", "event 1", "event 2"]
    assert store.events("b") == []
    with pytest.raises(sqlite3.IntegrityError):
        store.append("a", 2, "again")


def test_an_event_needs_its_run(store):
    with pytest.raises(sqlite3.IntegrityError):
        store.append("nobody", 0, "event")


def test_a_store_is_there_when_opened_again(tmp_path):
    first = Store(tmp_path / "lab.sqlite")
    add(first, "a")
    first.append("a", 0, "event")
    first.close()
    second = Store(tmp_path / "lab.sqlite")
    assert second.run("a").name == "run a"
    assert second.events("a") == ["event"]
    second.close()


def test_a_newer_store_is_refused(tmp_path):
    path = tmp_path / "lab.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(ValueError, match=r"must have a schema version of at most 1, got version 2\."):
        Store(path)


def test_it_writes_ahead(store, tmp_path):
    with sqlite3.connect(tmp_path / "lab" / "lab.sqlite") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()
