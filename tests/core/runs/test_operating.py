"""Runs paused, resumed, steered, queued, deleted: with one real worker that all tests here share."""

import json
import os
import signal
import sqlite3
import time
from dataclasses import replace

import pytest
import torch

from core import paths
from core.models.checkpoints import load_checkpoint, load_parameters
from core.runs import run_files, scheduler
from core.runs import service as service_module
from core.training.config import RunConfig
from core.training.network import to_flat
from core.training.trainer import Trainer
from tests.core.runs.recorded import recorded

#: Long enough to be operated, whatever else the machine does.
LONG = RunConfig(epochs=1000)
#: Seconds of training, to be interrupted on the way and trained to its end: 960 steps, 48 per epoch.
MIDDLE = RunConfig(epochs=20, batch_size=1000)
#: 96 steps, 24 per epoch.
SHORT = RunConfig(epochs=4, batch_size=250, validation_split=0.9)


def curve(service, run_id):
    """(step, loss) of all recorded steps that count."""
    history = service.history(run_id)
    return list(zip(history.steps.tolist(), history.losses.tolist(), strict=True))


def uninterrupted(config, plan=()):
    """The run in one go: (its trainer, the losses of its steps)."""
    trainer = Trainer(config, plan=plan)
    return trainer, [loss for event in trainer.events() for loss in getattr(event, "losses", ())]


def equal(service, run_id, trainer):
    ended, _ = load_parameters(service.parameters_file(run_id))
    return torch.equal(to_flat(ended), to_flat(trainer.network))


def test_a_run_that_was_paused_stepped_and_steered_is_replayed_bit_for_bit(service, wait, reach):
    run_id = service.submit(MIDDLE)
    wait(lambda: service.run(run_id).step, lambda step: step > 0)
    service.command(run_id, "pause")
    paused = reach(run_id, "paused")
    assert paused.step == paused.config.span.steps or load_checkpoint(service.checkpoint_file(run_id)).state[
        "step"
    ] == (paused.step)
    service.command(run_id, "step")
    wait(lambda: service.run(run_id), lambda run: run.state == "paused" and run.step == paused.step + 1)
    service.command(run_id, "epoch")
    ended = wait(lambda: service.run(run_id), lambda run: run.state == "paused" and run.step > paused.step + 1)
    assert ended.step == 48 * (1 + paused.epoch) and ended.epoch == 1 + paused.epoch
    service.command(run_id, "learning_rate", 0.0005)
    service.command(run_id, "resume")
    finished = reach(run_id, "finished")
    assert finished.exact and finished.step == 960 and finished.message == ""
    plan = service.history(run_id).plan
    assert plan == [(ended.step, 0.0005)]
    trainer, losses = uninterrupted(MIDDLE, plan)
    assert equal(service, run_id, trainer)
    assert curve(service, run_id) == list(enumerate(losses))
    trajectory = service.trajectory(run_id).wait()
    assert trajectory.message == ""
    steps, parameters = trajectory.load()
    assert steps[0] == 0 and steps[-1] == 960 and len(steps) == len(parameters)
    assert torch.equal(parameters[-1], to_flat(trainer.network))


def test_commands_take_effect_within_two_blocks(service, wait, reach):
    """A block is 50 ms of training; a command that comes in one takes effect after it at the latest."""
    run_id = service.submit(LONG)
    wait(lambda: service.run(run_id).step, lambda step: step > 0)
    before = len(recorded(service, run_id, "StepsDone"))
    service.command(run_id, "learning_rate", 0.002)
    (applied,) = wait(lambda: recorded(service, run_id, "CommandApplied"))
    assert (applied["command"], applied["value"]) == ("learning_rate", 0.002)
    blocks = recorded(service, run_id, "StepsDone")
    later = [block for block in blocks[before:] if block["first_step"] + len(block["losses"]) <= applied["step"]]
    # What the service had not heard of yet counts too, so the bound is generous; the worker looks after each block.
    assert len(later) <= 20
    service.command(run_id, "stop")
    service.command(run_id, "stop")
    stopped = reach(run_id, "stopped")
    assert stopped.test_accuracy is not None
    assert [e["state"] for e in recorded(service, run_id, "State")] == ["queued", "running", "stopped"]
    assert load_checkpoint(service.checkpoint_file(run_id)).state["step"] == stopped.step
    service.command(run_id, "resume")
    wait(lambda: service.run(run_id).step, lambda step: step > stopped.step)
    service.command(run_id, "stop")
    reach(run_id, "stopped")


