"""Sweeps on a service whose runs do what the test says."""

import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from core.hyperparameters import InvalidValue
from core.paths import ROOT
from core.sweep import view
from core.sweep.settings import Settings
from core.sweep.text import parse
from core.training.config import RunConfig
from tests.waiting import wait_for


def config_of(lab, run_id):
    return lab.service.rows[run_id].config


def test_a_grid_is_tried_with_a_run_ahead_of_the_workers(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3,0.4")
    assert [config_of(lab, run).lr for run in lab.service.waiting()] == [0.1, 0.2, 0.4]
    assert {(run.owner, run.owner_name, run.sweep) for run in lab.service.rows.values()} == {("ada", "Ada", study)}
    first, *others = lab.service.waiting()
    lab.service.train(first, 0.7)
    seen = lab.until(study, finished=1, waiting=3)
    assert [trial.chosen for trial in seen.trials] == [{"lr": rate} for rate in (0.1, 0.2, 0.4, 0.3)]
    for run, accuracy in zip(wait_for(lab.service.waiting, lambda runs: len(runs) == 3), (0.8, 0.9, 0.85), strict=True):
        lab.service.train(run, accuracy)
    seen = lab.until(study, finished=4)
    assert wait_for(lambda: lab.view(study).state) and lab.view(study).state == view.FINISHED
    assert [(trial.number, trial.accuracy) for trial in seen.ranking] == [(2, 0.9), (3, 0.85), (1, 0.8), (0, 0.7)]
    assert seen.best.runs == (others[1],) and seen.best.losses == (1.0,)


def test_the_mean_of_the_seeds_counts(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2", seeds=2, base={"seed": 5})
    one, other = lab.service.waiting()[:2]
    assert [config_of(lab, run).seed for run in (one, other)] == [5, 6]
    lab.service.train(one, 0.6)
    assert lab.until(study, running=1).trials[0].accuracies == ()
    lab.service.train(other, 0.8)
    trial = lab.until(study, finished=1).trials[0]
    assert (trial.accuracy, trial.finals, trial.runs) == (0.7, (0.6, 0.8), (one, other))


def test_a_bad_trial_is_stopped_after_its_first_epoch(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3", epochs=3, prune=True)
    good, bad = lab.service.waiting()[:2]
    lab.service.epoch(good, 0.9)
    wait_for(lambda: lab.view(study).trials[0].epochs == 1)
    lab.service.epoch(bad, 0.5)
    seen = lab.until(study, pruned=1)
    assert lab.service.commands == [(bad, "stop")]
    assert (seen.trials[1].state, seen.trials[1].accuracy) == ("pruned", 0.5)
    lab.service.train(good, 0.91, 0.92)
    lab.until(study, finished=1)
    # After a restart the journal says the same.
    before = lab.view(study).trials[:2]
    lab.restart()
    assert [(t.state, t.accuracies, t.chosen, t.runs) for t in lab.view(study).trials[:2]] == [
        (t.state, t.accuracies, t.chosen, t.runs) for t in before
    ]


def test_a_run_that_diverged_counts_as_never_right(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2", seeds=2, epochs=2)
    one, other = lab.service.waiting()[:2]
    lab.service.train(one, 0.9, 0.9)
    lab.service.train(other, 0.7, state="diverged")
    trial = lab.until(study, diverged=1).trials[0]
    assert (trial.accuracies, trial.finals) == ((0.8, 0.45), (0.9, 0.0))
    assert lab.view(study).best is None


def test_a_trial_that_a_person_stopped_comes_again(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2")
    first, second = lab.service.waiting()
    lab.service.command(first, "stop")
    again = wait_for(lab.service.waiting, lambda runs: len(runs) == 2)[1]
    assert config_of(lab, again).lr == 0.1 and again != first
    lab.service.train(second, 0.8)
    # The one that was stopped is the same setting: it is counted, listed and drawn once.
    assert [(trial.number, trial.state) for trial in lab.view(study).trials] == [(1, "waiting"), (2, "waiting")]
    lab.service.train(again, 0.9)
    assert [trial.state for trial in lab.until(study, finished=2).trials] == ["finished", "finished"]


def test_pause_and_resume_reach_the_runs(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3")
    runs = lab.service.waiting()
    lab.studies.pause(study)
    assert lab.service.commands == [(run, "pause") for run in runs]
    assert (lab.view(study).state, lab.service.waiting()) == ("paused", [])
    lab.studies.resume(study)
    wait_for(lab.service.waiting, lambda waiting: waiting == runs)
    for run in runs:
        lab.service.train(run, 0.9)
    lab.until(study, finished=3)
    assert len(lab.service.rows) == 3


def test_stop_ends_the_trials_and_more_goes_on(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", trials=2)
    lab.service.train(lab.service.waiting()[0], 0.9)
    lab.until(study, finished=1)
    lab.studies.stop(study)
    seen = lab.until(study, finished=1, stopped=1)
    assert (seen.state, seen.counted, lab.service.waiting()) == ("stopped", 1, [])
    lab.studies.give(study, trials=2)
    assert len(wait_for(lab.service.waiting, lambda runs: len(runs) == 3)) == 3
    assert lab.view(study).settings.trials == 4


def test_a_setting_that_was_stopped_is_shown_until_it_is_tried_again_and_once_however_often(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2", epochs=2)
    for stops in range(2):
        lab.service.epoch(lab.service.waiting()[0], 0.5)
        lab.studies.stop(study)
        seen = lab.until(study, stopped=2)
        assert [trial.chosen["lr"] for trial in seen.trials] == [0.1, 0.2]
        assert len(view.csv_text(seen).splitlines()) == 3 and len(view.record(seen)["trials"]) == 2
        lab.studies.resume(study)
        wait_for(lab.service.waiting, lambda runs: len(runs) == 2)
        assert [trial.number for trial in lab.view(study).trials] == [2 * stops + 2, 2 * stops + 3]
    for run in lab.service.waiting():
        lab.service.train(run, 0.8, 0.9)
    seen = lab.until(study, finished=2)
    # Also as the journal has it.
    lab.restart()
    assert [trial.number for trial in lab.view(study).trials] == [trial.number for trial in seen.trials] == [4, 5]


def test_a_sweep_ends_with_its_time(scripted_lab, monkeypatch):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", minutes=1)
    monkeypatch.setattr("core.sweep.study.Study.seconds", 61.0)
    for run in lab.service.waiting():
        lab.service.train(run, 0.9)
    assert wait_for(lambda: lab.view(study).state == view.FINISHED)
    assert len(lab.service.rows) == 3


def test_a_small_space_ends_when_all_is_tried(scripted_lab):
    lab = scripted_lab
    study = lab.start("optimizer=adam,sgd", sampler="random", trials=500)
    for run in wait_for(lab.service.waiting, lambda runs: len(runs) == 2):
        lab.service.train(run, 0.9)
    assert wait_for(lambda: lab.view(study).state == view.FINISHED)
    assert len(lab.service.rows) == 2


def test_five_failures_in_a_row_end_it_with_the_reason(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1:1", sampler="random", trials=50)
    for number in range(5):
        run = wait_for(lab.service.waiting)[0]
        lab.service.rows[run] = replace(lab.service.rows[run], message="Out of memory.")
        lab.service.train(run, state="failed")
        lab.until(study, failed=number + 1)
    seen = lab.view(study)
    assert (seen.state, seen.message) == ("failed", "5 trials in a row failed. Out of memory.")


def test_a_full_disk_fails_one_sweep_and_not_the_thread(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3,0.4")
    lab.service.full = True
    run = lab.service.waiting()[0]
    lab.service.train(run, 0.9)
    wait_for(lambda: lab.view(study).state == view.FAILED)
    assert lab.view(study).message == "The run could not be saved on the lab's disk: full."
    lab.service.full = False
    lab.studies.resume(study)
    for run in wait_for(lab.service.waiting, lambda runs: len(runs) == 3):
        lab.service.train(run, 0.8)
    assert lab.until(study, finished=4).state in (view.RUNNING, view.FINISHED)
    assert sorted(config_of(lab, run).lr for run in lab.service.rows) == [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("kill", [False, True])
def test_a_restart_adopts_the_runs(scripted_lab, kill):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2,0.3,0.4,0.5", epochs=2)
    one, two, _ = lab.service.waiting()
    lab.service.epoch(one, 0.5)
    wait_for(lambda: lab.view(study).trials[0].epochs == 1)
    lab.service._listeners.clear()
    # Meanwhile, unheard: one ended, one was interrupted.
    lab.service.train(one, 0.6)
    lab.service.turn(two, "interrupted")
    lab.restart(kill)
    lab.until(study, finished=1)
    wait_for(lambda: (two, "resume") in lab.service.commands)
    assert lab.view(study).trials[0].accuracies == (0.5, 0.6)
    while lab.view(study).state == view.RUNNING:
        for run in lab.service.waiting():
            lab.service.train(run, 0.7, 0.8)
    assert sorted(config_of(lab, run).lr for run in lab.service.rows) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert [trial.number for trial in lab.view(study).trials] == [0, 1, 2, 3, 4]
    if kill:
        lab.old.close()


def test_a_run_that_was_submitted_and_not_noted_is_found(scripted_lab, monkeypatch):
    lab = scripted_lab
    with monkeypatch.context() as patched:
        patched.setattr("core.sweep.search.Search.note", lambda *_, **__: 1 / 0)
        study = lab.start("lr=0.1,0.2")
        wait_for(lambda: lab.view(study).state == view.FAILED)
    assert len(lab.service.rows) == 1
    lab.studies.resume(study)
    for run in wait_for(lab.service.waiting, lambda runs: len(runs) == 2):
        lab.service.train(run, 0.9)
    lab.until(study, finished=2)
    assert sorted(config_of(lab, run).lr for run in lab.service.rows) == [0.1, 0.2]


def test_changes_are_those_since_a_revision(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2")
    lab.until(study, waiting=2)
    before = lab.studies.revision(study)
    lab.service.epoch(lab.service.waiting()[1], 0.9)
    wait_for(lambda: lab.studies.revision(study) > before)
    changes = lab.studies.changes(study, before)
    assert [(trial.number, trial.accuracies) for trial in changes.trials] == [(1, (0.9,))]
    assert lab.studies.changes(study, changes.revision).trials == ()
    assert len(lab.studies.changes(study, 0).trials) == 2
    for run in list(lab.service.rows):
        lab.service.train(run, 0.9)
    lab.until(study, finished=2)
    lab.restart()
    assert len(lab.studies.changes(study, 0).trials) == 2


def test_labels_and_removal(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2")
    lab.studies.edit(study, name=" rates ", notes="why")
    with pytest.raises(ValueError, match="A sweep must not be running to be removed"):
        lab.studies.delete(study)
    lab.studies.stop(study)
    lab.restart()
    (kept,) = lab.studies.summaries()
    assert (kept.name, kept.notes, kept.owner_name, kept.state) == ("rates", "why", "Ada", "stopped")
    lab.studies.delete(study)
    assert lab.studies.summaries() == [] and lab.studies.view(study) is None and not list(lab.folder.iterdir())
    with pytest.raises(ValueError, match="sweep must be one that the lab has, got sweep = "):
        lab.studies.pause(study)


def test_a_sweep_is_admitted_like_a_run(scripted_lab):
    scripted_lab.service.refusal = "Too many wait."
    settings = Settings(parse(RunConfig(), ["lr=0.1,0.2"]))
    with pytest.raises(ValueError, match=r"^Too many wait\.$"):
        scripted_lab.studies.start(settings)
    assert scripted_lab.studies.summaries() == []


def test_the_same_command_finds_its_sweep(scripted_lab):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2")
    settings = Settings(parse(RunConfig(epochs=1), ["lr=0.1,0.2"]))
    lab.studies.give(study, trials=3)
    assert lab.studies.asked(settings, "ada") == study
    assert lab.studies.asked(settings, "bob") is None
    assert lab.studies.asked(Settings(parse(RunConfig(epochs=2), ["lr=0.1,0.2"])), "ada") is None


def test_a_budget_has_bounds(scripted_lab):
    study = scripted_lab.start("lr=0.1,0.2")
    with pytest.raises(InvalidValue, match=r"trials must be a whole number in \[1, 10000\], got trials = 0"):
        scripted_lab.studies.give(study, trials=0)


def test_a_damaged_sweep_is_left_out(scripted_lab, caplog):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2")
    (lab.folder / "other").mkdir()
    (lab.folder / "other" / "study.json").write_text("{}")
    lab.restart()
    assert [kept.id for kept in lab.studies.summaries()] == [study]
    assert "cannot be read" in caplog.text


def test_a_damaged_journal_fails_its_sweep_alone(scripted_lab, caplog):
    lab = scripted_lab
    study, other = lab.start("lr=0.1,0.2"), lab.start("batch_size=16,32")
    lab.studies.pause(study)
    lab.studies.close()
    path = lab.folder / study / "trials.log"
    path.write_text("nonsense\n" + path.read_text())
    lab.restart(kill=True)
    seen = lab.view(study)
    assert (seen.state, seen.trials, seen.name) == ("failed", (), "a sweep")
    assert "cannot go on" in caplog.text
    # Another look is no change, which would have pages drawn anew for ever.
    assert lab.view(study).revision == seen.revision
    # Asked for by a thread of its own.
    assert wait_for(lambda: lab.view(other), lambda other: len(other.trials) == 2).state == "running"


def test_optuna_is_imported_only_where_a_sweep_is_opened(tmp_path):
    program = """
import sys
from core.cli.main import main
from core.sweep.studies import Studies
from tests.core.sweep.conftest import Lab
from pathlib import Path
lab = Lab(Path(sys.argv[1]))
assert lab.studies.summaries() == [] and lab.studies.view("none") is None
print("optuna" in sys.modules)
lab.studies.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "sweeps")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "False\n", done.stderr


def test_a_double_click_starts_one(scripted_lab):
    settings = Settings(parse(RunConfig(), ["lr=0.1,0.2"]))
    assert scripted_lab.studies.start(settings, owner="ada") == scripted_lab.studies.start(settings, owner="ada")
    scripted_lab.studies.start(settings, owner="bob")
    assert len(scripted_lab.studies.summaries()) == 2


def test_a_double_click_with_anothers_start_in_between_starts_one(scripted_lab):
    settings = Settings(parse(RunConfig(), ["lr=0.1,0.2"]))
    first, other, again = (scripted_lab.studies.start(settings, owner=owner) for owner in ("ada", "bob", "ada"))
    assert first == again != other


def test_two_clicks_at_the_same_moment_start_one(scripted_lab, monkeypatch):
    settings = Settings(parse(RunConfig(), ["lr=0.1,0.2"]))
    clicks: list[str] = []
    second = threading.Thread(target=lambda: clicks.append(scripted_lab.studies.start(settings, owner="ada")))
    admitted = threading.Event()

    def admit(_owner):
        # The second click comes between the first one's look and its note; it may have to wait for that.
        if not admitted.is_set():
            admitted.set()
            second.start()
            second.join(0.5)

    monkeypatch.setattr(scripted_lab.service, "admit", admit)
    clicks.append(scripted_lab.studies.start(settings, owner="ada"))
    second.join()
    assert len(set(clicks)) == len(scripted_lab.studies.summaries()) == 1


def test_an_owner_is_renamed(scripted_lab):
    scripted_lab.start("lr=0.1,0.2")
    scripted_lab.studies.rename_owner("ada", "Bob", "Eve")
    assert [kept.owner_name for kept in scripted_lab.studies.summaries()] == ["Ada"]
    scripted_lab.studies.rename_owner("ada", "Ada", "Ada L.")
    scripted_lab.restart()
    assert [kept.owner_name for kept in scripted_lab.studies.summaries()] == ["Ada L."]


def test_the_time_of_a_sweep_survives_a_kill(scripted_lab, monkeypatch):
    lab = scripted_lab
    study = lab.start("lr=0.1,0.2")
    with monkeypatch.context() as patched:
        patched.setattr("core.sweep.study.Study.seconds", 40.0)
        lab.service.train(lab.service.waiting()[0], 0.9)
        lab.until(study, finished=1)
    lab.restart(kill=True)
    assert 40 <= lab.view(study).seconds < 45
    lab.old.close()


def test_what_the_lab_has_finished_is_not_trained_again(scripted_lab):
    lab = scripted_lab
    first = lab.start("lr=0.1,0.2")
    for run in lab.service.waiting():
        lab.service.train(run, 0.9)
    lab.until(first, finished=2)
    second = lab.start("lr=0.1,0.2,0.3")
    (fresh,) = lab.service.waiting()
    assert config_of(lab, fresh).lr == 0.3
    seen = lab.view(second)
    assert [(t.state, t.accuracies, t.runs) for t in seen.trials[:2]] == [
        (t.state, t.accuracies, t.runs) for t in lab.view(first).trials
    ]
    # The other sweep's runs are not this one's to stop.
    lab.studies.stop(second)
    assert lab.service.commands == [(fresh, "stop")]
