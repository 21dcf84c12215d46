"""The setting that decides is the important one."""

import numpy as np
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from core.sweep.importance import importance
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


def ended(scores):
    """Complete trials of two settings, drawn at random, with these scores."""
    chance, span = np.random.default_rng(0), {"lr": FloatDistribution(0, 1), "weight_decay": FloatDistribution(0, 1)}
    return [
        create_trial(params={name: float(chance.random()) for name in span}, distributions=span, value=score)
        for score in scores
    ]


def test_where_the_best_are_all_trials_nothing_is_said():
    """Of ten, the best five: six that diverged are as good as the fifth, and equal shares would measure nothing."""
    assert importance(ended([0.9, 0.8, 0.7, 0.6, *[0.0] * 6]), ["lr", "weight_decay"]) == ()
    assert importance(ended([0.5] * 30), ["lr", "weight_decay"]) == ()
    rows = importance(ended([0.9, 0.8, 0.7, 0.6, 0.5, *[0.0] * 5]), ["lr", "weight_decay"])
    assert sum(row.share for row in rows) == pytest.approx(1) and rows[0].share > rows[1].share
    assert all(0 <= row.low <= row.high <= 1 for row in rows)


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        (range(4), 2),
        (range(10), 5),
        (range(32), 5),
        (range(100), 10),
        # Those that are as good as the tenth are of the best.
        ([*range(91), *[90] * 9], 10),
        ([*range(80), *[80] * 20], 20),
    ],
)
def test_how_many_are_the_best_is_counted(scores, best):
    rows = importance(ended(map(float, scores)), ["lr", "weight_decay"])
    assert {(row.trials, row.best) for row in rows} == {(len(scores), best)}
