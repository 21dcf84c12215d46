import json
import sqlite3
import threading

import pytest

from core.runs import record as record_module
from core.runs.archive import Archive
from core.runs.record import Record
from core.runs.store import Store
from core.training.config import RunConfig


class Disk(Store):
    """A store whose disk can be full."""

    full = False

    def append(self, *arguments):
        self.check()
        super().append(*arguments)

    def update(self, run_id, **columns):
        self.check()
        super().update(run_id, **columns)

    def check(self):
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")


@pytest.fixture
def store(tmp_path):
    opened = Disk(tmp_path / "lab.sqlite")
    for run_id in "ab":
        opened.add(run_id, RunConfig(), 0.0, "queued")
    yield opened
    opened.close()


def state(name):
    return {"event": "State", "state": name}


def told(record, run_id):
    return [(message["seq"], message["state"]) for message in map(json.loads, record.messages(run_id))]


def test_events_are_numbered_stored_and_told(store):
    record = Record(store)
    for name in ("queued", "running"):
        record.append("a", state(name))
    assert told(record, "a") == [(0, "queued"), (1, "running")] == told(Record(store), "a")
    assert [json.loads(body)["state"] for body in store.events("a")] == ["queued", "running"]
    assert record.messages("nobody") is None
    assert [record.newest(run_id) for run_id in ("a", "b", "nobody")] == [1, -1, -1]


def test_what_the_disk_does_not_take_is_written_later_in_its_order(store, monkeypatch):
    monkeypatch.setattr(record_module, "REMEMBERED_RUNS", 1)
    record = Record(store)
    record.append("a", state("queued"))
    store.full = True
    record.append("a", state("running"))
    record.update("a", state="finished")
    record.append("b", state("queued"))
    assert record.trouble.startswith("The lab cannot record what happens: database or disk is full.")
    assert told(record, "a") == [(0, "queued"), (1, "running")] and store.run("a").state == "queued"
    store.full = False
    record.flush()
    assert record.trouble == "" and store.run("a").state == "finished"
    assert [json.loads(body)["state"] for body in store.events("a")] == ["queued", "running"]
    assert told(Record(store), "b") == [(0, "queued")]


def test_only_runs_that_were_looked_at_last_are_in_memory(store, monkeypatch):
    monkeypatch.setattr(record_module, "REMEMBERED_RUNS", 1)
    record = Record(store)
    record.append("a", state("queued"))
    record.append("b", state("queued"))
    assert list(record._feeds) == []
    assert told(record, "a") == told(record, "b") == [(0, "queued")]
    assert list(record._feeds) == ["b"]
    record.append("b", state("running"))
    assert told(record, "b") == [(0, "queued"), (1, "running")]
    record.forget("b")
    assert list(record._feeds) == []


def test_more_runs_than_are_remembered_cost_each_event_no_look_at_those_before(store, monkeypatch):
    monkeypatch.setattr(record_module, "REMEMBERED_RUNS", 1)
    record = Record(store)
    looks = []
    events = store.events
    monkeypatch.setattr(store, "events", lambda run_id, after=-1: looks.append(after) or events(run_id, after))
    for number in range(3):
        for run_id in ("a", "b"):
            record.append(run_id, state("running"))
            # A viewer of both, who has the events before.
            (message,) = record.messages(run_id, number - 1)
            assert json.loads(message) == {"seq": number, **state("running")}
    # Whole for the first view alone, then for what is new, unless that is in memory.
    assert looks == [-1, -1, 0, 1]
    assert record.messages("b", 2) == record.messages("a", 7) == []


def test_changes_are_those_since_a_number(store):
    record = Record(store)
    record.append("a", state("queued"))
    record.append("b", state("queued"))
    first, runs = record.changes(0)
    assert runs == {"a", "b"} and record.changes(first) == (first, set())
    record.append("a", state("running"))
    second, runs = record.changes(first)
    assert runs == {"a"} and second > first
    record.forget("b")
    assert record.changes(second)[1] == {"b"} and record.changes(first)[1] == {"a", "b"}


def test_a_batch_is_written_at_its_end_and_as_a_whole(store):
    record = Record(store)
    with record.batch():
        record.append("a", state("queued"))
        record.update("b", state="stopped")
        assert store.events("a") == [] and told(record, "a") == [(0, "queued")]
    assert len(store.events("a")) == 1 and store.run("b").state == "stopped"
    store.full = True
    with record.batch():
        record.append("a", state("running"))
        record.update("b", state="paused")
    assert record.trouble and store.run("b").state == "stopped" and told(record, "a")[1:] == [(1, "running")]
    store.full = False
    record.flush()
    assert store.run("b").state == "paused" and len(store.events("a")) == 2


def test_a_damaged_page_holds_up_nobody_else(store, monkeypatch):
    record = Record(store)
    append = store.append

    def damaged(run_id, *rest):
        if run_id == "a":
            raise sqlite3.DatabaseError("database disk image is malformed")
        append(run_id, *rest)

    monkeypatch.setattr(store, "append", damaged)
    with pytest.raises(sqlite3.DatabaseError):
        record.append("a", state("queued"))
    record.append("b", state("queued"))
    assert len(store.events("b")) == 1 and record.trouble == ""


def test_listeners_get_each_event(store):
    record, heard = Record(store), []
    record.append("a", state("queued"))
    record.listen(lambda run_id, event: heard.append((run_id, event["state"])))
    record.append("b", state("queued"))
    record.append("a", state("running"))
    assert heard == [("b", "queued"), ("a", "running")]


def test_a_run_whose_events_wait_for_room_is_not_removed_before_they_are_written(store, tmp_path):
    record = Record(store)
    archive = Archive(store, record, tmp_path, threading.RLock(), dict)
    store.update("a", state="stopped", deleted=1.0)
    store.full = True
    record.append("a", state("stopped"))
    with pytest.raises(ValueError, match=r"^The lab cannot record what happens: database or disk is full\."):
        archive.purge(["a"])
    assert store.run("a")
    store.full = False
    archive.purge(["a"])
    record.append("b", state("queued"))
    assert store.run("a") is None and record.trouble == "" and len(store.events("b")) == 1
