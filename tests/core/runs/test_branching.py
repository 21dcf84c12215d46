"""Branches: which steps can be left, what may change there, and how exactly a branch goes on from its parent."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from core.hyperparameters import InvalidValue
from core.models.checkpoints import load_checkpoint
from core.runs import branching, run_files
from core.runs.branching import Branch, epoch_starts, places
from core.runs.migrations import MIGRATIONS
from core.runs.replay_request import ReplayRequest
from core.runs.service import Service
from core.runs.store import Run, Store
from core.training.config import RunConfig

#: 6 steps in each of 3 epochs.
SHORT = RunConfig(optimizer="sgd", lr=0.1, epochs=3, batch_size=1000, validation_split=0.9)


def a_run(config: RunConfig = SHORT, state: str = "finished", step: int = 18, first_step: int = 0) -> Run:
    return Run("a", 7, "", config, 1.0, state, "", None, None, None, started=1.0, step=step, first_step=first_step)


def branch_of(run: Run, step: int, tmp_path, **changes) -> Branch:
    return Branch.of(run, ReplayRequest("a", run.config, run.step, (), tmp_path, 1), step, changes)


def finished(service: Service, wait, config: RunConfig) -> str:
    run_id = service.submit(config)
    wait(lambda: service.run(run_id).state == "finished")
    return run_id


def ended(service: Service, wait, run_id: str) -> Run:
    return wait(lambda: service.run(run_id), lambda run: run.over)


def test_a_branch_leaves_at_every_step_that_leaves_one_to_train():
    assert places(a_run()) == range(18)
    assert places(a_run(state="stopped", step=10)) == range(11)
    assert places(a_run(state="stopped", step=10, first_step=4)) == range(4, 11)
    # It ran out of patience.
    assert places(a_run(step=12)) == range(12)
    assert places(a_run(state="paused", step=18)) == range(18)
    assert list(epoch_starts(a_run())) == [0, 6, 12]
    assert list(epoch_starts(a_run(state="diverged", step=12, first_step=4))) == [6, 12]


def test_what_cannot_be_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(InvalidValue, match=r"^step must be a whole number in \[0, 17\], got step = 18\.$"):
        branch_of(a_run(), 18, tmp_path)
    for changes in ({"batch_size": 500}, {"shuffle": "none"}):
        with pytest.raises(InvalidValue, match=r"^step must be a multiple of 6, where an epoch begins, to change"):
            branch_of(a_run(), 7, tmp_path, **changes)
        assert branch_of(a_run(), 6, tmp_path, **changes).config == replace(SHORT, **changes)
    # A batch size or an order that stays as it is changes nothing.
    assert branch_of(a_run(), 7, tmp_path, batch_size=1000).config == SHORT
    with pytest.raises(ValueError, match=r"^A branch can change lr, optimizer, batch_size, shuffle, got seed\.$"):
        branch_of(a_run(), 6, tmp_path, seed=1)
    with pytest.raises(InvalidValue, match=r"^batch_size must be full with optimizer lbfgs"):
        branch_of(a_run(), 6, tmp_path, optimizer="lbfgs")


def test_another_optimizer_brings_its_own_rate_decay_and_parameters(tmp_path):
    config = replace(SHORT, optimizer="adam", optimizer_params={"betas": (0.8, 0.9)}, lr=0.01)
    changed = branch_of(a_run(config), 5, tmp_path, optimizer="adamw")
    assert (
        changed.config == replace(RunConfig.recommended("adamw"), **_kept(config)) and changed.rate == changed.config.lr
    )
    assert branch_of(a_run(config), 5, tmp_path, optimizer="adamw", lr=0.5).rate == 0.5
    assert branch_of(a_run(config), 5, tmp_path, optimizer="adam").config == config
    assert branch_of(a_run(config), 5, tmp_path, shuffle="epoch").rate is None


def _kept(config: RunConfig) -> dict:
    return {name: getattr(config, name) for name in ("epochs", "batch_size", "validation_split")}


@pytest.mark.parametrize("config", [SHORT, replace(SHORT, optimizer="adam", lr=0.01, schedule="cosine")])
@pytest.mark.parametrize("step", [0, 6, 9])
def test_a_branch_that_changes_nothing_has_its_parents_curve_bit_for_bit(service, wait, config, step):
    parent = finished(service, wait, config)
    run = ended(service, wait, service.branch(parent, step, {}))
    assert (run.state, run.parent, run.parent_step, run.first_step, run.exact) == ("finished", parent, step, step, True)
    own, other = service.history(run.id), service.history(parent)
    assert own.steps.tolist() == list(range(step, 18))
    assert own.losses.tolist() == other.losses.tolist()[step:]
    assert own.learning_rates.tolist() == other.learning_rates.tolist()[step:]
    mine, others = ([replace(epoch, seconds=0) for epoch in h.epochs] for h in (own, other))
    assert mine == others[step // 6 :]
    assert own.test_accuracy == other.test_accuracy
    # Training the settings again is no branch.
    assert service.twin(config).id != run.id


def test_another_rate_acts_from_its_first_step_on_and_the_optimizer_remembers(service, wait):
    config = replace(SHORT, optimizer="adam", lr=0.01)
    parent = finished(service, wait, config)
    run = ended(service, wait, service.branch(parent, 9, {"lr": 0.001}))
    assert run.config == replace(config, lr=0.001)
    history = service.history(run.id)
    assert set(history.learning_rates.tolist()) == {0.001}
    # The first loss is of the very parameters that the parent had then; the next one is not.
    assert history.losses[0] == service.history(parent).losses[9]
    assert history.losses[1] != service.history(parent).losses[10]
    state = load_checkpoint(service._files / run.id / run_files.START).state
    assert float(state["optimizers"][0]["0"]["step"]) == 9.0


def test_another_optimizer_begins_without_memory(service, wait):
    parent = finished(service, wait, replace(SHORT, optimizer="adam", lr=0.01))
    run = ended(service, wait, service.branch(parent, 9, {"optimizer": "rmsprop"}))
    assert run.state == "finished"
    assert service.history(run.id).losses[0] == service.history(parent).losses[9]
    assert load_checkpoint(service._files / run.id / run_files.START).state["optimizers"] == [{}]


def test_another_batch_size_goes_on_as_many_epochs_along(service, wait):
    parent = finished(service, wait, SHORT)
    run = ended(service, wait, service.branch(parent, 12, {"batch_size": 500}))
    history = service.history(run.id)
    assert (run.parent_step, run.first_step, run.step, run.epoch) == (12, 24, 36, 3)
    assert history.steps.tolist() == list(range(24, 36))
    assert [epoch.epoch for epoch in history.epochs] == [2]
    assert load_checkpoint(service._files / run.id / run_files.START).state["history"] == [
        [12 * (number + 1), epoch.validation_loss] for number, epoch in enumerate(service.history(parent).epochs[:2])
    ]


def test_a_rate_set_by_hand_goes_on_in_a_branch_that_sets_none(service, wait):
    parent = service.submit(replace(SHORT, epochs=200))
    wait(lambda: len(service.messages(parent)) > 3)
    service.command(parent, "pause")
    wait(lambda: service.run(parent).state == "paused")
    step = service.run(parent).step
    service.command(parent, "learning_rate", 0.025)
    service.command(parent, "step")
    wait(lambda: service.run(parent).step == step + 1 and service.run(parent).state == "paused")
    branch = service.branch(parent, step + 1, {})
    wait(lambda: service.history(branch).step > step + 1)
    service.command(branch, "stop")
    assert service.history(branch).learning_rates[0] == 0.025


def test_a_branch_of_a_branch_outlives_both_of_those_before_it(service, wait):
    parent = finished(service, wait, SHORT)
    child = ended(service, wait, service.branch(parent, 6, {"shuffle": "none"}))
    grandchild = service.branch(child.id, 9, {"lr": 0.05})
    service.delete([parent, child.id])
    other = service.history(child.id).losses.tolist()
    service.purge([parent, child.id])
    run = ended(service, wait, grandchild)
    assert (run.state, run.first_step) == ("finished", 9)
    assert service.history(grandchild).losses[0] == other[3]
    assert service.trajectory(grandchild)


def test_a_replay_of_a_branch_is_the_branch(service, wait):
    parent = finished(service, wait, SHORT)
    run = ended(service, wait, service.branch(parent, 6, {"optimizer": "momentum"}))
    trajectory = service.trajectory(run.id).wait()
    assert trajectory.message == ""
    assert trajectory.load()[0][0] == 6


def test_a_branch_that_diverges_goes_back_no_further_than_to_its_beginning(service, wait):
    # 60 steps in each epoch, of which the branch takes few.
    parent = finished(service, wait, replace(SHORT, weight_decay=0.1, batch_size=100))
    run = ended(service, wait, service.branch(parent, 65, {"lr": 1000.0}))
    assert (run.state, run.first_step, run.step, run.epoch) == ("diverged", 65, 65, 1)
    assert run.message.endswith("the parameters after step 65 are kept.")
    assert places(run) == range(65, 66)
    trajectory = service.trajectory(run.id).wait()
    assert (trajectory.message, trajectory.load()[0].tolist()) == ("", [65])
    again = ended(service, wait, service.branch(run.id, 65, {"lr": 0.1}))
    assert service.history(again.id).losses.tolist() == service.history(parent).losses.tolist()[65:]


def test_a_branch_of_what_was_trained_elsewhere_says_so(service, wait):
    parent = finished(service, wait, SHORT)
    service._store.update(parent, environment={**service.run(parent).environment, "torch": "1.0"})
    run = ended(service, wait, service.branch(parent, 6, {}))
    assert not run.exact
    assert run.message.startswith("Continues, not bit-exact: torch was 1.0 and is ")


def test_a_run_that_trains_or_is_not_there_cannot_be_left(service):
    with pytest.raises(ValueError, match=r"^run must be one that the lab has"):
        service.branch("nothing", 0, {})
    run_id = service.submit(replace(SHORT, epochs=1000))
    with pytest.raises(ValueError, match=r"^Run #\d+ is still training; it can be replayed when it ends\.$"):
        service.branch(run_id, 0, {})
    service.command(run_id, "stop")
    assert service.children(run_id) == []


def test_a_run_that_is_no_branch_needs_no_replay(tmp_path):
    branching.begin(tmp_path, SHORT)
    assert not list(tmp_path.iterdir())


def test_a_store_from_before_branches_says_that_its_runs_began_anew(tmp_path):
    path = tmp_path / "lab.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("".join(MIGRATIONS[:3]) + "PRAGMA user_version = 3;")
        config = json.dumps(SHORT.to_dict())
        row = ("a", 1, "", config, 5.0, "finished", "b")
        db.execute("INSERT INTO runs (id, number, name, config, created, state, parent) VALUES (?,?,?,?,?,?,?)", row)
        db.commit()
    store = Store(path)
    run = store.run("a")
    assert (run.parent, run.parent_step, run.first_step) == ("b", None, 0)
    store.close()
