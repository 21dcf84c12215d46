import math

import pytest

from core.hyperparameters import Hyperparameter, check_all, exact, number

RATE = Hyperparameter("rate", 0.5, "A rate.", low=0.0, high=1.0, open_high=True)
COUNT = Hyperparameter("count", 3, "A count.", low=1, high=1_000_000)
FLAG = Hyperparameter("flag", False, "A flag.")
WORD = Hyperparameter("word", "red", "A word.", choices=("red", "green"))
PAIR = Hyperparameter("pair", (0.9, 0.999), "A pair.", low=0.0, high=1.0, open_high=True)
MILESTONES = Hyperparameter("milestones", (2.0, 4.0), "Milestones.", low=0.0, high=1000.0, increasing=True)
FREE = Hyperparameter("free", 0.0, "Any number.")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.001, "0.001"),
        (1e-8, "1e-08"),
        (2.0, "2"),
        (7, "7"),
        (True, "True"),
        ((0.9, 0.999), "0.9,0.999"),
        ([1, 2.5], "1,2.5"),
        (None, "None"),
        (math.nan, "nan"),
        (2147483647, "2147483647"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001, "0.001"), (1 / 3, "0.3333333333333333"), ((0.9, 0.1 + 0.2), "0.9,0.30000000000000004"), (64, "64")],
)
def test_exact_gives_the_same_value_back(value, text):
    assert exact(value) == text


@pytest.mark.parametrize(
    ("parameter", "rule"),
    [
        (RATE, "a number in [0, 1)"),
        (COUNT, "a whole number in [1, 1000000]"),
        (FLAG, "true or false"),
        (WORD, "one of red, green"),
        (PAIR, "2 numbers in [0, 1)"),
        (MILESTONES, "increasing numbers in [0, 1000]"),
        (FREE, "a number in (-inf, inf)"),
        (Hyperparameter("eta", 0.5, "", low=0.0, high=10.0, open_low=True), "a number in (0, 10]"),
        (Hyperparameter("seed", 0, "", low=0, high=2**31 - 1), "a whole number in [0, 2147483647]"),
        (Hyperparameter("eps", 1e-8, "", low=1e-30, high=1.0), "a number in [1e-30, 1]"),
    ],
)
def test_rule(parameter, rule):
    assert parameter.rule == rule


@pytest.mark.parametrize(
    ("parameter", "given", "kept"),
    [
        (RATE, 0, 0.0),
        (RATE, 0.999, 0.999),
        (COUNT, 1, 1),
        (COUNT, 64.0, 64),
        (COUNT, 1_000_000, 1_000_000),
        (FLAG, True, True),
        (WORD, "green", "green"),
        (PAIR, [0, 0.5], (0.0, 0.5)),
        (MILESTONES, (1, 2, 3), (1.0, 2.0, 3.0)),
        (MILESTONES, [7.5], (7.5,)),
        (FREE, -1e300, -1e300),
    ],
)
def test_check_keeps_the_value_in_its_own_type(parameter, given, kept):
    checked = parameter.check(given)
    assert checked == kept and type(checked) is type(kept)


