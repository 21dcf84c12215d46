"""Runs of a sweep in the queue: they wait like the owner's others, and count as one."""

import pytest

from core.runs import states
from core.training.config import RunConfig

LONG = RunConfig(epochs=1000)


def test_runs_of_a_sweep_count_as_one_and_are_never_refused(service, wait, monkeypatch):
    monkeypatch.setattr(service, "_limit", 2)
    first = service.submit(LONG, owner="ada")
    wait(lambda: service.run(first).state, lambda state: state == states.RUNNING)
    for seed in (1, 2, 3):
        service.submit_group([RunConfig(epochs=1000, seed=seed)], "ada", sweep="s")
    assert [run.config.seed for run in service.started_by("s")] == [1, 2, 3]
    # The three wait as one, so one more is taken and the next is not.
    service.admit("ada")
    own = service.submit(LONG, owner="ada")
    with pytest.raises(ValueError, match="2 of your runs and groups of runs are waiting already"):
        service.admit("ada")
    other = service.submit(LONG, owner="bob")
    # People take turns, and the sweep has its owner's.
    waiting = [run.id for run in service.started_by("s")]
    order = sorted(service.positions(), key=service.positions().get)
    assert order == [other, *waiting, own] or order == [waiting[0], other, *waiting[1:], own]
    assert {run.id for run in service.in_states((states.QUEUED,))} == {*waiting, own, other}
