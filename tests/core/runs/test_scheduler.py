"""The row of a run in the store, kept from its workers' messages; the workers are played by the tests."""

import json
import sqlite3
import threading

import pytest

from core.runs import scheduler as scheduler_module
from core.runs import states
from core.runs.history import History
from core.runs.record import Record
from core.runs.scheduler import Scheduler
from core.runs.store import Store
from core.training.config import RunConfig
from tests.fixtures import event_logs
from tests.waiting import LIMIT


class IdlePool:
    """Takes every job and does none."""

    idle = True

    def __init__(self, *_):
        self.jobs = []

    def give(self, job):
        self.jobs.append(job)
        return True

    def start(self):
        pass

    def free(self, run_id):
        pass

    def abandon(self, run_id):
        self.abandoned = run_id

    def close(self):
        pass

    def silence(self):
        return {}


class Lab:
    def __init__(self, folder):
        self.store = Store(folder / "lab.sqlite")
        self.record = Record(self.store)
        lock = threading.RLock()
        self.scheduler = Scheduler(self.store, self.record, folder, lock, self.history, 1, 1)

    def history(self, run_id):
        return History(map(json.loads, self.store.events(run_id)))

    def row(self, run_id):
        row = {name: getattr(self.store.run(run_id), name) for name in History().columns}
        return row | self.scheduler.live().get(run_id, {})

    def close(self):
        self.scheduler.close()
        self.store.close()


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler_module, "Pool", IdlePool)
    opened = Lab(tmp_path)
    yield opened
    opened.close()


def play(lab, events):
    """Send the events as a worker would, and lose the worker where the log goes on without an end."""
    training = False
    for event in events:
        kind = event["event"]
        if kind == "RunStarted":
            if training:
                lab.scheduler.on_worker_lost("abc")
            lab.scheduler.enqueue(lab.store.run("abc"))
            training = True
        if training and kind != "State":
            lab.scheduler.on_message({"run": "abc", "event": event})
        elif kind == "CommandApplied":
            lab.record.append("abc", event)
        elif training and event.get("state") == states.INTERRUPTED:
            lab.scheduler.on_worker_lost("abc")
            training = False
        training = training and kind not in ("RunFinished", "Paused")


@pytest.mark.parametrize("log", event_logs.load(), ids=lambda log: log["name"])
def test_the_row_says_what_the_events_say(lab, log):
    expected = log["expected"]
    begin = {"step": 8, "epoch": 2} if log["name"].startswith("begun from") else {}
    lab.store.add("abc", RunConfig(), 0.0, states.QUEUED, **begin)
    lab.scheduler.start()
    play(lab, log["events"])
    row = lab.row("abc")
    accuracies = [epoch["validation_accuracy"] for epoch in expected["epochs"]]
    assert (row["step"], row["epoch"]) == (expected["step"], expected["epoch"])
    assert row["validation_accuracy"] == (accuracies[-1] if accuracies else None)
    assert (row["test_accuracy"], row["seconds"]) == (expected["test_accuracy"], expected["seconds"])
    assert [list(entry) for entry in lab.history("abc").plan] == expected["plan"]


def test_a_continued_run_that_had_not_started_keeps_its_beginning(lab):
    lab.store.add("abc", RunConfig(), 0.0, states.RUNNING, step=8, epoch=2)
    lab.scheduler.start()
    run = lab.store.run("abc")
    assert (run.state, run.step, run.epoch) == (states.INTERRUPTED, 8, 2)
    lab.scheduler.enqueue(run)
    (job,) = lab.scheduler._pool.jobs
    assert job["recorded"] == (8, 2)


def test_a_run_goes_back_into_the_queue_three_times_and_then_is_interrupted(lab):
    lab.store.add("abc", RunConfig(), 0.0, states.QUEUED)
    lab.scheduler.start()
    lab.scheduler.enqueue(lab.store.run("abc"))
    for _ in range(scheduler_module.RETRIES):
        lab.scheduler.on_worker_lost("abc")
        assert lab.store.run("abc").state == states.RUNNING
    assert len(lab.scheduler._pool.jobs) == 1 + scheduler_module.RETRIES
    lab.scheduler.on_worker_lost("abc")
    run = lab.store.run("abc")
    assert (run.state, run.message) == (states.INTERRUPTED, "Its worker process ended 4 times.")
    assert lab.scheduler.live() == {}


