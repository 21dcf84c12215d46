import json
import sqlite3
from functools import partial

import pytest

from core.runs.migrations import MIGRATIONS, SCHEMA_VERSION
from core.runs.store import Store
from core.training.config import RunConfig
from core.training.events import CommandApplied


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "lab" / "lab.sqlite")
    yield opened
    opened.close()


def add(store, run_id, state="queued", config=None):
    store.add(run_id, config or RunConfig(), 1000.5, state, name=f"run {run_id}")


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


def test_runs_of_the_same_settings_newest_first(store):
    other = RunConfig(seed=1)
    for run_id, config in [("a", None), ("b", other), ("c", None), ("d", None)]:
        add(store, run_id, config=config)
    store.update("c", deleted=5.0)
    assert [run.id for run in store.of_config(RunConfig(), 9)] == ["d", "a"]
    assert [run.id for run in store.of_config(RunConfig(), 1)] == ["d"]
    assert [run.id for run in store.of_config(other, 9)] == ["b"]
    eps, betas = {"eps": 1e-7}, {"betas": (0.8, 0.99)}
    add(store, "e", config=RunConfig(optimizer_params=eps | betas))
    assert [run.id for run in store.of_config(RunConfig(optimizer_params=betas | eps), 9)] == ["e"]
    # Found by an index, however many runs there are.
    (plan,) = store._execute("EXPLAIN QUERY PLAN SELECT id FROM runs WHERE config = ?", ("",))
    assert "USING INDEX runs_by_config" in plan[-1]


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
        store.append("a", seq, f'{{"event":"{seq}"}}', 1000.0 + seq)
    assert store.events("a") == ['{"event":"0"}', '{"event":"1"}', '{"event":"2"}']
    assert store.timed_events("a", ["1"]) == [{"event": "1", "at": 1001.0}]
    assert [event["at"] for event in store.timed_events("a")] == [1000.0, 1001.0, 1002.0]
    assert store.events("b") == []
    with pytest.raises(sqlite3.IntegrityError):
        store.append("a", 2, "again", 0.0)


def test_an_event_needs_its_run(store):
    with pytest.raises(sqlite3.IntegrityError):
        store.append("nobody", 0, "event", 0.0)


def test_a_store_is_there_when_opened_again(tmp_path):
    first = Store(tmp_path / "lab.sqlite")
    add(first, "a")
    first.append("a", 0, "event", 0.0)
    first.close()
    second = Store(tmp_path / "lab.sqlite")
    assert second.run("a").name == "run a"
    assert second.events("a") == ["event"]
    second.close()


def test_columns_of_several_values_come_back(store):
    add(store, "a")
    given = {"tags": ["exam", "ü"], "environment": {"threads": 2}, "curve": [2.3, None], "exact": False}
    store.update("a", **given, owner="me", owner_name="Ada", notes="a note", parent="b", seconds=1.5, started=2.5)
    run = store.run("a")
    assert (run.tags, run.environment, run.curve, run.exact) == (("exam", "ü"), {"threads": 2}, [2.3, None], False)
    assert (run.owner, run.owner_name, run.notes, run.parent) == ("me", "Ada", "a note", "b")
    assert (run.seconds, run.started, run.ended, run.step, run.epoch) == (1.5, 2.5, None, 0, 0)


def test_the_bin_is_apart_and_what_is_removed_is_gone_with_its_events(store):
    for run_id in "abc":
        add(store, run_id)
    store.append("b", 0, "event", 0.0)
    store.update("b", deleted=5.0)
    assert [run.id for run in store.runs(9)] == ["c", "a"]
    assert [(run.id, run.deleted) for run in store.runs(9, deleted=True)] == [("b", 5.0)]
    store.remove("b")
    assert store.run("b") is None and store.events("b") == []
    add(store, "d")
    assert store.run("d").number == 4


def test_the_number_of_a_removed_run_is_not_given_again(store, tmp_path):
    for run_id in "abc":
        add(store, run_id)
    for run_id in "bc":
        store.remove(run_id)
    store.close()
    again = Store(tmp_path / "lab" / "lab.sqlite")
    add(again, "d")
    again.remove("d")
    again.together([partial(add, again, "e"), partial(add, again, "f")])
    assert [(run.id, run.number) for run in again.runs(9)] == [("f", 6), ("e", 5), ("a", 1)]
    again.close()