@pytest.mark.parametrize(
    ("parameter", "given", "message"),
    [
        (RATE, 1.0, "rate must be a number in [0, 1), got rate = 1."),
        (RATE, -0.1, "rate must be a number in [0, 1), got rate = -0.1."),
        (RATE, True, "rate must be a number in [0, 1), got rate = True."),
        (RATE, "0.5", "rate must be a number in [0, 1), got rate = 0.5."),
        (RATE, None, "rate must be a number in [0, 1), got rate = None."),
        (RATE, math.nan, "rate must be a number in [0, 1), got rate = nan."),
        (RATE, 10**400, f"rate must be a number in [0, 1), got rate = 1{'0' * 99}…."),
        (FREE, math.inf, "free must be a number in (-inf, inf), got free = inf."),
        (FREE, -math.inf, "free must be a number in (-inf, inf), got free = -inf."),
        (COUNT, 0, "count must be a whole number in [1, 1000000], got count = 0."),
        (COUNT, 1.5, "count must be a whole number in [1, 1000000], got count = 1.5."),
        (FLAG, 1, "flag must be true or false, got flag = 1."),
        (WORD, "blue", "word must be one of red, green, got word = blue."),
        (WORD, ["red"], "word must be one of red, green, got word = red."),
        (PAIR, (1, 1), "pair must be 2 numbers in [0, 1), got pair = 1,1."),
        (PAIR, (0.5,), "pair must be 2 numbers in [0, 1), got pair = 0.5."),
        (PAIR, (0.5, 0.6, 0.7), "pair must be 2 numbers in [0, 1), got pair = 0.5,0.6,0.7."),
        (PAIR, 0.5, "pair must be 2 numbers in [0, 1), got pair = 0.5."),
        (PAIR, (True, 0.5), "pair must be 2 numbers in [0, 1), got pair = True,0.5."),
        (PAIR, (), "pair must be 2 numbers in [0, 1), got pair = nothing."),
        (MILESTONES, (4, 2), "milestones must be increasing numbers in [0, 1000], got milestones = 4,2."),
        (MILESTONES, (2, 2), "milestones must be increasing numbers in [0, 1000], got milestones = 2,2."),
        (MILESTONES, [], "milestones must be increasing numbers in [0, 1000], got milestones = nothing."),
    ],
)
def test_check_refuses_word_for_word(parameter, given, message):
    with pytest.raises(ValueError) as refusal:
        parameter.check(given)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (RATE, " 0.25 ", 0.25),
        (RATE, "1e-3", 0.001),
        (COUNT, "12", 12),
        (FLAG, "true", True),
        (FLAG, "False", False),
        (WORD, "green", "green"),
        (PAIR, "0.8,0.99", (0.8, 0.99)),
        (PAIR, "(0.8, 0.99)", (0.8, 0.99)),
        (PAIR, "[0.8, 0.99]", (0.8, 0.99)),
        (MILESTONES, "1,2,3,", (1.0, 2.0, 3.0)),
    ],
)
def test_parse(parameter, text, value):
    assert parameter.parse(text) == value


@pytest.mark.parametrize("parameter", [RATE, COUNT, FLAG, WORD, PAIR, MILESTONES])
def test_parse_reads_what_number_writes(parameter):
    assert parameter.parse(number(parameter.default)) == parameter.default


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (RATE, "fast", "rate must be a number in [0, 1), got rate = fast."),
        (RATE, "nan", "rate must be a number in [0, 1), got rate = nan."),
        (RATE, "", "rate must be a number in [0, 1), got rate = nothing."),
        (COUNT, "1.5", "count must be a whole number in [1, 1000000], got count = 1.5."),
        (COUNT, "9" * 400, f"count must be a whole number in [1, 1000000], got count = {'9' * 100}…."),
        (FLAG, "maybe", "flag must be true or false, got flag = maybe."),
        (WORD, "blue", "word must be one of red, green, got word = blue."),
        (PAIR, "1,1", "pair must be 2 numbers in [0, 1), got pair = 1,1."),
        (PAIR, "0.9", "pair must be 2 numbers in [0, 1), got pair = 0.9."),
        (PAIR, "0.9,x", "pair must be 2 numbers in [0, 1), got pair = 0.9,x."),
        (COUNT, "1_0", "count must be a whole number in [1, 1000000], got count = 1_0."),
        (COUNT, "٣", "count must be a whole number in [1, 1000000], got count = ٣."),
        (RATE, "0.0_1", "rate must be a number in [0, 1), got rate = 0.0_1."),
        (RATE, "０", "rate must be a number in [0, 1), got rate = ０."),  # noqa: RUF001
        (RATE, "1\n2", "rate must be a number in [0, 1), got rate = 1�2."),
    ],
)
def test_parse_refuses_word_for_word(parameter, text, message):
    with pytest.raises(ValueError) as refusal:
        parameter.parse(text)
    assert str(refusal.value) == message


def test_check_all_keeps_only_what_is_given():
    assert check_all((RATE, COUNT), {"count": 2.0}, "optimizer x") == {"count": 2}


def test_check_all_returns_the_registrys_order():
    for given in ({"rate": 0.5, "count": 2}, {"count": 2, "rate": 0.5}):
        assert list(check_all((RATE, COUNT), given, "optimizer x")) == ["rate", "count"]


@pytest.mark.parametrize(
    ("known", "given", "message"),
    [
        ((RATE, COUNT), {"speed": 1}, "optimizer x has no parameter speed; its parameters: rate, count."),
        ((), {"speed": 1}, "optimizer x has no parameter speed; its parameters: none."),
        ((RATE,), {"rate": 2}, "rate must be a number in [0, 1), got rate = 2."),
        ((RATE,), [1], "optimizer x takes its parameters as names with values, got [1]."),
    ],
)
def test_check_all_refuses_word_for_word(known, given, message):
    with pytest.raises(ValueError) as refusal:
        check_all(known, given, "optimizer x")
    assert str(refusal.value) == message
