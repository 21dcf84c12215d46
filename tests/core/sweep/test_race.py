from dataclasses import replace
from typing import Any

import pytest

from core.hyperparameters import InvalidValue
from core.sweep.race import best_rates, differing, in_turn, lanes_of, race, seeded, sweep, varied, vary
from core.training.config import RunConfig

BASE = RunConfig(epochs=3, seed=7)


def test_everything_but_the_knob_is_equal() -> None:
    lanes = race(BASE, "lr", [0.1, 0.2])
    assert [lane.configs for lane in lanes] == [(replace(BASE, lr=0.1),), (replace(BASE, lr=0.2),)]


def test_another_optimizer_or_schedule_comes_with_its_own_defaults() -> None:
    base = replace(BASE, optimizer_params={"betas": (0.8, 0.99)}, schedule="step", schedule_params={"factor": 0.3})
    (adam,), (sgd,) = (lane.configs for lane in race(base, "optimizer", ["adam", "sgd"]))
    assert adam == base
    assert sgd == replace(base, optimizer="sgd", optimizer_params={})
    assert race(base, "schedule", ["step", "cosine"])[1].configs[0].schedule_params == {}


def test_seeds_count_up_from_the_bases_and_lanes_take_turns() -> None:
    lanes = race(BASE, "batch_size", [32, 64], seeds=2)
    assert [(c.batch_size, c.seed) for c in in_turn(lanes)] == [(32, 7), (64, 7), (32, 8), (64, 8)]


@pytest.mark.parametrize(
    ("knob", "values", "seeds", "sentence"),
    [
        ("lr", [0.1], 1, "values must be 2 to 16 different ones, got 1."),
        ("lr", [0.1, 0.1], 1, "values must be 2 to 16 different ones, got 1."),
        ("lr", [0.1, 0.2], 11, "seeds must be a whole number in [1, 10], got seeds = 11."),
        ("seed", [1, 2], 2, "seeds must be 1 when the seed itself is varied, got seeds = 2."),
        ("batch_size", list(range(1, 9)), 9, "a race must have at most 64 runs, got 8 values x 9 seeds."),
        ("lr", [0.1, -1.0], 1, "lr must be a number in (0, 1000], got lr = -1."),
        ("optimizer", ["adam", "lbfgs"], 1, "batch_size must be full with optimizer lbfgs, got batch_size = 64."),
    ],
)  # fmt: skip
def test_what_cannot_race_is_said(knob: str, values: list[float], seeds: int, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        race(BASE, knob, values, seeds)
    assert str(caught.value) == sentence


def test_seeds_do_not_run_past_the_largest() -> None:
    last = 2**31 - 1
    assert [c.seed for c in in_turn(race(replace(BASE, seed=last - 2), "lr", [0.1, 0.2], 3))][-1] == last
    with pytest.raises(InvalidValue, match=f"^seed must be at most {last - 2}, since 3 seeds count up from it, got"):
        race(replace(BASE, seed=last - 1), "lr", [0.1, 0.2], 3)


def test_only_a_knob_is_varied() -> None:
    with pytest.raises(ValueError) as caught:
        race(BASE, "epochs", [1, 2])
    assert str(caught.value).endswith("schedule, shuffle, seed, got knob = epochs.")


def test_a_sweep_is_short_and_centred_on_the_recommended_rate() -> None:
    configs = sweep(replace(BASE, epochs=5), ["sgd", "adam"])
    assert [(c.optimizer, c.lr) for c in configs] == [
        *(("sgd", rate) for rate in (0.03, 0.09, 0.3, 0.9, 3.0)),
        *(("adam", rate) for rate in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)),
    ]
    assert {c.epochs for c in configs} == {2}
    assert {c.epochs for c in sweep(replace(BASE, epochs=1), ["sgd", "adam"])} == {1}


def test_the_best_rate_is_the_smaller_of_equals_and_failures_do_not_count() -> None:
    def run(optimizer: str, lr: float) -> RunConfig:
        return replace(BASE, optimizer=optimizer, lr=lr)

    results = [(run("sgd", 0.1), 0.9), (run("sgd", 0.3), 0.95), (run("sgd", 0.2), 0.95), (run("sgd", 9.0), None)]
    assert best_rates([*results, (run("adam", 0.1), None)]) == {"sgd": 0.2}


def test_runs_that_differ_in_the_seed_share_a_lane() -> None:
    configs = in_turn(seeded([BASE, replace(BASE, lr=0.5)], 2))
    assert lanes_of(configs) == [[0, 2], [1, 3]]
    assert lanes_of([replace(BASE, seed=s) for s in range(3)]) == [[0], [1], [2]]
    assert lanes_of([]) == []


def test_only_what_differs_is_named() -> None:
    assert differing([BASE, replace(BASE, lr=0.5, optimizer_params={"eps": 1e-7})]) == ["lr", "optimizer_params"]
    assert differing([BASE, BASE]) == []


def test_parameters_in_another_order_are_the_same() -> None:
    eps: dict[str, Any] = {"eps": 1e-7}
    betas: dict[str, Any] = {"betas": (0.8, 0.99)}
    one, other = (replace(BASE, optimizer_params=params) for params in (eps | betas, betas | eps))
    assert differing([one, other]) == []
    assert lanes_of([one, replace(other, seed=8), BASE]) == [[0, 1], [2]]


@pytest.mark.parametrize(
    ("knob", "values", "seeds"),
    [
        ("optimizer", ["sgd", "adam"], 3),
        ("lr", [0.3, 0.1], 2),
        ("batch_size", ["full", 64], 1),
        ("schedule", ["cosine", "constant", "one_cycle"], 2),
        ("shuffle", ["none", "epoch"], 1),
        ("seed", [3, 1, 2], 1),
    ],
)
def test_what_a_race_varied_is_read_off_its_configs(knob: str, values: list[Any], seeds: int) -> None:
    assert varied(in_turn(race(BASE, knob, values, seeds))) == (knob, values, seeds)


def test_optimizers_at_their_own_rates_are_a_race_and_two_settings_are_none() -> None:
    rates = [replace(vary(BASE, "optimizer", name), lr=lr) for name, lr in (("sgd", 0.3), ("adam", 1e-3))]
    assert varied(rates) == ("optimizer", ["sgd", "adam"], 1)
    assert varied([BASE, replace(BASE, lr=0.5, epochs=9)]) is None
    assert varied([BASE]) is None
    assert varied([BASE, replace(BASE, epochs=9)]) is None
