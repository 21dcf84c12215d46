"""Settings of a sweep, and the estimate before it starts."""

import json
from dataclasses import replace

import pytest

from core.hyperparameters import InvalidValue
from core.runs.store import Run
from core.sweep.settings import Settings, cost, estimate
from core.sweep.text import parse
from core.training.config import RunConfig

BASE = RunConfig(epochs=2)


def settings(*vary, base=BASE, **given):
    return Settings(parse(base, vary), **given)


def test_two_settings_make_a_grid_and_more_are_searched():
    assert (settings("lr=0.1,0.2").sampler, settings("lr=0.1,0.2").trials) == ("grid", 2)
    many = settings("lr=0.1:1", "batch_size=16,64", "optimizer=adam,sgd")
    assert (many.sampler, many.trials, many.minutes) == ("tpe", 40, None)


def test_a_budget():
    assert settings("lr=0.1,0.2", trials=9).trials == 2
    assert settings("lr=0.1:1", trials=4).trials == 4
    assert settings("lr=0.1:1", sampler="random", minutes=2).trials is None


def test_json_comes_back():
    given = settings("lr=0.1:1:log", "batch_size=16,full", sampler="random", trials=7, minutes=1.5, seeds=3, prune=True)
    assert Settings.from_dict(json.loads(json.dumps(given.to_dict()))) == given
    with pytest.raises(ValueError, match="A sweep has no setting rate; it has "):
        Settings.from_dict({**given.to_dict(), "rate": 1})


@pytest.mark.parametrize("values", ["0,0.2", "0:0.5", "0.000001,0.2", "0.2,0.000008", "0.000001:0.5:log"])
def test_something_must_validate(values):
    with pytest.raises(ValueError, match=r"^validation_split must leave validation images"):
        settings(f"validation_split={values}")


def test_one_image_validates():
    assert settings("validation_split=0.00001,0.2").trials == 2


def test_seeds_count_up():
    own = settings("lr=0.1,0.2", seeds=3)
    assert [config.seed for config in own.configs(replace(BASE, seed=4))] == [4, 5, 6]
    assert all(replace(config, seed=0) == BASE for config in own.configs(BASE))


def test_seeds_end_at_the_highest():
    last = replace(BASE, seed=2**31 - 1)
    assert settings("lr=0.1,0.2", base=last).configs(last) == [last]
    assert settings("lr=0.1,0.2", base=replace(BASE, seed=2**31 - 2), seeds=2).seeds == 2
    with pytest.raises(InvalidValue, match=r"^seed must be at most 2147483646, since 2 seeds count up from it, got"):
        settings("lr=0.1,0.2", base=last, seeds=2)


def finished(config, seconds, **given):
    return Run(
        "a", 1, "", config, 0.0, "finished", "", None, None, None, step=config.span.steps, seconds=seconds, **given
    )


def test_an_estimate_without_runs():
    expected = estimate(settings("lr=0.1,0.2", seeds=2), workers=2)
    assert (expected.trials, expected.runs, expected.workers, expected.measured) == (2, 4, 2, 0)
    assert expected.seconds == pytest.approx(2 * cost(BASE))
    assert cost(BASE) == pytest.approx(0.05 + 2 * (1.25e-6 * 48_000 + 4e-5 * 750 + 4e-7 * 12_000))


def test_the_labs_runs_correct_it():
    slow = finished(BASE, 4 * cost(BASE) - 0.05)
    expected = estimate(settings("lr=0.1,0.2"), 1, [slow, replace(slow, state="stopped"), replace(slow, parent="b")])
    assert (expected.measured, expected.seconds) == (1, pytest.approx(8 * cost(BASE)))


def test_minutes_say_how_many_trials_fit():
    own = settings("lr=0.1:1", sampler="random", minutes=1)
    expected = estimate(own, 2)
    assert expected.trials == round(60 / (cost(BASE) / 2))
    assert expected.seconds == pytest.approx(60, rel=0.01)
    assert estimate(replace(own, trials=10), 2).trials == 10


def test_at_least_one_run_of_the_longest_lasts():
    assert estimate(settings("lr=0.1,0.2"), workers=64).seconds == pytest.approx(cost(BASE))
