"""The budget of a sweep, and what counts where its record cannot be written."""

from dataclasses import replace

import pytest

from tests.core.sweep.conftest import full
from tests.waiting import wait_for


def train_all(lab, study):
    """Let the sweep come to its end; returns it."""
    while lab.view(study).state == "running":
        for run in lab.service.waiting():
            lab.service.train(run, 0.9)
    return lab.view(study)


def test_settings_are_given_to_a_sweep_whose_time_is_used_up(scripted_lab, monkeypatch):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", minutes=1)
    monkeypatch.setattr("core.sweep.study.Study.seconds", 61.0)
    before = train_all(lab, study)
    assert before.state == "finished"
    lab.studies.give(study, trials=5)
    seen = train_all(lab, study)
    assert (seen.state, seen.counted - before.counted) == ("finished", 5)
    assert (seen.settings.trials, seen.settings.minutes) == (seen.counted, None)


def test_time_is_given_to_a_sweep_whose_settings_are_used_up(scripted_lab, monkeypatch):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", trials=2)
    assert train_all(lab, study).counted == 2
    monkeypatch.setattr("core.sweep.study.Study.seconds", 30.0)
    lab.studies.give(study, minutes=1)
    wait_for(lab.service.waiting, lambda runs: len(runs) == 3)
    assert (lab.view(study).settings.trials, lab.view(study).settings.minutes) == (None, 1.5)
    monkeypatch.setattr("core.sweep.study.Study.seconds", 90.0)
    assert train_all(lab, study).counted > 2


