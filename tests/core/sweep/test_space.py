"""The space of a sweep: values, conditions, size, text and refusals."""

import json

import pytest

from core.sweep.space import Dimension, Space
from core.sweep.text import parse, text
from core.training.config import RunConfig

BASE = RunConfig(epochs=3)


@pytest.mark.parametrize(
    "said",
    [
        "lr=0.0001:1:log",
        "lr=0.1:0.3",
        "lr=0.0001:1:log:13",
        "batch_size=16,64,full",
        "batch_size=16:256:log",
        "optimizer=sgd,adam",
        "shuffle=epoch,none",
        "augment=true,false",
        "param.betas=0.9,0.999;0.8,0.99",
        "device=cpu,cuda:1",
    ],
)
def test_text_comes_back(said: str) -> None:
    space = parse(BASE, [said])
    assert text(space.dimensions[0]) == said
    assert Space.from_dict(json.loads(json.dumps(space.to_dict()))) == space
    # As of Python 3.13 a dataclass with NaN equals none, not even itself.
    assert all(value == value for value in vars(space.dimensions[0]).values())


def test_a_range_is_whole_where_the_setting_is() -> None:
    lr, batch = parse(BASE, ["lr=1e-4:1:log", "batch-size=16:256"]).dimensions
    assert (lr.whole, batch.whole) == (False, True)
    assert lr.ladder == (1e-4, 0.0003162, 0.001, 0.003162, 0.01, 0.03162, 0.1, 0.3162, 1.0)
    assert batch.ladder == (16, 46, 76, 106, 136, 166, 196, 226, 256)
    assert Dimension("epochs", (), 1, 3, whole=True).ladder == (1, 2, 3)


def test_a_lists_numbers_ascend_and_words_keep_their_order() -> None:
    batch, optimizer = parse(BASE, ["batch_size=256,16,64", "optimizer=sgd,adam"]).dimensions
    assert (batch.ladder, batch.ordered) == ((16, 64, 256), True)
    assert (optimizer.ladder, optimizer.ordered) == (("sgd", "adam"), False)
    assert not parse(BASE, ["batch_size=16,full"]).dimensions[0].ordered


def test_a_parameter_exists_only_for_optimizers_that_have_it() -> None:
    space = parse(BASE, ["optimizer=adam,momentum", "momentum=0.5,0.9", "weight_decay=0,0.1"])
    assert list(space.points()) == [
        {"optimizer": "adam", "weight_decay": 0.0},
        {"optimizer": "adam", "weight_decay": 0.1},
        *(
            {"optimizer": "momentum", "param.momentum": momentum, "weight_decay": decay}
            for momentum in (0.5, 0.9)
            for decay in (0.0, 0.1)
        ),
    ]
    assert space.size == 6
    assert space.config({"optimizer": "momentum", "param.momentum": 0.5}).optimizer_params == {"momentum": 0.5}


def test_what_does_not_exist_falls_back() -> None:
    base = RunConfig(
        weight_decay=0.1, optimizer_params={"betas": (0.8, 0.9)}, schedule="step", schedule_params={"factor": 0.3}
    )
    space = parse(base, ["optimizer=adam,lbfgs", "batch_size=16,64", "schedule=step,cosine"])
    assert space.config({"optimizer": "adam", "batch_size": 16, "schedule": "step"}) == RunConfig.from_dict(
        {**base.to_dict(), "batch_size": 16}
    )
    other = space.config({"optimizer": "lbfgs", "schedule": "cosine"})
    assert (other.batch_size, other.weight_decay, other.optimizer_params, other.schedule_params) == (
        "full",
        0.0,
        {},
        {},
    )
    assert not space.exists("batch_size", {"optimizer": "lbfgs"})


def test_smoothing_exists_for_cross_entropy() -> None:
    space = parse(BASE, ["label_smoothing=0,0.1", "loss=cross_entropy,mse"])
    assert [tuple(point.values()) for point in space.points()] == [
        ("cross_entropy", 0.0),
        ("cross_entropy", 0.1),
        ("mse",),
    ]


def test_optimizers_at_their_own_rates() -> None:
    space = parse(BASE, ["optimizer=sgd,adam"], own_rates=True)
    assert [space.config(point).lr for point in space.points()] == [0.3, 0.001]


@pytest.mark.parametrize(
    ("vary", "size"),
    [
        (["batch_size=16,64"], 2),
        (["batch_size=16:20", "seed=0,1,2"], 15),
        (["lr=0.1:1"], None),
        (["epochs=1:1000", "batch_size=1:1000"], None),
    ],
)
def test_the_size(vary: list[str], size: int | None) -> None:
    assert parse(BASE, vary).size == size


def test_values_are_short_and_stay_in_their_range() -> None:
    (momentum,) = parse(RunConfig(optimizer="momentum"), ["momentum=0.5:0.99996"]).dimensions
    assert momentum.rounded(0.123456789) == 0.5
    assert momentum.rounded(0.7654321) == 0.7654
    assert momentum.rounded(0.99996) == 0.99996


@pytest.mark.parametrize(
    ("vary", "sentence"),
    [
        ([], "A sweep must vary 1 to 12 settings, got 0."),
        (["lr"], "vary must be NAME=VALUE,VALUE or NAME=LOW:HIGH, got vary = lr."),
        (["lr=0.1,-1"], "lr must be a number in (0, 1000], got lr = -1."),
        (["lr=0:1"], "lr must be a number in (0, 1000], got lr = 0."),
        (["lr=1:0.1"], "lr must run from a lower to a higher value, got lr = 1 to 0.1."),
        (["weight_decay=0:1:log"], "weight_decay must begin above 0 in a logarithmic range, got weight_decay = 0."),
        (["lr=0.1"], "lr must be varied over 2 to 100 values, got 1."),
        (["lr=0.1,0.1"], "lr must be varied over different values, got 0.1,0.1."),
        (["lr=0.1,0.2", "lr=0.1,0.3"], "A setting must be varied once, got lr twice."),
        (["optimizer=adam:sgd"], "optimizer must be varied over a list of values, got a range."),
        (["epochs=1.5:3"], "epochs must be a whole number in [1, 1000], got epochs = 1.5."),
        (
            ["lr=1:2:3:4"],
            "lr must have a range written LOW:HIGH, LOW:HIGH:log or LOW:HIGH:log:POINTS, got lr = 1:2:3:4.",
        ),
        (["lr=0.1:1:log:1"], "points must be a whole number in [2, 100], got points = 1."),
        (["device=cpu,gpu"], "device must be one of auto, cpu, cuda, cuda:N, mps, got device = gpu."),
        (["optimizer=adam,best"], "optimizer must be one of "),
        (["momentum=0.5,0.9"], "A varied setting must be one of optimizer, "),
        (
            ["param.momentum=0.5,0.9"],
            "param.momentum must be a parameter of adam; of theirs these can vary: param.betas, param.eps, ",
        ),
    ],
)
def test_what_cannot_vary_is_said(vary: list[str], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(BASE, vary)
    assert str(caught.value).startswith(sentence)
