"""The row of a run in the store, kept from its workers' messages; the workers are played by the tests."""

import json
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


class IdlePool:
    """Takes every job and does none."""

    def __init__(self, *_):
        self.jobs = []

    def give(self, job):
        self.jobs.append(job)
        return True

    def start(self):
        pass

    def free(self, run_id):
        pass

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
