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
from core.training.events import CommandApplied, Paused, RunFinished, RunStarted, StepsDone
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


@pytest.mark.parametrize("asked", [{"stop": True}, {"pause_after": "step"}, {"pause_after": "epoch"}])
def test_what_a_waiting_run_is_to_do_outlives_a_restart_and_a_lost_worker(lab, tmp_path, asked):
    lab.store.add("abc", RunConfig(), 0.0, states.PAUSED, step=5)
    lab.scheduler.start()
    lab.scheduler._pool.idle = False
    run = lab.store.run("abc")
    lab.scheduler.request_stop(run) if "stop" in asked else lab.scheduler.enqueue(run, asked)
    lab.close()
    again = Lab(tmp_path)
    again.scheduler.start()
    again.scheduler.dispatch()
    again.scheduler.on_worker_lost("abc")
    jobs = again.scheduler._pool.jobs
    assert [{name: job.get(name) for name in asked} for job in jobs] == [asked] * 2
    # It has done it: nothing of it is left for the next time.
    end = RunFinished("stopped", 5, 1.0, 0.5, 1.0) if "stop" in asked else Paused(6)
    again.scheduler.on_message({"run": "abc", "event": end.to_dict()})
    assert again.store.run("abc").state == ("stopped" if "stop" in asked else "paused")
    again.scheduler.enqueue(again.store.run("abc"), {})
    assert len(jobs) == 3 and not asked.keys() & jobs[-1].keys()
    again.close()


def test_stop_is_kept_where_the_run_is_just_being_paused(lab):
    lab.store.add("abc", RunConfig(), 0.0, states.PAUSED, step=5)
    lab.scheduler.start()
    lab.scheduler._pool.command = lambda *_: None
    lab.scheduler.enqueue(lab.store.run("abc"), {"pause_after": "epoch"})
    lab.scheduler.request_stop(lab.store.run("abc"))
    lab.scheduler.on_message({"run": "abc", "event": Paused(6).to_dict()})
    assert [job.get("stop") for job in lab.scheduler._pool.jobs] == [None, True]


@pytest.mark.parametrize("leave", ["paused", "lost", "lost for good"])
def test_a_rate_that_a_leaving_worker_did_not_set_is_set_when_the_run_goes_on(lab, monkeypatch, leave):
    monkeypatch.setattr(scheduler_module, "RETRIES", 0 if leave == "lost for good" else 3)
    lab.store.add("abc", RunConfig(), 0.0, states.PAUSED, step=5)
    lab.scheduler.start()
    sent = []
    lab.scheduler._pool.command = lambda *command: sent.append(command)
    lab.scheduler.enqueue(lab.store.run("abc"))
    started = RunStarted(10, 5, 2, 50, 0, "cpu", 1)
    for event in (started, StepsDone(0, [1.0] * 6, [0.1] * 6, 9.0), CommandApplied(6, "learning_rate", 0.2)):
        lab.scheduler.on_message({"run": "abc", "event": event.to_dict()})
    lab.scheduler.command("abc", "learning_rate", 0.4)
    # The worker sets the first of two; the second one comes too late for it.
    lab.scheduler.command("abc", "learning_rate", 0.5)
    lab.scheduler.on_message({"run": "abc", "event": CommandApplied(6, "learning_rate", 0.4).to_dict()})
    if leave == "paused":
        lab.scheduler.on_message({"run": "abc", "event": Paused(6).to_dict()})
    else:
        lab.scheduler.on_worker_lost("abc")
    assert [value for _, _, value in sent] == [0.4, 0.5]
    if leave != "lost":
        lab.scheduler.enqueue(lab.store.run("abc"))
    assert lab.scheduler._pool.jobs[-1]["plan"] == [(6, 0.2), (6, 0.4), (6, 0.5)]
    assert lab.store.run("abc").rate_by_hand
    # Once, however often the run leaves.
    lab.scheduler.on_message({"run": "abc", "event": Paused(6).to_dict()})
    assert lab.history("abc").plan == [(6, 0.2), (6, 0.4), (6, 0.5)]


def test_a_rate_that_came_after_the_last_step_is_none_of_the_run(lab):
    lab.store.add("abc", RunConfig(), 0.0, states.QUEUED)
    lab.scheduler.start()
    lab.scheduler._pool.command = lambda *_: None
    lab.scheduler.command("abc", "learning_rate", 0.5)
    ended = RunFinished("finished", 10, 0.1, 0.9, 1.0)
    lab.scheduler.on_message({"run": "abc", "event": ended.to_dict()})
    assert lab.store.run("abc").plain and lab.history("abc").plan == []


def test_a_clock_that_is_set_back_leaves_the_queue_as_it_is(lab, tmp_path, monkeypatch):
    for run_id in ("abc", "def", "ghi"):
        lab.store.add(run_id, RunConfig(), 0.0, states.QUEUED)
    # As labs before placed a run: by the time of day, in nanoseconds.
    lab.store.update("ghi", place=1_800_000_000 * 10**9)
    for run_id in ("abc", "def"):
        lab.store.update(run_id, state=states.PAUSED)
    lab.scheduler._pool.idle = False
    lab.scheduler.start()
    lab.scheduler.enqueue(lab.store.run("def"))
    monkeypatch.setattr(scheduler_module.time, "time_ns", lambda: 1)
    lab.scheduler.enqueue(lab.store.run("abc"))
    order = ["ghi", "def", "abc"]
    assert list(lab.scheduler.positions()) == order
    lab.close()
    again = Lab(tmp_path)
    again.scheduler._pool.idle = False
    again.scheduler.start()
    assert list(again.scheduler.positions()) == order
    again.close()


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


def test_a_run_of_a_killed_lab_whose_events_are_damaged_does_not_keep_the_lab_closed(lab):
    for run_id in ("abc", "def"):
        lab.store.add(run_id, RunConfig(), 0.0, states.RUNNING)
    lab.store.append("abc", 0, '{"event":"RunSta', 0.0)
    lab.scheduler.start()
    assert [lab.store.run(run_id).state for run_id in ("abc", "def")] == [states.FAILED, states.INTERRUPTED]
    assert lab.store.run("abc").message.startswith("The lab could not record this run: ")


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


def test_a_run_whose_end_waited_for_room_ends_with_its_own_message(lab):
    lab.store.add("abc", RunConfig(), 0.0, states.QUEUED)
    lab.scheduler.start()
    lab.scheduler.enqueue(lab.store.run("abc"))
    events = next(log for log in event_logs.load() if log["name"] == "plain run")["events"]
    *before, last = [event for event in events if event["event"] != "State"]
    for event in before:
        lab.scheduler.on_message({"run": "abc", "event": event})
    lab.scheduler.on_message({"run": "abc", "waits": "The run waits for room."})
    lab.scheduler.on_message({"run": "abc", "event": last})
    lab.record.flush()
    told = [json.loads(body) for body in lab.store.events("abc")]
    messages = [event["message"] for event in told if event["event"] == "State"]
    assert messages[-2:] == ["The run waits for room.", ""]
    assert (lab.store.run("abc").state, lab.store.run("abc").message) == (states.FINISHED, "")
