"""Runs that people take from a sweep, on a service whose runs do what the test says."""

import pytest

from tests.waiting import wait_for


def rates(lab, run_ids):
    return [lab.service.rows[run_id].config.lr for run_id in run_ids]


def ended(lab, study):
    """Let the sweep come to its end; returns it."""
    while (seen := lab.view(study)).state == "running":
        wait_for(lambda: lab.service.waiting() or lab.view(study).state != "running")
        for run in lab.service.waiting():
            lab.service.train(run, 0.9)
    return seen


@pytest.mark.parametrize("state", ["interrupted", "paused", "failed", "stopped"])
def test_a_run_that_was_removed_while_the_lab_was_closed_is_tried_again(scripted_lab, state):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3")
    first, *_ = lab.service.waiting()
    lab.studies.close()
    lab.service._listeners.clear()
    lab.service.turn(first, state)
    lab.service.delete(first)
    lab.restart(kill=True)
    seen = ended(lab, study)
    assert [(trial.number, trial.state) for trial in seen.trials] == [
        (1, "finished"),
        (2, "finished"),
        (3, "finished"),
    ]
    assert rates(lab, seen.trials[2].runs) == [0.1] and first not in seen.trials[2].runs


@pytest.mark.parametrize("state", ["finished", "diverged"])
def test_a_run_that_ended_by_itself_counts_from_the_bin(scripted_lab, state):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3")
    first, *_ = lab.service.waiting()
    lab.studies.close()
    lab.service._listeners.clear()
    lab.service.train(first, 0.9, state=state)
    lab.service.delete(first)
    lab.restart(kill=True)
    seen = ended(lab, study)
    assert len(seen.trials) == 3 and (seen.trials[0].state, seen.trials[0].runs) == (state, (first,))


def test_a_paused_sweep_whose_runs_are_in_the_bin_goes_on_with_new_ones(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3")
    runs = lab.service.waiting()
    lab.studies.pause(study)
    for run in runs:
        lab.service.delete(run)
    lab.until(study, stopped=3)
    lab.studies.resume(study)
    seen = ended(lab, study)
    assert (seen.state, seen.counted, seen.count("finished")) == ("finished", 3, 3)
    assert sorted(rates(lab, (trial.runs[0] for trial in seen.ranking))) == [0.1, 0.2, 0.3]


@pytest.mark.parametrize("for_good", [False, True])
def test_a_run_that_was_paused_by_hand_and_removed_holds_nothing_up(scripted_lab, for_good):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2", epochs=2)
    first, second = lab.service.waiting()
    lab.service.epoch(first, 0.5)
    lab.service.command(first, "pause")
    lab.service.train(second, 0.9, 0.9)
    lab.until(study, finished=1)
    assert lab.view(study).state == "running"
    lab.service.delete(first)
    if for_good:
        lab.service.purge(first)
    again = wait_for(lab.service.waiting)
    assert rates(lab, again) == [0.1]
    seen = ended(lab, study)
    # The trial that it held up is shown as the one that tried its setting again.
    assert [trial.state for trial in seen.trials] == ["finished", "finished"]
    assert seen.state == "finished"
    # What a removed run does once it is out of the bin is nothing to the sweep.
    assert ("resume", first) not in lab.service.commands


def test_a_seed_that_was_removed_ends_its_trial(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2", seeds=2)
    one, other = lab.service.waiting()[:2]
    lab.service.train(one, 0.9)
    lab.until(study, running=1)
    # One that has ended counts from the bin.
    lab.service.delete(one)
    lab.service.command(other, "pause")
    lab.service.delete(other)
    seen = ended(lab, study)
    assert seen.count("finished") == len(seen.trials) == 2 and seen.best.finals == (0.9, 0.9)


def test_a_confirmation_is_done_once_its_paused_run_is_removed(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2")
    assert ended(lab, study).state == "finished"
    lab.studies.confirm(study, best=1, seeds=2)
    first, *others = lab.service.waiting()
    for run in others:
        lab.service.train(run, 0.9)
    lab.service.command(first, "pause")
    assert not lab.view(study).confirmation.done
    lab.service.delete(first)
    found = wait_for(lambda: lab.view(study).confirmation, lambda seen: seen.done)
    assert found.winner is None


def test_trials_of_the_same_choice_end_with_the_run_that_they_share(scripted_lab):
    lab = scripted_lab
    study = lab.start("optimizer=adam,sgd,rmsprop", sampler="random", trials=3, seed=4)
    (shared,) = lab.service.waiting()
    assert [trial.runs for trial in lab.until(study, waiting=3).trials] == [(shared,)] * 3
    lab.service.train(shared, 0.9)
    assert lab.until(study, finished=3).counted == 3


@pytest.mark.parametrize("begun", [False, True], ids=["waiting", "training"])
def test_a_rate_that_a_person_sets_is_not_ranked_as_the_sweeps(scripted_lab, begun):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2", epochs=2)
    first, second = lab.service.waiting()
    if begun:
        lab.service.epoch(first, 0.1)
        lab.until(study, running=1)
    lab.service.set_rate(first)
    again = wait_for(lambda: [run for run in lab.service.waiting() if run not in (first, second)])
    assert rates(lab, again) == [0.1]
    assert not [trial for trial in lab.view(study).trials if first in trial.runs]
    # The run is the person's now, and goes on.
    lab.service.train(first, 0.99, 0.99)
    lab.service.train(second, 0.8, 0.8)
    lab.service.train(*again, 0.7, 0.7)
    seen = lab.until(study, finished=2)
    assert [(trial.runs, trial.accuracy) for trial in seen.ranking] == [((second,), 0.8), (tuple(again), 0.7)]
    assert lab.service.commands == []


@pytest.mark.parametrize("state", ["queued", "running", "finished", "interrupted"])
def test_a_rate_that_was_set_is_known_after_a_restart(scripted_lab, state):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2", epochs=1)
    first, second = lab.service.waiting()
    lab.studies.close()
    lab.service._listeners.clear()
    lab.service.set_rate(first)
    lab.service.turn(first, state)
    lab.restart(kill=True)
    again = wait_for(lambda: [run for run in lab.service.waiting() if run not in (first, second)])
    assert rates(lab, again) == [0.1]
    assert not [trial for trial in lab.view(study).trials if first in trial.runs]
    # The next process has no memory of it.
    lab.service.turn(first, "finished")
    lab.restart(kill=True)
    lab.old.close()
    seen = ended(lab, study)
    assert [trial.runs for trial in seen.trials if trial.state == "finished"] == [(second,), tuple(again)]


def test_a_rate_that_is_set_in_a_confirmation_leaves_it_open(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2")
    assert ended(lab, study).state == "finished"
    lab.studies.confirm(study, best=1, seeds=2)
    first, *others = lab.service.waiting()
    lab.service.set_rate(first)
    for run in (first, *others):
        lab.service.train(run, 0.9)
    found = wait_for(lambda: lab.view(study).confirmation, lambda seen: seen.done)
    assert (found.winner, [one.validation for one in found.contestants]) == (None, [(0.9,), (0.9, 0.9)])
    lab.studies.confirm(study, best=1, seeds=2)
    (again,) = lab.service.waiting()
    assert lab.service.rows[again].config == lab.service.rows[first].config
