"""The best few and the default, trained again with fresh seeds."""

import json

import pytest

from core.sweep.confirmation import Contestant, confirmed
from tests.core.sweep.conftest import full
from tests.waiting import wait_for


def swept(lab, accuracies, seed=7):
    """A finished sweep of four rates."""
    study = lab.start("lr=0.1,0.2,0.3,0.4", base={"seed": seed})
    scores = dict(zip((0.1, 0.2, 0.3, 0.4), accuracies, strict=True))
    while lab.view(study).state == "running":
        for run in lab.service.waiting():
            lab.service.train(run, scores[lab.service.rows[run].config.lr])
    return study


def test_nothing_is_confirmed_before_a_trial_has_finished(scripted_lab):
    study = scripted_lab.start("lr=0.1,0.2")
    with pytest.raises(ValueError, match="A sweep must have a finished trial before its best can be confirmed"):
        scripted_lab.studies.confirm(study)
    assert scripted_lab.view(study).confirmation is None


@pytest.mark.parametrize("others", [(), ("lr=0.1,0.2",)], ids=["alone", "with the rate"])
def test_a_sweep_of_the_seed_is_not_confirmed(scripted_lab, others):
    lab = scripted_lab
    study = lab.start("seed=1,2", *others)
    while lab.view(study).state == "running":
        for run in lab.service.waiting():
            lab.service.train(run, 0.9)
    before = len(lab.service.rows)
    with pytest.raises(ValueError) as refusal:
        lab.studies.confirm(study)
    assert str(refusal.value) == (
        "A sweep that varies the seed cannot be confirmed, since a confirmation gives every setting the same seeds."
    )
    assert (lab.view(study).confirmation, len(lab.service.rows)) == (None, before)


def test_the_best_and_the_default_get_fresh_seeds(scripted_lab):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5))
    lab.studies.confirm(study, best=2, seeds=3)
    waiting = [lab.service.rows[run].config for run in lab.service.waiting()]
    assert [(c.lr, c.seed) for c in waiting] == [(lr, seed) for lr in (0.2, 0.3, 0.001) for seed in (8, 9, 10)]
    found = lab.view(study).confirmation
    assert [(c.trial is None, c.score) for c in found.contestants] == [(False, 0.95), (False, 0.94), (True, None)]
    assert (found.done, found.winner, found.test) == (False, None, None)
    # The second of the sweep wins, the default is far behind.
    results = iter([0.94, 0.93, 0.935, 0.942, 0.932, 0.936, 0.8, 0.81, 0.79])
    for run in lab.service.waiting():
        lab.service.train(run, next(results))
    found = wait_for(lambda: lab.view(study).confirmation, lambda seen: seen.done)
    first, second, default = found.contestants
    assert found.winner == 1 and second.behind is None
    assert first.behind.mean == pytest.approx(0.005 / 3) and not first.apart and default.apart
    assert found.seen_luck == pytest.approx(0.95 - 0.935)
    assert found.test.mean == 0.5 and found.test.n == 3
    assert found.noise == pytest.approx(0.0071, abs=0.001) and 0 < found.expected_luck < 0.01


def test_nothing_is_kept_of_a_confirmation_for_which_no_seeds_are_left(scripted_lab):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5), seed=2**31 - 3)
    with pytest.raises(ValueError) as refusal:
        lab.studies.confirm(study, seeds=3)
    assert str(refusal.value) == (
        "A confirmation must have 3 fresh seeds above the sweep's highest, 2147483645, and none above 2147483647."
    )
    lab.restart()
    assert (lab.view(study).state, lab.view(study).confirmation) == ("finished", None)
    lab.studies.confirm(study, best=1, seeds=2)
    assert {lab.service.rows[run].config.seed for run in lab.service.waiting()} == {2**31 - 2, 2**31 - 1}


def test_a_confirmation_survives_a_kill(scripted_lab):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5))
    lab.studies.confirm(study, best=1, seeds=2)
    one, *_ = lab.service.waiting()
    lab.service.turn(one, "interrupted")
    before = len(lab.service.rows)
    lab.restart()
    assert (one, "resume") in lab.service.commands
    for run in lab.service.waiting():
        lab.service.train(run, 0.9)
    assert lab.view(study).confirmation.done and len(lab.service.rows) == before


