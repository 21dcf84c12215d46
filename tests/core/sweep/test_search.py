"""The search over its journal: what it draws after a restart, and a journal that a kill left unfinished."""

import math

import pytest

from core.sweep.search import STARTUP, Search, mend
from core.sweep.settings import Settings
from core.sweep.text import parse
from core.training.config import RunConfig

VARY = ["optimizer=adam,momentum", "lr=1e-4:1:log", "momentum=0.5:0.99", "batch_size=16,64,256", "weight_decay=0:0.1:3"]


def settings(sampler, trials=30, **given):
    return Settings(parse(RunConfig(), VARY), sampler=sampler, trials=trials, **given)


def step(search):
    """Ask, and end the trial with a score that depends on its choice alone."""
    number, chosen = search.ask()
    score = 1 - abs(chosen["lr"] - 0.01)
    search.end(number, "finished", score, {"runs": (), "accuracies": (score,), "losses": (1.0,), "finals": (score,)})
    return chosen


@pytest.mark.parametrize("sampler", ["random", "tpe", "sobol", "grid"])
def test_a_search_that_is_read_anew_goes_on_as_if_nothing_had_happened(tmp_path, sampler):
    count = STARTUP + 6
    whole = Search(tmp_path / "whole", settings(sampler))
    expected = [step(whole) for _ in range(count)]
    parts = []
    for _ in range(0, count, 4):
        search = Search(tmp_path / "parts", settings(sampler))
        parts += [step(search) for _ in range(4)]
    assert parts == expected
    assert len({tuple(chosen.items()) for chosen in expected}) == count
    assert [found.chosen for found in Search(tmp_path / "parts", settings(sampler)).found()] == expected


@pytest.mark.parametrize("sampler", ["random", "tpe", "sobol"])
def test_another_seed_draws_others(tmp_path, sampler):
    one, other = (Search(tmp_path / str(seed), settings(sampler, seed=seed)) for seed in (0, 1))
    assert [step(one) for _ in range(3)] != [step(other) for _ in range(3)]


def test_a_range_is_even_in_its_logarithm(tmp_path):
    search = Search(tmp_path / "log", Settings(parse(RunConfig(), ["lr=1e-4:1:log"]), sampler="sobol", trials=64))
    rates = sorted(search.ask()[1]["lr"] for _ in range(64))
    # Sobol: a quarter in each decade, to a point.
    assert [sum(low <= rate < 10 * low for rate in rates) for low in (1e-4, 1e-3, 1e-2, 1e-1)] == [16] * 4


def test_each_number_of_a_whole_range_is_as_likely(tmp_path):
    search = Search(tmp_path / "log", Settings(parse(RunConfig(), ["epochs=1:4"]), sampler="sobol", trials=64))
    epochs = [search.ask()[1]["epochs"] for _ in range(64)]
    # The ends too.
    assert [epochs.count(number) for number in (1, 2, 3, 4)] == [16] * 4


def test_tpe_draws_near_what_was_good(tmp_path):
    search = Search(tmp_path / "log", Settings(parse(RunConfig(), ["lr=1e-4:1:log"]), sampler="tpe", trials=60))
    rates = []
    for _ in range(60):
        number, chosen = search.ask()
        rates.append(chosen["lr"])
        score = -abs(math.log10(chosen["lr"]) + 2)
        search.end(number, "finished", score, {})
    near = [0.003 < rate < 0.03 for rate in rates]
    assert sum(near[30:]) >= 2 * sum(near[:10]) + 10


def test_pruning_keeps_the_best_third_of_a_rung(tmp_path):
    search = Search(tmp_path / "log", settings("random", prune=True))
    kept = []
    for accuracy in (0.5, 0.6, 0.4, 0.7, 0.55, 0.65):
        number, _ = search.ask()
        kept.append(not search.report(number, accuracy, 1))
    assert kept == [True, True, False, True, False, True]


def test_an_unfinished_line_is_cut_off(tmp_path):
    search = Search(tmp_path / "log", settings("random"))
    step(search)
    whole = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(whole + b'{"op_code": 4, "wor')
    mend(tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == whole


def test_a_trial_that_was_killed_while_it_was_drawn_is_none(tmp_path):
    search = Search(tmp_path / "log", settings("random"))
    step(search)
    search.study.ask().suggest_categorical("optimizer", ["adam", "momentum"])
    again = Search(tmp_path / "log", settings("random"))
    assert [found.number for found in again.found()] == [0]
    number, _ = again.ask()
    assert number == 2
