"""Runs on a Ray cluster; what is lost in these tests has really been killed."""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from core import data, paths
from core.jobs import process
from core.landscape.job import landscape_job
from core.landscape.study import Study, Track, compute
from core.models.checkpoints import load_checkpoint, load_parameters
from core.runs import run_files
from core.training.config import RunConfig
from core.training.network import to_flat
from tests.core.runs.cluster.interrupted import LONG, MIDDLE, assert_whole
from tests.core.runs.recorded import recorded

pytest.importorskip("ray", reason="pip install -r requirements-cluster.txt")


def test_a_run_that_was_paused_and_stepped_is_the_one_here_bit_for_bit(service, wait, reach, in_training, whole):
    run_id = in_training(MIDDLE)
    assert re.fullmatch(r".+ \([\d.]+\)", service.run(run_id).environment["node"])
    service.command(run_id, "pause")
    paused = reach(run_id, "paused")
    assert load_checkpoint(service.checkpoint_file(run_id)).state["step"] == paused.step
    service.command(run_id, "step")
    wait(lambda: service.run(run_id), lambda run: run.state == "paused" and run.step == paused.step + 1)
    service.command(run_id, "resume")
    finished = reach(run_id, "finished")
    assert finished.exact and finished.message == ""
    assert_whole(service, run_id, whole)
    # Of a node like this machine, it answers here for its settings.
    assert service.twin(MIDDLE).id == run_id
    folder = service.parameters_file(run_id).parent
    assert {file.name for file in folder.iterdir()} == {
        *(run_files.PARAMETERS, run_files.BEST, run_files.CHECKPOINT, run_files.PREVIOUS)
    }
    _, metadata = load_parameters(folder / run_files.BEST)
    assert metadata["metrics"]["step"] % 48 == 0


def test_a_run_is_steered_and_stopped(service, wait, reach, in_training):
    run_id = in_training(LONG)
    service.command(run_id, "learning_rate", 0.002)
    (applied,) = wait(lambda: recorded(service, run_id, "CommandApplied"))
    assert (applied["command"], applied["value"]) == ("learning_rate", 0.002)
    service.command(run_id, "stop")
    stopped = reach(run_id, "stopped")
    assert load_checkpoint(service.checkpoint_file(run_id)).state["step"] == stopped.step


def test_a_branch_begins_where_the_other_run_was(service, reach):
    parent = service.submit(RunConfig(epochs=2, batch_size=250, validation_split=0.9))
    reach(parent, "finished")
    branch = service.branch(parent, 24, {"lr": 0.0005})
    assert reach(branch, "finished").message == ""
    assert (service.parameters_file(branch).parent / run_files.START).exists()
    assert service.history(branch).steps.tolist() == list(range(24, 48))


def test_a_run_is_replayed_and_diagnosed_on_the_cluster_and_its_surface_computed(service, reach, monkeypatch, tmp_path):
    run_id = service.submit(RunConfig(epochs=2, batch_size=250, validation_split=0.9))
    reach(run_id, "finished")

    def here(*_):
        raise AssertionError("a process of this machine")

    monkeypatch.setattr(process, "Process", here)
    trajectory = service.trajectory(run_id).wait()
    assert trajectory.message == ""
    steps, parameters = trajectory.load()
    ended, _ = load_parameters(service.parameters_file(run_id))
    assert steps[-1] == 48 and torch.equal(parameters[-1], to_flat(ended))
    assert [diagnosis.step for diagnosis in service.diagnoses(run_id).wait()] == [0, 24, 48]
    tracks = [Track("run", "", {}, steps.numpy(), steps.numpy() / 24, parameters)]
    study = Study("random", ("run",), size=25, images=50)
    surface = landscape_job(service.jobs, study, tmp_path, lambda *_: tracks, data.load).wait()
    *_, here = compute(study, tracks, data.load())
    assert np.allclose(surface.grid.loss, here.grid.loss)


def test_a_killed_worker_costs_nothing_but_time(service, nodes, wait, reach, in_training, whole):
    run_id = in_training(MIDDLE)
    (actor,) = wait(nodes.actors, lambda found: len(found) == 1)
    os.kill(actor, signal.SIGKILL)
    run = reach(run_id, "finished")
    messages = [event["message"] for event in recorded(service, run_id, "State")]
    assert run.exact and "Its worker process ended; it goes on from its last checkpoint." in messages
    assert_whole(service, run_id, whole)


def test_when_the_process_in_the_cluster_is_killed_no_actor_is_left_and_its_runs_go_on(
    service, nodes, wait, reach, in_training, whole
):
    run_id = in_training(MIDDLE)
    before = nodes.actors()
    service._scheduler._pool._driver.kill()
    wait(lambda: not set(before) & set(nodes.actors()))
    reach(run_id, "finished")
    assert_whole(service, run_id, whole)


def test_the_check_tells_what_the_lab_sees(service, nodes):
    command = [sys.executable, "-m", "core.runs.cluster", "check"]
    ended = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    summary, *sentences = ended.stdout.splitlines()
    assert re.fullmatch(r"\d nodes: the lab trains 1 run at a time\.", summary)
    assert len(sentences) >= 2
    pattern = (
        r".+ \([\d.]+\), (1 CPU|no CPU for the lab): answers in [\d.]+ ms; a trial run took [\d.]+ s and ended bit "
    )
    for sentence in sentences:
        assert re.fullmatch(pattern + r"for bit as on this machine\.", sentence), sentence
