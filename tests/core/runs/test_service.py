import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from core import devices, paths
from core.models.checkpoints import Checkpoint, load_parameters
from core.runs import pool
from core.runs.archive import BIN_SECONDS
from core.runs.service import Service
from core.training.config import RunConfig
from core.training.trainer import Trainer
from tests.waiting import LIMIT

SEEDS = itertools.count(100)


def events(service, run_id, after=-1):
    return [json.loads(message) for message in service.messages(run_id, after)]


def states(service, run_id):
    return [event["state"] for event in events(service, run_id) if event["event"] == "State"]


def test_a_run_goes_from_the_queue_to_its_end(service, wait):
    config = RunConfig(epochs=1, seed=9)
    run_id = service.submit(config, "my run")
    run = wait(lambda: service.run(run_id), lambda run: run.over)
    trainer = Trainer(config)
    *_, epoch, finished = trainer.events()
    assert (run.state, run.name, run.message) == ("finished", "my run", "")
    assert run.validation_accuracy == epoch.validation_accuracy
    assert (run.test_loss, run.test_accuracy) == (finished.test_loss, finished.test_accuracy)
    network, _ = load_parameters(service.parameters_file(run_id))
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), trainer.network.parameters(), strict=True))

    told = events(service, run_id)
    assert [event["seq"] for event in told] == list(range(len(told)))
    assert states(service, run_id) == ["queued", "running", "finished"]
    assert [event["event"] for event in told[-3:]] == ["Checkpointed", "RunFinished", "State"]
    steps = [step for event in told if event["event"] == "StepsDone" for step in event["steps"]]
    assert steps == list(range(750))


@pytest.mark.parametrize("steps", [0, 1])
def test_a_paused_run_that_was_stopped_is_paused_again_where_it_stood(steps, service, wait):
    blocking, run_id = (service.submit(RunConfig(epochs=1000, seed=next(SEEDS))) for _ in range(2))
    wait(lambda: service.run(blocking), lambda run: run.state == "running")
    if steps:
        service.command(blocking, "stop")
        wait(lambda: service.run(run_id), lambda run: run.step > 0)
    service.command(run_id, "pause")
    paused = wait(lambda: service.run(run_id), lambda run: run.state == "paused")
    service.command(run_id, "stop")
    wait(lambda: service.run(run_id), lambda run: run.state == "stopped")
    service.command(run_id, "pause_again")
    again = wait(lambda: service.run(run_id), lambda run: run.state == "paused")
    assert (again.step, again.epoch, again.exact) == (paused.step, paused.epoch, True)
    assert bool(again.step) == bool(steps)
    told = service.messages(run_id)
    service.command(run_id, "pause_again")
    assert service.messages(run_id) == told
    service.command(blocking, "stop")


def test_one_worker_takes_runs_in_turn_and_positions_are_told(service, wait):
    first, second, third = (service.submit(RunConfig(epochs=1000)) for _ in range(3))
    wait(lambda: service.run(first).state, lambda state: state == "running")
    assert [service.run(r).position for r in (first, second, third)] == [None, 1, 2]
    service.command(second, "stop")
    assert service.run(second).state == "stopped"
    assert service.run(third).position == 1
    service.command(first, "stop")
    wait(lambda: service.run(third).state, lambda state: state == "running")
    assert service.run(first).state == "stopped"
    assert service.parameters_file(first).exists()
    assert service.parameters_file(second) is None
    assert service.run(third).position is None and service.positions() == {}


def test_two_stops_are_one_and_a_stop_after_the_end_is_nothing(service, wait):
    run_id = service.submit(RunConfig(epochs=1000))
    wait(lambda: len(service.messages(run_id)), lambda count: count > 3)
    service.command(run_id, "stop")
    service.command(run_id, "stop")
    wait(lambda: service.run(run_id), lambda run: run.over)
    service.command(run_id, "stop")
    assert states(service, run_id) == ["queued", "running", "stopped"]


def test_a_viewer_gets_only_what_it_lacks(service, wait):
    run_id = service.submit(RunConfig(epochs=1))
    wait(lambda: service.run(run_id), lambda run: run.over)
    told = events(service, run_id)
    assert events(service, run_id, after=5) == told[6:]
    assert events(service, run_id, after=len(told) - 1) == []
    assert events(service, run_id, after=-7) == told
    assert service.messages("nobody") is None


def test_a_failed_run_says_why(service, wait):
    run_id = service.submit(RunConfig(device="cuda:7"))
    run = wait(lambda: service.run(run_id), lambda run: run.over)
    assert run.state == "failed"
    assert run.message == "device must be one that this machine has, got device = cuda:7."


