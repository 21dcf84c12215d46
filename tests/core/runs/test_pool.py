import subprocess
import sys

import pytest
import torch

from core.runs import pool
from core.runs.pool import Pool, ProcessWorker, worker_count
from tests.waiting import wait_for

#: A worker that tells which devices it sees.
TELL = """
import json, os, sys
print(json.dumps({"run": os.environ["CUDA_VISIBLE_DEVICES"]}), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("text", ["0", "65", "two", "-1", "1.5"])
def test_a_worker_count_that_makes_no_sense_is_refused(monkeypatch, text):
    monkeypatch.setenv("DESCENT_WORKERS", text)
    with pytest.raises(ValueError, match=r"DESCENT_WORKERS must be a whole number in \[1, 64\], got DESCENT_WORKERS"):
        worker_count()


def test_the_worker_count_is_settable(monkeypatch):
    monkeypatch.setenv("DESCENT_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.delenv("DESCENT_WORKERS")
    assert worker_count() >= 1


@pytest.mark.parametrize(
    ("named", "expected"), [(None, ["0", "1", "2", "3"]), ("GPU-a,7,3,5", ["GPU-a", "7", "3", "5"]), ("", list("0123"))]
)
def test_each_worker_sees_a_gpu_of_its_own(monkeypatch, named, expected):
    """Four pretended devices, and a process that tells what it was given."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    begin = subprocess.Popen
    tell = [sys.executable, "-c", TELL]
    monkeypatch.setattr(pool.subprocess, "Popen", lambda command, **given: begin(tell, **given))
    told = []
    running = Pool(6, 1, lambda message: told.append(message["run"]), lambda: None, lambda run_id: None)
    running.start()
    wait_for(lambda: len(told) >= 6)
    running.close()
    assert sorted(told[:6]) == sorted([*expected, *expected[:2]])


def test_without_a_gpu_a_worker_has_the_environment_of_the_server(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    given = {}
    monkeypatch.setattr(pool.subprocess, "Popen", lambda command, **named: given.update(named))
    ProcessWorker(1, *pool.gpus())
    assert given["env"] is None