def test_a_store_of_the_first_version_keeps_its_runs(tmp_path):
    path = tmp_path / "lab.sqlite"
    db = sqlite3.connect(path)
    db.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    config = json.dumps(RunConfig(epochs=3).to_dict())
    db.execute(
        "INSERT INTO runs (id, number, name, config, created, state) VALUES ('a', 1, 'old', ?, 5.0, 'finished')",
        [config],
    )
    event = '{"event":"State"}'
    db.execute("INSERT INTO events (run, seq, body) VALUES ('a', 0, ?)", [event])
    db.commit()
    db.close()
    opened = Store(path)
    run = opened.run("a")
    assert (run.name, run.config, run.state, run.owner, run.tags) == ("old", RunConfig(epochs=3), "finished", "", ())
    assert opened.events("a") == [event] and opened.timed_events("a") == [{"event": "State", "at": None}]
    opened.remove("a")
    add(opened, "b")
    assert opened.run("b").number == 2
    opened.close()


def test_a_store_from_before_it_was_noted_learns_whose_rate_was_set_by_hand(tmp_path):
    path = tmp_path / "lab.sqlite"
    db = sqlite3.connect(path)
    db.executescript("".join(MIGRATIONS[:5]) + "PRAGMA user_version = 5;")
    config = json.dumps(RunConfig().to_dict())
    for number, (run_id, command) in enumerate([("a", "pause"), ("b", "learning_rate")]):
        row = (run_id, number, "", config, 5.0, "finished")
        db.execute("INSERT INTO runs (id, number, name, config, created, state) VALUES (?, ?, ?, ?, ?, ?)", row)
        body = json.dumps(CommandApplied(7, command, 0.1).to_dict(), separators=(",", ":"))
        db.execute("INSERT INTO events (run, seq, body) VALUES (?, 0, ?)", (run_id, body))
    db.commit()
    db.close()
    opened = Store(path)
    assert [(run.id, run.rate_by_hand, run.plain) for run in opened.runs(9)] == [("b", True, False), ("a", False, True)]
    opened.close()


def test_a_run_is_plain_where_its_settings_say_all_of_its_training(store):
    columns = ({}, {"parent": "x"}, {"parent": "x", "parent_step": 0}, {"first_step": 9}, {"rate_by_hand": True})
    for run_id, more in zip("abcde", columns, strict=True):
        store.add(run_id, RunConfig(), 1.0, "finished", **more)
    assert [run.id for run in store.runs(9) if run.plain] == ["b", "a"]


def test_what_is_no_store_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "lab.sqlite"
    path.write_bytes(b"holiday pictures" * 1000)
    with pytest.raises(ValueError, match=r"lab\.sqlite could not be opened: file is not a database\.$"):
        Store(path)
    assert path.read_bytes() == b"holiday pictures" * 1000


def test_a_newer_store_is_refused(tmp_path):
    path = tmp_path / "lab.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(
        ValueError, match=rf"must have a schema version of at most {SCHEMA_VERSION}, got version {SCHEMA_VERSION + 1}\."
    ):
        Store(path)


def test_it_writes_ahead(store, tmp_path):
    with sqlite3.connect(tmp_path / "lab" / "lab.sqlite") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_a_store_is_read_beside_its_writer_and_not_changed(store, tmp_path):
    add(store, "a")
    reader = Store(tmp_path / "lab" / "lab.sqlite", read_only=True)
    assert [run.id for run in reader.runs(9)] == ["a"]
    add(store, "b")
    assert [run.id for run in reader.runs(9)] == ["b", "a"]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.update("a", name="x")
    reader.close()


def test_a_store_that_nobody_has_open_is_read(tmp_path):
    first = Store(tmp_path / "lab.sqlite")
    add(first, "a")
    first.close()
    reader = Store(tmp_path / "lab.sqlite", read_only=True)
    assert reader.run("a").name == "run a"
    reader.close()


def test_a_store_to_be_read_must_be_there_and_of_this_version(tmp_path):
    with pytest.raises(ValueError, match=r"lab\.sqlite could not be opened: there are no runs\.$"):
        Store(tmp_path / "none" / "lab.sqlite", read_only=True)
    assert not (tmp_path / "none").exists()
    db = sqlite3.connect(tmp_path / "lab.sqlite")
    db.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    db.close()
    with pytest.raises(ValueError, match=rf"must have a schema version of {SCHEMA_VERSION}, got version 1; starting"):
        Store(tmp_path / "lab.sqlite", read_only=True)


def test_children_are_those_that_began_from_a_run_oldest_first_without_the_bin(store):
    for run_id in "abcd":
        add(store, run_id)
    for run_id in "bcd":
        store.update(run_id, parent="a")
    store.update("c", deleted=1.0)
    assert [run.id for run in store.children("a")] == ["b", "d"]
    assert store.children("b") == []