def test_a_killed_worker_is_replaced_and_its_run_goes_on(service, wait):
    run_id = service.submit(RunConfig(epochs=1000))
    wait(lambda: len(service.messages(run_id)), lambda count: count > 3)
    killed = service._scheduler._pool._workers[0].process.pid
    os.kill(killed, signal.SIGKILL)
    wait(lambda: states(service, run_id), lambda told: told == ["queued", "running", "queued", "running"])
    assert service._scheduler._pool._workers[0].process.pid != killed
    service.command(run_id, "stop")
    assert wait(lambda: service.run(run_id), lambda run: run.over).state == "stopped"
    following = service.submit(RunConfig(epochs=1))
    assert wait(lambda: service.run(following), lambda run: run.over).state == "finished"


@pytest.mark.slow
def test_closing_interrupts_what_runs_keeps_the_queue_and_leaves_no_process(tmp_path, wait, monkeypatch):
    # On a busy machine a worker may take longer to end by itself.
    monkeypatch.setattr(pool, "GRACE_SECONDS", LIMIT)
    first = Service(tmp_path, workers=1, threads=1)
    running, queued = first.submit(RunConfig(epochs=1000)), first.submit(RunConfig(epochs=1))
    wait(lambda: len(first.messages(running)), lambda count: count > 3)
    process = first._scheduler._pool._workers[0].process
    first.close()
    assert process.returncode == 0
    second = Service(tmp_path, workers=1, threads=1)
    assert second.run(running).state == "interrupted"
    assert events(second, running)[-1]["state"] == "interrupted"
    assert wait(lambda: second.run(queued), lambda run: run.over).state == "finished"
    second.close()


@pytest.mark.slow
def test_a_server_that_was_killed_leaves_no_worker_and_no_running_run(tmp_path, wait):
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom core.training.config import RunConfig\n"
        "from core.runs.service import Service\nservice = Service(Path(sys.argv[1]), workers=1, threads=1)\n"
        "run_id = service.submit(RunConfig(epochs=1000))\n"
        "while len(service.messages(run_id)) < 4: time.sleep(0.01)\n"
        "print(run_id, service._scheduler._pool._workers[0].process.pid, flush=True)\ntime.sleep(600)\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=paths.ROOT, stdout=subprocess.PIPE, text=True
    )
    run_id, worker = server.stdout.readline().split()
    server.kill()
    server.communicate()
    wait(lambda: not _alive(int(worker)))
    after = Service(tmp_path, workers=1, threads=1)
    run = after.run(run_id)
    assert (run.state, run.message) == ("interrupted", "The lab ended while this run was training.")
    assert run.step == len(after.history(run_id).losses) > 0
    # It goes on from where the record ends at the latest.
    after.command(run_id, "resume")
    wait(lambda: after.run(run_id).step, lambda step: step > run.step)
    (resumed,) = [event for event in after.events(run_id) if event["event"] == "Resumed"]
    assert resumed["step"] <= run.step and resumed["exact"]
    after.command(run_id, "stop")
    wait(lambda: after.run(run_id).over)
    assert after.history(run_id).steps.tolist() == list(range(after.run(run_id).step))
    after.close()


def test_a_home_has_one_service(service):
    with pytest.raises(
        ValueError, match=r"^DESCENT_HOME must be a folder that no other lab uses, got DESCENT_HOME = .*/home, which"
    ):
        Service(service._files.parent, workers=1, threads=1)


def test_what_is_old_in_the_bin_goes_at_the_next_start(tmp_path, wait, monkeypatch):
    first = Service(tmp_path, workers=1, threads=1)
    old, young = first.submit(RunConfig(epochs=1, batch_size=2000)), first.submit(RunConfig(epochs=1, batch_size=2000))
    wait(lambda: first.run(young), lambda run: run.over)
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now - BIN_SECONDS - 1)
        first.delete([old])
    first.delete([young])
    first.close()
    second = Service(tmp_path, workers=1, threads=1)
    assert [run.id for run in second.runs(deleted=True)] == [young]
    assert not (tmp_path / "files" / old).exists() and (tmp_path / "files" / young).exists()
    second.close()


def test_old_runs_leave_memory_and_come_back_from_the_store(service, wait, monkeypatch):
    monkeypatch.setattr("core.runs.record.REMEMBERED_RUNS", 1)
    first = service.submit(RunConfig(epochs=1))
    wait(lambda: service.run(first), lambda run: run.over)
    before = service.messages(first)
    second = service.submit(RunConfig(epochs=1))
    assert first not in service._record._feeds
    assert service.messages(first) == before
    wait(lambda: service.run(second), lambda run: run.over)