@pytest.mark.parametrize("kill", [False, True])
def test_who_looks_at_a_confirmation_starts_none_of_its_runs(scripted_lab, kill):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5))
    lab.studies.confirm(study, best=1, seeds=2)
    ids = [run for contestant in lab.view(study).confirmation.contestants for run in contestant.runs]
    for run in ids[:2]:
        lab.service.command(run, "stop")
    # And one is removed for good.
    lab.service.command(ids[2], "stop")
    del lab.service.rows[ids[2]]
    lab.service.train(ids[3], 0.8)
    before = sorted(lab.service.rows)
    for _ in range(2):
        lab.restart(kill)
        found = lab.view(study).confirmation
        assert sorted(lab.service.rows) == before and lab.service.waiting() == []
        assert [contestant.runs for contestant in found.contestants] == [tuple(ids[:2]), tuple(ids[2:])]
        assert (found.done, found.winner) == (True, None)
        if kill:
            lab.old.close()


def test_who_confirms_again_begins_the_missing_runs_alone(scripted_lab):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5))
    lab.studies.confirm(study, best=1, seeds=2)
    first, *others = [run for contestant in lab.view(study).confirmation.contestants for run in contestant.runs]
    lab.service.command(first, "stop")
    for run in others:
        lab.service.train(run, 0.9)
    lab.studies.confirm(study, best=1, seeds=2)
    (again,) = lab.service.waiting()
    assert lab.service.rows[again].config == lab.service.rows[first].config
    lab.service.train(again, 0.9)
    found = wait_for(lambda: lab.view(study).confirmation, lambda seen: seen.done)
    assert [run for contestant in found.contestants for run in contestant.runs] == [again, *others]
    assert found.winner == 0


@pytest.mark.parametrize("state", ["paused", "interrupted"])
def test_who_confirms_again_lets_runs_that_were_left_go_on(scripted_lab, state):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5))
    lab.studies.confirm(study, best=1, seeds=2)
    first, *others = [run for contestant in lab.view(study).confirmation.contestants for run in contestant.runs]
    lab.service.turn(first, state)
    for run in others:
        lab.service.train(run, 0.9)
    lab.studies.confirm(study, best=1, seeds=2)
    assert (lab.service.waiting(), lab.service.commands) == ([first], [(first, "resume")])


def test_a_confirmation_whose_runs_were_not_noted_finds_them(scripted_lab):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5))
    lab.studies.confirm(study, best=1, seeds=2)
    runs = [contestant.runs for contestant in lab.view(study).confirmation.contestants]
    lab.studies.close()
    path = lab.folder / study / "study.json"
    values = json.loads(path.read_text())
    for one in values["confirmation"]["contestants"]:
        del one["runs"]
    path.write_text(json.dumps(values))
    lab.restart(kill=True)
    assert [contestant.runs for contestant in lab.view(study).confirmation.contestants] == runs


def test_a_disk_that_is_full_confirms_nothing(scripted_lab, monkeypatch):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5))
    before = len(lab.service.rows)

    monkeypatch.setattr("core.sweep.study.write_atomically", full)
    with pytest.raises(ValueError, match="could not be saved on the lab's disk: No space left on device"):
        lab.studies.confirm(study)
    assert (lab.view(study).confirmation, len(lab.service.rows)) == (None, before)


def test_runs_that_failed_leave_it_open(scripted_lab):
    lab = scripted_lab
    study = swept(lab, (0.9, 0.95, 0.94, 0.5))
    lab.studies.confirm(study, best=1, seeds=2)
    for run in lab.service.waiting():
        lab.service.train(run, state="failed")
    found = wait_for(lambda: lab.view(study).confirmation, lambda seen: seen.done)
    assert found.winner is None and found.test is None


def test_nothing_is_known_of_runs_that_were_removed():
    from core.training.config import RunConfig

    found = confirmed([Contestant(0, RunConfig(), ("a", "b"), 0.9)], [[None, None]], [0.9], [(0.9,)])
    assert (found.done, found.winner, found.noise, found.expected_luck) == (True, None, None, None)
