"""The budget of a sweep, and what counts where its record cannot be written."""

import errno
import os

import pytest

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


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
