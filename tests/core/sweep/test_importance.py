"""The setting that decides is the important one."""

import pytest

from tests.waiting import wait_for


def test_the_rate_decides_and_the_seed_does_not(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.0001:1:log", "weight_decay=0:0.1", sampler="sobol", trials=32)
    assert lab.studies.importance(study) is None
    while lab.view(study).state == "running":
        for run in lab.service.waiting():
            lab.service.train(run, 1 - lab.service.rows[run].config.lr)
    job = lab.studies.importance(study)
    rate, decay = job.wait()
    assert (rate.name, decay.name) == ("lr", "weight_decay") and rate.share + decay.share == pytest.approx(1)
    assert decay.high < 0.5 < rate.low <= rate.share <= 1
    # The same trials are not computed twice.
    assert lab.studies.importance(study) is job


def test_no_importance_of_a_sweep_that_is_not_there(scripted_lab):
    assert scripted_lab.studies.importance("none") is None
    assert wait_for(lambda: scripted_lab.studies.changes("none", 0) is None)


def test_a_running_sweep_computes_it_anew_with_a_quarter_more_trials(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.0001:1:log", sampler="sobol", trials=16)
    jobs = {}
    while lab.view(study).state == "running":
        run = wait_for(lab.service.waiting)[0]
        lab.service.train(run, 1 - lab.service.rows[run].config.lr)
        finished = lab.until(study, finished=len(jobs) + 1).count("finished")
        job = lab.studies.importance(study)
        jobs[finished] = job and job.wait()[0].trials
    # Of 4, 4 * 1.25, 4 * 1.25 ** 2 ... trials, and of all at the end.
    of = {4: 4, 5: 5, 6: 5, 7: 7, 8: 8, 9: 8, 10: 10, 11: 10, 12: 10, 13: 13, 14: 13, 15: 13, 16: 16}
    assert jobs == {1: None, 2: None, 3: None, **of}