def test_losses_count_only_until_the_run_gets_further(lab):
    started = {"event": "RunStarted", "steps": 100, "steps_per_epoch": 10, "train_images": 10}
    steps = {"event": "StepsDone", "losses": [1.0] * 10, "learning_rates": [0.1] * 10, "images_per_second": 1.0}
    lab.store.add("abc", RunConfig(), 0.0, states.QUEUED)
    lab.scheduler.start()
    lab.scheduler.enqueue(lab.store.run("abc"))

    def record(*events):
        for event in events:
            lab.scheduler.on_message({"run": "abc", "event": event})

    record(started)
    for first in (0, 10):
        record({**steps, "first_step": first})
        for _ in range(scheduler_module.RETRIES):
            lab.scheduler.on_worker_lost("abc")
            record({"event": "Checkpointed", "step": first + 10, "name": "checkpoint.safetensors"})
        assert lab.store.run("abc").state == states.RUNNING
        record({"event": "Checkpointed", "step": first + 11, "name": "checkpoint.safetensors"})
    for _ in range(scheduler_module.RETRIES + 1):
        lab.scheduler.on_worker_lost("abc")
    assert lab.store.run("abc").state == states.INTERRUPTED


def test_a_run_that_cannot_be_recorded_fails_and_its_worker_is_replaced(lab, monkeypatch, caplog):
    for run_id in ("abc", "def"):
        lab.store.add(run_id, RunConfig(), 0.0, states.QUEUED)
    lab.scheduler.start()
    for run_id in ("abc", "def"):
        lab.scheduler.enqueue(lab.store.run(run_id))
    append = lab.store.append

    def damaged(run_id, seq, body, at):
        if run_id == "abc" and "StepsDone" in body:
            raise sqlite3.DatabaseError("database disk image is malformed")
        append(run_id, seq, body, at)

    monkeypatch.setattr(lab.store, "append", damaged)
    started = next(log for log in event_logs.load() if log["name"] == "plain run")["events"][2:5]
    for run_id in ("abc", "def"):
        for event in started:
            lab.scheduler.on_message({"run": run_id, "event": event})
    failed = lab.store.run("abc")
    assert failed.state == states.FAILED and "database disk image is malformed" in failed.message
    assert lab.scheduler._pool.abandoned == "abc" and "cannot be recorded" in caplog.text
    assert lab.store.run("def").state == states.RUNNING and len(lab.store.events("def")) == 6


def test_a_run_whose_history_cannot_be_read_does_not_hold_up_the_queue(lab, monkeypatch):
    for run_id in ("abc", "def"):
        lab.store.add(run_id, RunConfig(), 0.0, states.QUEUED)
    lab.scheduler._pool.idle = False
    lab.scheduler.start()
    events = lab.store.events

    def damaged(run_id):
        if run_id == "abc":
            raise sqlite3.DatabaseError("database disk image is malformed")
        return events(run_id)

    lab.scheduler._pool.idle = True
    monkeypatch.setattr(lab.store, "events", damaged)
    lab.scheduler.dispatch()
    assert [job["run"] for job in lab.scheduler._pool.jobs] == ["def"]
    assert lab.scheduler.positions() == {}


def test_the_watcher_survives_an_error(lab, monkeypatch, caplog):
    looks = iter([sqlite3.DatabaseError("malformed"), None, None])
    seen = threading.Event()

    def flush():
        if error := next(looks, None):
            raise error
        seen.set()

    monkeypatch.setattr(scheduler_module, "_WATCH_SECONDS", 0.01)
    monkeypatch.setattr(lab.record, "flush", flush)
    lab.scheduler.start()
    assert seen.wait(LIMIT) and "the watcher goes on" in caplog.text


def test_a_run_that_cannot_follow_does_not_fail_the_one_that_has_finished(lab, monkeypatch):
    for run_id in ("abc", "def"):
        lab.store.add(run_id, RunConfig(), 0.0, states.QUEUED)
    lab.scheduler.start()
    lab.scheduler.enqueue(lab.store.run("abc"))
    lab.scheduler._pool.idle = False
    lab.scheduler.enqueue(lab.store.run("def"))
    lab.scheduler._pool.idle = True
    append = lab.store.append

    def damaged(run_id, seq, body, at):
        if run_id == "def":
            raise sqlite3.DatabaseError("database disk image is malformed")
        append(run_id, seq, body, at)

    monkeypatch.setattr(lab.store, "append", damaged)
    for event in next(log for log in event_logs.load() if log["name"] == "plain run")["events"]:
        if event["event"] != "State":
            lab.scheduler.on_message({"run": "abc", "event": event})
    assert lab.store.run("abc").state == states.FINISHED
    assert lab.scheduler._pool.abandoned == "def" and lab.scheduler.positions() == {}
