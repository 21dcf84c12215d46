"""The budget of a sweep."""

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