def test_a_budget_that_is_not_used_up_holds_on(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", trials=4, minutes=9)
    lab.studies.give(study, trials=2)
    lab.studies.give(study, minutes=1)
    assert (lab.view(study).settings.trials, lab.view(study).settings.minutes) == (6, 10)


def test_what_was_tried_before_a_restart_counts(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", trials=2)
    train_all(lab, study)
    lab.restart()
    lab.studies.give(study, minutes=1)
    wait_for(lab.service.waiting, lambda runs: len(runs) == 3)
    lab.studies.stop(study)


def fail(lab, study):
    """Let every run of the sweep fail until it ends; returns it."""
    while (seen := lab.view(study)).state == "running":
        run = wait_for(lab.service.waiting)[0]
        lab.service.rows[run] = replace(lab.service.rows[run], message="Out of memory.")
        lab.service.train(run, state="failed")
        lab.until(study, failed=seen.count("failed") + 1)
    return seen


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("vary", "given", "sentence", "left"),
    [
        # A grid's settings come again, and are shown once.
        ("lr=0.1,0.2,0.3", {}, "No trial has finished. Out of memory.", 0),
        ("lr=0.1:1", {"sampler": "random", "trials": 9}, "5 trials in a row failed. Out of memory.", 5),
    ],
    ids=["all", "many"],
)
def test_what_failed_is_tried_again_when_the_sweep_goes_on(scripted_lab, restart, vary, given, sentence, left):
    lab = scripted_lab
    study = lab.start(vary, **given)
    seen = fail(lab, study)
    assert (seen.state, seen.message, seen.best) == ("failed", sentence, None)
    if restart:
        lab.restart()
    lab.studies.resume(study)
    after = lab.view(study)
    assert (after.state, after.message, after.done, after.count("failed")) == ("running", "", 0, 0)
    seen = train_all(lab, study)
    assert (seen.state, seen.count("stopped"), seen.count("finished")) == ("finished", left, given.get("trials", 3))
    # The journal says so to the next process.
    lab.restart()
    assert [trial.state for trial in lab.view(study).trials] == [trial.state for trial in seen.trials]


def test_one_trial_that_fails_counts_until_the_sweep_goes_on_again(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3")
    lab.service.train(lab.service.waiting()[0], state="failed")
    seen = train_all(lab, study)
    assert (seen.state, seen.counted, [trial.state for trial in seen.trials]) == (
        "finished",
        3,
        ["failed", "finished", "finished"],
    )


def test_runs_of_a_sweep_that_has_failed_leave_its_reason_as_it_is(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3,0.4")
    lab.service.full = True
    first, second, *_ = lab.service.waiting()
    lab.service.train(first, 0.9)
    wait_for(lambda: lab.studies.summaries()[0].state == "failed")
    lab.service.train(second, 0.8)
    # The thread takes messages in their order.
    other = lab.start("lr=0.5,0.6")
    wait_for(lambda: lab.view(other).state == "failed")
    assert lab.view(study).message == "The run could not be saved on the lab's disk: full."
    lab.service.full = False
    lab.studies.resume(study)
    assert sorted(trial.accuracy for trial in train_all(lab, study).ranking) == [0.8, 0.9, 0.9, 0.9]


@pytest.mark.parametrize("kill", [False, True], ids=["stop", "killed before its runs were"])
def test_stop_ends_the_runs_of_a_sweep_that_was_paused(scripted_lab, monkeypatch, kill):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3")
    first, *_ = lab.service.waiting()
    lab.service.epoch(first, 0.5)
    lab.until(study, running=1)
    lab.studies.pause(study)
    # Until the sweep knows that its runs are paused.
    lab.until(study, running=3)
    with monkeypatch.context() as patched:
        if kill:
            patched.setattr(lab.service, "command", lambda *_: None)
        lab.studies.stop(study)
    if kill:
        lab.restart(kill=True)
    seen = lab.until(study, stopped=3)
    assert (seen.state, {run.state for run in lab.service.rows.values()}) == ("stopped", {"stopped"})
    assert len(lab.service.rows) == 3


def test_a_sweep_that_nobody_has_looked_at_since_the_restart_is_paused_with_its_runs(scripted_lab, monkeypatch):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3")
    # Pause comes before the thread has opened the sweep.
    monkeypatch.setattr("core.sweep.study.Study.go_on", lambda _: None)
    lab.restart()
    lab.studies.pause(study)
    assert lab.service.waiting() == []


def test_runs_that_begin_after_a_guest_gave_a_name_have_it(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", trials=6)
    before = set(lab.service.rows)
    lab.studies.rename_owner("ada", "Ada", "Ada Lovelace")
    lab.service.train(lab.service.waiting()[0], 0.9)
    lab.until(study, finished=1)
    new = wait_for(lambda: set(lab.service.rows) - before)
    assert {lab.service.rows[run_id].owner_name for run_id in new} == {"Ada Lovelace"}


def test_a_journal_that_was_read_in_part_is_read_again(scripted_lab, monkeypatch):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", trials=4)
    lab.service.train(lab.service.waiting()[0], 0.9)
    lab.until(study, finished=1, waiting=3)
    # A person comes before the thread has opened the sweep.
    monkeypatch.setattr("core.sweep.study.Study.go_on", lambda _: None)
    lab.restart()
    with monkeypatch.context() as patched:
        patched.setattr(lab.service, "run", full)
        with pytest.raises(ValueError, match="No space left on device"):
            lab.studies.give(study, trials=1)
    assert [trial.state for trial in lab.view(study).trials] == ["finished", "waiting", "waiting", "waiting"]


@pytest.mark.parametrize(
    "change",
    [
        lambda studies, study: studies.stop(study),
        lambda studies, study: studies.pause(study),
        lambda studies, study: studies.edit(study, name="new"),
        lambda studies, study: studies.give(study, trials=5),
    ],
    ids=["stop", "pause", "edit", "give"],
)
def test_what_could_not_be_recorded_does_not_count(scripted_lab, monkeypatch, change):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", trials=4)
    before = lab.studies.summaries()[0]
    with monkeypatch.context() as patched:
        patched.setattr("core.sweep.study.write_atomically", full)
        with pytest.raises(ValueError, match="could not be saved on the lab's disk: No space left on device"):
            change(lab.studies, study)
    after = lab.studies.summaries()[0]
    for name in ("state", "name", "settings"):
        assert getattr(after, name) == getattr(before, name)
    assert after.seconds >= before.seconds and lab.service.commands == []
    lab.studies.stop(study)
    assert (lab.view(study).state, lab.service.waiting()) == ("stopped", [])


def test_a_failure_counts_where_it_cannot_be_recorded(scripted_lab, monkeypatch):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3,0.4")
    monkeypatch.setattr("core.sweep.study.write_atomically", full)
    lab.service.full = True
    lab.service.train(lab.service.waiting()[0], 0.9)
    seen = wait_for(lambda: lab.view(study), lambda seen: seen.state != "running")
    assert (seen.state, seen.message) == ("failed", "The run could not be saved on the lab's disk: full.")