def test_a_paused_run_frees_its_worker_and_can_be_stopped(service, wait, reach):
    first = service.submit(LONG)
    wait(lambda: service.run(first).step, lambda step: step > 0)
    service.command(first, "pause")
    reach(first, "paused")
    second = service.submit(SHORT)
    reach(second, "finished")
    service.command(first, "stop")
    stopped = reach(first, "stopped")
    assert stopped.test_accuracy is not None and service.parameters_file(first)


def test_what_makes_no_sense_is_refused_or_left_out(service, reach):
    run_id = service.submit(SHORT)
    reach(run_id, "finished")
    before = service.messages(run_id)
    for command in ("pause", "resume", "stop", "step", "epoch"):
        service.command(run_id, command)
    service.command(run_id, "learning_rate", 0.1)
    assert service.messages(run_id) == before
    with pytest.raises(ValueError, match=r"^command must be one of .*, got command = explode\.$"):
        service.command(run_id, "explode")
    with pytest.raises(ValueError, match=r"^lr must be .*got lr = -1\.$"):
        service.command(run_id, "learning_rate", -1)
    with pytest.raises(ValueError, match=r"^run must be one that the lab has, got run = nobody\.$"):
        service.command("nobody", "stop")


def test_people_take_turns_and_each_orders_ones_own(service, wait, reach):
    busy = service.submit(LONG)
    wait(lambda: service.run(busy).step, lambda step: step > 0)
    ada = [service.submit(SHORT, owner="ada") for _ in range(3)]
    bob = service.submit(SHORT, owner="bob")
    assert [service.run(run).position for run in (*ada, bob)] == [1, 3, 4, 2]
    service.move(ada[2], -1)
    assert [service.run(run).position for run in (*ada, bob)] == [1, 4, 3, 2]
    service.command(ada[0], "stop")
    assert service.run(ada[0]).state == "stopped" and service.run(ada[0]).position is None
    assert sorted(service.run(run).position for run in (*ada[1:], bob)) == [1, 2, 3]
    service.command(busy, "stop")
    for run in (*ada[1:], bob):
        reach(run, "finished")
    assert service.run(ada[2]).started < service.run(ada[1]).started


