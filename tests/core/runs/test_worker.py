"""The worker as its server sees it: a process, lines in, lines out."""

import contextlib
import json
import os
import queue
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from core import compiled, paths
from core.models.checkpoints import load_checkpoint, load_parameters
from core.runs import run_files
from core.runs.worker import Outbox, _Job
from core.training.config import RunConfig
from core.training.events import Checkpointed, CommandApplied, Event, Paused, Resumed, RunFinished, StepsDone
from core.training.trainer import Trainer
from tests.waiting import LIMIT, wait_for


@pytest.fixture
def worker():
    process = subprocess.Popen(
        [sys.executable, "-m", "core.runs.worker_start", "--threads", "1", "--server", str(os.getpid())],
        cwd=paths.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def send(worker, **message):
    worker.stdin.write(json.dumps(message) + "\n")
    worker.stdin.flush()


def receive(worker):
    """The next message but for signs of life, which come at any time."""
    while (message := json.loads(worker.stdout.readline())) == {"alive": True}:
        pass
    return message


def events_of(worker, run_id, last=RunFinished):
    """Every event up to the last one, after the environment."""
    told = receive(worker)
    assert told["run"] == run_id and told["environment"]["threads"] == 1
    events = []
    while not events or not isinstance(events[-1], last):
        message = receive(worker)
        assert message["run"] == run_id
        events.append(Event.from_dict(message["event"]))
    return events


def kinds(events):
    return [type(event).__name__ for event in events if not isinstance(event, StepsDone)]


@pytest.mark.slow
def test_trains_two_runs_and_ends_with_its_stdin(worker, tmp_path):
    assert receive(worker) == {"ready": True}
    config = RunConfig(epochs=1, seed=4)
    for run_id in ("first", "second"):
        send(worker, run=run_id, config=config.to_dict(), folder=str(tmp_path / run_id))
        events = events_of(worker, run_id)
        assert [kind for kind in kinds(events) if kind != "Checkpointed"] == ["RunStarted", "EpochDone", "RunFinished"]
        assert {e.name for e in events if isinstance(e, Checkpointed)} >= {run_files.PARAMETERS, run_files.CHECKPOINT}
    trainer = Trainer(config)
    *_, finished = trainer.events()
    assert events[-1].test_accuracy == finished.test_accuracy
    saved, metadata = load_parameters(tmp_path / "second" / run_files.PARAMETERS)
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), trainer.network.parameters(), strict=True))
    assert metadata["config"] == config.to_dict()
    worker.stdin.close()
    assert worker.wait(LIMIT) == 0


def test_stop_ends_the_run_and_keeps_its_parameters(worker, tmp_path):
    receive(worker)
    send(worker, run="a", config=RunConfig(epochs=1000).to_dict(), folder=str(tmp_path))
    send(worker, run="other", command="stop")
    send(worker, run="a", command="stop")
    events = events_of(worker, "a")
    assert events[-1].reason == "stopped"
    (command,) = [event for event in events if isinstance(event, CommandApplied)]
    assert (command.command, command.step) == ("stop", events[-1].step)
    assert (tmp_path / run_files.PARAMETERS).exists()
    assert load_checkpoint(tmp_path / run_files.CHECKPOINT).state["step"] == events[-1].step


@pytest.mark.slow
def test_a_paused_run_goes_on_in_another_job_with_what_was_set_by_hand(worker, tmp_path):
    receive(worker)
    config = RunConfig(epochs=1)
    job = {"run": "a", "config": config.to_dict(), "folder": str(tmp_path)}
    send(worker, **job, pause_after="step")
    assert events_of(worker, "a", Paused)[-1] == Paused(1)
    send(worker, **job, recorded=[1, 0], plan=[[0, 0.5], [400, 0.01]])
    events = events_of(worker, "a")
    assert events[1] == Resumed(1, 0, exact=True)
    assert [e for e in events if isinstance(e, CommandApplied)] == [CommandApplied(400, "learning_rate", 0.01)]
    trainer = Trainer(config, plan=[(400, 0.01)])
    list(trainer.events())
    saved, _ = load_parameters(tmp_path / run_files.PARAMETERS)
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), trainer.network.parameters(), strict=True))


