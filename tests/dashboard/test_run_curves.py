from dataclasses import replace
from types import SimpleNamespace

from core.optimizers import OPTIMIZERS
from core.training.config import RunConfig
from dashboard.colors import DASHES, HUES, OPTIMIZER_COLORS, line_style
from dashboard.run_curves import lines
from dashboard.words import differences, setting

BASE = RunConfig()


def runs(*configs: RunConfig) -> list:
    return [SimpleNamespace(id=str(i), config=config) for i, config in enumerate(configs)]


def test_a_line_a_lane_named_by_what_differs() -> None:
    found = lines(runs(BASE, replace(BASE, lr=0.1), replace(BASE, seed=1)))
    assert [(line.name, line.runs) for line in found] == [("rate 0.001", ("0", "2")), ("rate 0.1", ("1",))]
    assert [line.color for line in found] == list(HUES[:2])


def test_optimizers_keep_their_own_colours() -> None:
    found = lines(runs(BASE, replace(BASE, optimizer="sgd", lr=0.3)))
    assert [(line.name, line.color) for line in found] == [
        ("Adam · rate 0.001", OPTIMIZER_COLORS["adam"]),
        ("SGD · rate 0.3", OPTIMIZER_COLORS["sgd"]),
    ]


def test_seeds_alone_are_lines_of_their_own() -> None:
    assert [line.name for line in lines(runs(BASE, replace(BASE, seed=1)))] == ["seed 0", "seed 1"]


def test_given_names_stand() -> None:
    assert [line.name for line in lines(runs(BASE, replace(BASE, lr=0.1)), ["x", "y"])] == ["x", "y"]


def test_thirty_two_lines_look_different() -> None:
    assert len({line_style(i) for i in range(32)}) == 32 == len(HUES) * len(DASHES)
    assert line_style(32) == line_style(0)


def test_differences_are_in_words() -> None:
    other = replace(BASE, augment=True, batch_size="full", optimizer_params={"eps": 1e-7}, schedule="cosine")
    assert differences([BASE, other]) == [
        "batch 64 · Constant · no augment",
        "eps 1e-07 · batch full · Cosine · augment",
    ]
    assert differences([BASE, BASE]) == ["the same settings", "the same settings"]
    assert setting(BASE, "weight_decay") == "weight decay 0"
    assert all(setting(RunConfig.recommended(name), "optimizer") == spec.label for name, spec in OPTIMIZERS.items())