def test_a_double_click_starts_one_run(service, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(service_module.time, "monotonic", lambda: clock[0])
    first = service.submit(SHORT, click="page")
    assert service.submit(SHORT, click="page") == first
    others = [service.submit(SHORT, click="other page"), service.submit(RunConfig(epochs=3), click="page")]
    clock[0] += service_module.DOUBLE_CLICK_SECONDS
    others.append(service.submit(SHORT, click="page"))
    others.append(service.submit(SHORT))
    assert len({first, *others}) == 5
    monkeypatch.undo()
    for run in (first, *others):
        service.command(run, "stop")


def test_names_notes_and_tags_are_kept_and_bounded(service, reach):
    run_id = service.submit(SHORT, " first ", "ada", "Ada", tags=["exam", " exam ", "", "b"])
    service.edit(run_id, notes="It bounced.", tags=["x"])
    run = service.run(run_id)
    texts = ("first", "ada", "Ada", "It bounced.", ("x",))
    assert (run.name, run.owner, run.owner_name, run.notes, run.tags) == texts
    for given in ({"name": "x" * 101}, {"notes": "x" * 10_001}, {"tags": ["x"] * 5 + ["y" * 101]}):
        with pytest.raises(ValueError, match=r"must (have|be) at most"):
            service.edit(run_id, **given)
    run = reach(run_id, "finished")
    assert (run.name, run.owner, run.owner_name, run.notes, run.tags) == texts
    service.edit(run_id, name="a\x1b[31mred\n two", notes="one\n\x1b[2Jtwo", tags=["x\ty", "\x07"])
    run = service.run(run_id)
    assert (run.name, run.notes, run.tags) == ("a�[31mred two", "one\n�[2Jtwo", ("x y", "�"))


def test_deleted_runs_are_in_the_bin_until_they_are_purged(service, reach):
    run_id = service.submit(SHORT)
    with pytest.raises(ValueError, match=r"^A run must be over or paused to be deleted, but run #\d+ is "):
        service.delete([run_id])
    reach(run_id, "finished")
    folder = service.parameters_file(run_id).parent
    service.delete([run_id])
    assert run_id not in [run.id for run in service.runs()]
    assert [run.id for run in service.runs(deleted=True)] == [run_id]
    service.restore([run_id])
    assert run_id in [run.id for run in service.runs()] and folder.exists()
    service.purge([run_id])
    assert service.run(run_id), "only what is in the bin is removed for good"
    service.delete([run_id])
    for command in ("resume", "stop", "step", "epoch", "pause"):
        with pytest.raises(ValueError, match=r"^Run #\d+ is in the bin\. Restore it first\.$"):
            service.command(run_id, command)
    service.purge([run_id])
    assert service.run(run_id) is None and service.messages(run_id) is None and not folder.exists()


def test_the_environment_is_recorded(service, reach):
    run_id = service.submit(SHORT)
    run = reach(run_id, "finished")
    assert (run.environment["threads"], run.environment["torch"]) == (1, torch.__version__)
    assert run.environment["commit"] == paths.commit()


def test_a_run_that_goes_on_from_another_remembers_it(service, reach):
    parent = service.submit(SHORT)
    reach(parent, "finished")
    start = load_checkpoint(service.checkpoint_file(parent))
    longer = RunConfig.from_dict({**SHORT.to_dict(), "epochs": 6})
    child = service.submit(longer, parent=parent, start=start)
    run = reach(child, "finished")
    assert (run.parent, run.step, run.epoch) == (parent, 144, 6)
    trainer, losses = uninterrupted(longer)
    assert equal(service, child, trainer)
    assert [loss for _, loss in curve(service, child)] == losses[96:]


def test_a_day_more_or_less_on_the_wall_clock_changes_nothing(service, reach, monkeypatch):
    now = time.time
    day = 24 * 3600
    monkeypatch.setattr(service_module.time, "time", lambda: now() + day)
    first = service.submit(SHORT)
    monkeypatch.setattr(service_module.time, "time", lambda: now() - day)
    second = service.submit(SHORT)
    assert [run.id for run in service.runs(2)] == [second, first]
    reach(first, "finished")
    reach(second, "finished")


def test_a_stopped_process_shows_as_stalled_and_then_runs_again(service, wait, reach, monkeypatch):
    monkeypatch.setattr(scheduler, "STALLED_SECONDS", 5.0)
    run_id = service.submit(LONG)
    wait(lambda: service.run(run_id).step, lambda step: step > 0)
    worker = service._scheduler._pool._workers[0].process.pid
    os.kill(worker, signal.SIGSTOP)
    wait(lambda: service.run(run_id).stalled)
    assert service.run(run_id).state == "running"
    os.kill(worker, signal.SIGCONT)
    wait(lambda: not service.run(run_id).stalled)
    stalled = [event["stalled"] for event in recorded(service, run_id, "State")]
    assert stalled[:2] == [False, False] and True in stalled and stalled[-1] is False
    service.command(run_id, "stop")
    reach(run_id, "stopped")


def test_a_killed_worker_costs_nothing_but_time(service, wait, reach):
    config = replace(MIDDLE, schedule="one_cycle")
    run_id = service.submit(config)
    wait(lambda: service.run(run_id).step, lambda step: step > 0)
    os.kill(service._scheduler._pool._workers[0].process.pid, signal.SIGKILL)
    run = reach(run_id, "finished")
    messages = [event["message"] for event in recorded(service, run_id, "State")]
    assert run.exact and "Its worker process ended; it goes on from its last checkpoint." in messages
    trainer, losses = uninterrupted(config)
    assert equal(service, run_id, trainer) and curve(service, run_id) == list(enumerate(losses))


def test_a_damaged_checkpoint_falls_back_and_the_run_says_so(service, wait, reach):
    run_id = service.submit(MIDDLE)
    wait(lambda: len(recorded(service, run_id, "Checkpointed")), lambda count: count >= 2)
    service.command(run_id, "pause")
    paused = reach(run_id, "paused")
    path = service.checkpoint_file(run_id)
    path.write_bytes(path.read_bytes()[:5000])
    assert (path.parent / run_files.PREVIOUS).exists()
    service.command(run_id, "resume")
    run = reach(run_id, "finished")
    (resumed,) = recorded(service, run_id, "Resumed")
    assert resumed["step"] < paused.step
    assert "checkpoint.safetensors could not be used" in resumed["message"]
    assert "an earlier one was." in run.message and run.exact
    assert [step for step, _ in curve(service, run_id)] == list(range(960))


def test_elsewhere_a_run_continues_not_bit_exact_and_says_so(service, wait, reach, monkeypatch):
    run_id = service.submit(MIDDLE)
    wait(lambda: service.run(run_id).step, lambda step: step > 0)
    service.command(run_id, "pause")
    reach(run_id, "paused")
    path = service.checkpoint_file(run_id)
    checkpoint = load_checkpoint(path)
    checkpoint.metadata["environment"]["threads"] = 7
    run_files.save_checkpoint(path, checkpoint)
    service.command(run_id, "resume")
    run = reach(run_id, "finished")
    assert not run.exact and run.message == "Continues, not bit-exact: threads was 7 and is 1."


def test_viewers_are_told_what_comes_again(service, wait, reach):
    run_id = service.submit(SHORT)
    reach(run_id, "finished")
    messages = [json.loads(message) for message in service.messages(run_id)]
    assert [message["seq"] for message in messages] == list(range(len(messages)))
    assert len(messages) == len(service.events(run_id))


def test_one_visitors_waiting_runs_are_limited_and_a_group_counts_as_one(service, wait, monkeypatch):
    monkeypatch.setattr(service, "_limit", 3)
    busy = service.submit(LONG)
    wait(lambda: service.run(busy).state, lambda state: state == "running")
    seeds = [RunConfig(epochs=1, seed=seed) for seed in range(20)]
    group = service.submit_group(seeds, "ada", "Ada", tags=["race"])
    singles = [service.submit(SHORT, owner="ada") for _ in range(2)]
    with pytest.raises(ValueError, match=r"^3 of your runs and groups of runs are waiting already"):
        service.submit(SHORT, owner="ada")
    with pytest.raises(ValueError, match=r"^3 of your runs"):
        service.submit_group(seeds, "ada")
    service.submit(SHORT, owner="bob")
    assert service.waiting("ada") == [*group, *singles]
    assert {service.run(run).sweep for run in group} != {""} and {service.run(run).sweep for run in singles} == {""}
    service.command_all(service.waiting("ada"), "stop")
    assert service.waiting("ada") == [] and {service.run(run).state for run in group} == {"stopped"}
    service.submit(SHORT, owner="ada")
    service.command_all([*service.positions(), busy], "stop")
    reached = wait(lambda: service.run(busy), lambda run: run.state == "stopped")
    assert reached and service.positions() == {}


def test_a_group_is_started_whole_or_not_at_all(service, monkeypatch):
    add, rows = service._store.add, iter(range(100))

    def full(*arguments, **columns):
        if next(rows) == 3:
            raise sqlite3.OperationalError("database or disk is full")
        add(*arguments, **columns)

    monkeypatch.setattr(service._store, "add", full)
    before = service.runs()
    with pytest.raises(ValueError, match=r"^The run could not be saved on the lab's disk: database or disk is full\.$"):
        service.submit_group([RunConfig(seed=seed) for seed in range(5)])
    assert service.runs() == before and service.positions() == {}


def test_a_group_is_bounded_and_a_double_click_starts_it_once(service):
    with pytest.raises(ValueError, match=r"^At most 1,000 runs can be started at once; these are 1,001\.$"):
        service.submit_group([SHORT] * 1001)
    group = service.submit_group([LONG] * 3, click="page")
    assert service.submit_group([LONG] * 3, click="page") == group and len(set(group)) == 3
    service.command_all(group, "stop")