@pytest.mark.parametrize(("after", "paused"), [("step", 31), ("epoch", 94)])
def test_one_more_step_is_counted_from_where_the_run_stood_not_from_an_older_checkpoint(tmp_path, after, paused):
    config = RunConfig(epochs=2, validation_split=0.9).to_dict()
    job = {"run": "a", "config": config, "folder": str(tmp_path), "recorded": [30, 0], "pause_after": after}
    sent = []
    out = Outbox(Mock())
    out.send = sent.append
    assert _Job(job, queue.SimpleQueue(), out).work()
    assert Event.from_dict(sent[-1]["event"]) == Paused(paused)


def test_a_run_that_cannot_start_is_told_and_the_worker_lives_on(worker, tmp_path):
    receive(worker)
    send(worker, run="a", config=RunConfig(device="cuda:7").to_dict(), folder=str(tmp_path))
    assert receive(worker) == {
        "run": "a",
        "failed": "device must be one that this machine has, got device = cuda:7.",
    }
    send(worker, run="b", config=RunConfig(epochs=1).to_dict(), folder=str(tmp_path))
    assert events_of(worker, "b")[-1].reason == "finished"


def test_a_disk_that_refuses_the_end_of_a_run_is_told_in_a_sentence_alone(tmp_path, capsys):
    out = Mock()
    # A folder stands where the parameters would.
    (tmp_path / run_files.PARAMETERS).mkdir()
    config = RunConfig(epochs=1, validation_split=0.9).to_dict()
    assert _Job({"run": "a", "config": config, "folder": str(tmp_path)}, queue.SimpleQueue(), out).work()
    out.send.assert_called_with({"run": "a", "failed": "The run's files could not be written: Is a directory."})
    assert capsys.readouterr().err == ""


def test_a_device_that_is_not_there_is_told_in_a_sentence_alone(tmp_path, capsys):
    out = Mock()
    config = RunConfig(device="cuda:7").to_dict()
    assert _Job({"run": "a", "config": config, "folder": str(tmp_path)}, queue.SimpleQueue(), out).work()
    sentence = "device must be one that this machine has, got device = cuda:7."
    out.send.assert_called_with({"run": "a", "failed": sentence})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("fault", [RuntimeError("out of order"), KeyError("name")])
def test_a_fault_of_the_lab_leaves_its_traceback(tmp_path, capsys, monkeypatch, fault):
    monkeypatch.setattr(_Job, "_set_up", Mock(side_effect=fault))
    out = Mock()
    assert _Job({"run": "a", "config": {}, "folder": str(tmp_path)}, queue.SimpleQueue(), out).work()
    out.send.assert_called_with({"run": "a", "failed": str(fault)})
    assert capsys.readouterr().err.startswith("Traceback")


@pytest.fixture
def ending(small_disk, monkeypatch):
    """A function that trains a run on a full disk, and calls another when its end waits; gives what it sent."""
    folder, mount = small_disk
    mount("-o", "remount,size=16m")
    monkeypatch.setattr("core.runs.run_files.ROOM_PAUSE_SECONDS", 0.01)

    def train(when_waiting, **job):
        sent, inbox = [], queue.SimpleQueue()
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))

        def send(message):
            sent.append(message)
            if "waits" in message:
                when_waiting(filler, inbox)

        out = Outbox(Mock())
        out.send = send
        config = RunConfig(epochs=2, validation_split=0.9).to_dict()
        lives = _Job({"run": "a", "config": config, "folder": str(folder / "a"), **job}, inbox, out).work()
        return lives, sent, folder / "a"

    return train


def test_the_end_of_a_run_waits_for_room_on_the_disk_and_loses_nothing(ending):
    lives, sent, folder = ending(lambda filler, _: filler.unlink())
    assert lives and [message["waits"] for message in sent if "waits" in message] == [
        "The run's files could not be written: No space left on device. "
        "The run waits for room on the lab's disk; Stop gives up waiting."
    ]
    *_, parameters, checkpoint, last = [message["event"] for message in sent if "event" in message]
    assert [parameters["name"], checkpoint["name"]] == [run_files.PARAMETERS, run_files.CHECKPOINT]
    assert last["event"] == "RunFinished"
    trainer = Trainer(RunConfig(epochs=2, validation_split=0.9))
    list(trainer.events())
    saved, _ = load_parameters(folder / run_files.PARAMETERS)
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), trainer.network.parameters(), strict=True))
    assert load_checkpoint(folder / run_files.CHECKPOINT).state["step"] == trainer.step
    # The disk had no room for the best epoch either, when it came.
    _, metadata = load_parameters(folder / run_files.BEST)
    assert metadata["metrics"]["step"] == (trainer.best_epoch + 1) * trainer.config.span.steps_per_epoch