def test_a_diverged_run_says_where(service, wait):
    # Every step multiplies the weights by 1 - 1000 * 10, so a dozen take them past what a float can hold.
    config = RunConfig(optimizer="sgd", lr=1000.0, weight_decay=10.0, epochs=1)
    run_id = service.submit(config)
    run = wait(lambda: service.run(run_id), lambda run: run.over)
    assert run.state == "diverged"
    assert run.message.startswith("The loss stopped being finite at step ")
    assert run.message.endswith(" are kept.")
    assert events(service, run_id)[-1]["message"] == run.message


@pytest.fixture
def short():
    """Settings that no other test's run has."""
    return RunConfig(epochs=1, validation_split=0.98, seed=next(SEEDS))


def test_a_run_answers_for_its_settings_until_it_is_deleted(service, wait, short):
    assert service.twin(short) is None
    first = service.submit(short)
    assert service.twin(short) is None and service.twin(short, going=True).id == first
    wait(lambda: service.run(first).over)
    assert service.twin(short).id == service.twin(RunConfig.from_dict(short.to_dict()), going=True).id == first
    for other in (replace(short, seed=next(SEEDS)), replace(short, label_noise=0.1), replace(short, device="cpu")):
        assert service.twin(other) is None
    second = service.submit(short)
    assert service.twin(short).id == first and service.twin(short, going=True).id == second
    wait(lambda: service.run(second).over)
    assert service.twin(short).id == second
    service.delete([second])
    assert service.twin(short).id == first
    service.delete([first])
    assert service.twin(short, going=True) is None
    service.restore([first])
    assert service.twin(short).id == first
    assert service.twin(RunConfig(device="cuda:99")) is None


@pytest.mark.parametrize("asked", [{"stop": True}, {"pause_after": "epoch"}])
def test_a_run_that_goes_on_only_to_be_left_answers_for_nothing(service, wait, short, asked):
    run_id = service.submit(short)
    wait(lambda: service.run(run_id).over)
    for state in ("queued", "running"):
        service._store.update(run_id, state=state, request=asked)
        assert service.twin(short, going=True) is None
        service._store.update(run_id, request={})
        assert service.twin(short, going=True).id == run_id
    # What it was asked for before it finished says nothing any more.
    service._store.update(run_id, state="finished", request=asked)
    assert service.twin(short).id == run_id


def test_what_is_not_its_settings_alone_answers_for_nothing(service, wait, short):
    whole = replace(short, epochs=2)
    trainer = Trainer(whole)
    trainer.pause_at = 5
    list(trainer.events())
    # While this one trains, the others wait.
    busy = service.submit(RunConfig(epochs=1000))
    steered, begun = service.submit(short), service.submit(whole, start=Checkpoint(whole, trainer.state(), {}))
    service.command(steered, "learning_rate", 0.02)
    service.command(busy, "stop")
    assert [service.run(run_id).plain for run_id in (busy, steered, begun)] == [True, False, False]
    for run_id, config in ((steered, short), (begun, whole)):
        # The one has its rate set by hand, the other does not begin with its first weights.
        assert service.twin(config, going=True) is None
        assert wait(lambda run_id=run_id: service.run(run_id), lambda run: run.over).state == "finished"
        assert service.twin(config, going=True) is None


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({}, True),
        ({"state": "diverged"}, True),
        ({"state": "stopped"}, False),
        ({"state": "failed"}, False),
        ({"exact": False}, False),
        ({"environment": {}}, False),
        ({"threads": 2}, False),
        ({"torch": "2.0"}, False),
        ({"device": "cuda"}, False),
        ({"commit": "another"}, False),
        ({"owner": "someone else", "name": "mine", "tags": ["a"], "parent": "x", "sweep": "y"}, True),
    ],
    ids=str,
)
def test_a_run_answers_where_training_again_would_give_the_same(service, short, columns, found):
    here = {**devices.environment(torch.device("cpu")), "threads": 1, "commit": service._scheduler.commit}
    environment = {**here, **{name: value for name, value in columns.items() if name in here}}
    own = {name: value for name, value in columns.items() if name not in here}
    row = {"name": "", "state": "finished", "environment": environment, **own}
    service._store.add(str(short.seed), short, 0.0, **row)
    assert (service.twin(short) is not None) == found


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
