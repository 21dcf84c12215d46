"""The worker as its server sees it: a process, lines in, lines out."""

import contextlib
import json
import subprocess
import sys

import pytest
import torch

from core import paths
from core.checkpoints import load_parameters
from core.config import RunConfig
from core.events import Event, RunFinished
from core.training import Trainer


@pytest.fixture
def worker():
    process = subprocess.Popen(
        [sys.executable, "-m", "core.runs.worker", "--threads", "1"],
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
    return json.loads(worker.stdout.readline())


def events_of(worker, run_id):
    """Every event up to the last one."""
    events = []
    while not events or not isinstance(events[-1], RunFinished):
        message = receive(worker)
        assert message["run"] == run_id
        events.append(Event.from_dict(message["event"]))
    return events


def test_trains_two_runs_and_ends_with_its_stdin(worker, tmp_path):
    assert receive(worker) == {"ready": True}
    config = RunConfig(epochs=1, seed=4)
    for run_id in ("first", "second"):
        send(worker, run=run_id, config=config.to_dict(), folder=str(tmp_path / run_id))
        events = events_of(worker, run_id)
        assert [type(e).__name__ for e in events if type(e).__name__ != "StepsDone"] == [
            "RunStarted",
            "EpochDone",
            "Checkpointed",
            "RunFinished",
        ]
    trainer = Trainer(config)
    *_, finished = trainer.events()
    assert events[-1].test_accuracy == finished.test_accuracy
    saved, metadata = load_parameters(tmp_path / "second" / events[-2].name)
    assert all(torch.equal(a, b) for a, b in zip(saved.parameters(), trainer.network.parameters(), strict=True))
    assert metadata["config"] == config.to_dict()
    worker.stdin.close()
    assert worker.wait(10) == 0


def test_stop_ends_the_run_and_keeps_its_parameters(worker, tmp_path):
    receive(worker)
    send(worker, run="a", config=RunConfig(epochs=1000).to_dict(), folder=str(tmp_path))
    receive(worker)
    send(worker, run="other", command="stop")
    send(worker, run="a", command="stop")
    events = events_of(worker, "a")
    assert events[-1].reason == "stopped"
    assert type(events[-3]).__name__ == "CommandApplied"
    assert (tmp_path / "parameters.safetensors").exists()


def test_a_run_that_cannot_start_is_told_and_the_worker_lives_on(worker, tmp_path):
    receive(worker)
    send(worker, run="a", config=RunConfig(device="cuda:7").to_dict(), folder=str(tmp_path))
    assert receive(worker) == {
        "run": "a",
        "failed": "device must be one that this machine has, got device = cuda:7.",
    }
    send(worker, run="b", config=RunConfig(epochs=1).to_dict(), folder=str(tmp_path))
    assert events_of(worker, "b")[-1].reason == "finished"


def test_the_end_of_stdin_ends_a_run_in_progress(worker, tmp_path):
    receive(worker)
    send(worker, run="a", config=RunConfig(epochs=1000).to_dict(), folder=str(tmp_path))
    receive(worker)
    worker.stdin.close()
    worker.stdout.read()
    assert worker.wait(10) == 0