def test_a_pause_waits_for_room_on_the_disk(ending):
    lives, sent, folder = ending(lambda filler, _: filler.unlink(), pause_after="step")
    assert lives and sent[-1]["event"] == {"event": "Paused", "step": 1}
    assert load_checkpoint(folder / run_files.CHECKPOINT).state["step"] == 1


def test_stop_gives_up_waiting_for_room(ending):
    lives, sent, _ = ending(lambda _, inbox: inbox.put({"run": "a", "command": "stop"}))
    assert lives and sent[-1]["failed"] == "The run's files could not be written: No space left on device."


def test_a_server_that_ends_is_not_held_up_by_a_run_that_waits_for_room(ending):
    lives, sent, _ = ending(lambda _, inbox: inbox.put(None))
    assert not lives and "waits" in sent[-1]


def test_the_end_of_stdin_ends_a_run_in_progress(worker, tmp_path):
    receive(worker)
    send(worker, run="a", config=RunConfig(epochs=1000).to_dict(), folder=str(tmp_path))
    while receive(worker).get("event", {}).get("event") != "StepsDone":
        pass
    worker.stdin.close()
    told = [json.loads(line) for line in worker.stdout.read().splitlines()]
    assert worker.wait(LIMIT) == 0
    last = [m["event"]["first_step"] + len(m["event"]["losses"]) for m in told if "losses" in m.get("event", {})]
    # The checkpoint of the end is of the last step that it reported.
    assert not last or load_checkpoint(tmp_path / run_files.CHECKPOINT).state["step"] == last[-1]


#: A server whose worker gets no end of stdin when it is killed: the test holds the other end.
SERVER = """
import os, subprocess, sys, time
command = [sys.executable, "-m", "core.runs.worker_start", "--threads", "1", "--server", str(os.getpid())]
worker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
print(worker.pid, flush=True)
time.sleep(600)
"""


def test_a_worker_that_still_starts_ends_with_a_killed_server():
    command, pipe = [sys.executable, "-c", SERVER], subprocess.PIPE
    with subprocess.Popen(command, cwd=paths.ROOT, stdin=pipe, stdout=pipe, text=True) as server:
        worker = int(server.stdout.readline())
        server.kill()
        wait_for(lambda: not _lives(worker))


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    # An orphan stays as a zombie where the first process does not collect it.
    return not (status.exists() and "State:\tZ" in status.read_text())


@pytest.mark.slow
@pytest.mark.skipif(not compiled.AVAILABLE, reason="numba is not installed")
def test_once_a_worker_is_ready_nothing_is_left_to_compile(tmp_path):
    """It says so first where no code is kept yet; then all are there, for grey values and for distorted ones."""
    program = (
        "from core.analysis.lr_finder import find_learning_rate\n"
        "from core.optimizers import weightwise; from core.runs import worker; from core.training import sparse\n"
        "from core.training.config import RunConfig; from core.training.trainer import Trainer\n"
        "class Out:\n    def send(self, message): print(message)\n"
        "kernels = [f for module in (weightwise, sparse) for f in vars(module).values() if hasattr(f, 'stats')]\n"
        "def misses(): return sum(sum(f.stats.cache_misses.values()) for f in kernels)\n"
        "worker._warm_up(Out())\n"
        "ready = misses()\n"
        "for name in ('sgd', 'nesterov', 'rmsprop', 'adagrad', 'adam', 'muon'):\n"
        "    trainer = Trainer(RunConfig.recommended(name, augment=name == 'adam')); trainer.pause_at = 4\n"
        "    for _ in trainer.events(): pass\n"
        "find_learning_rate(RunConfig(), steps=10)\n"
        "print(len(kernels) > 10, ready > 0, misses() - ready)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=paths.ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for _ in range(2)
    ]
    assert said == [["{'compiling': True}", "True True 0"], ["True False 0"]]
