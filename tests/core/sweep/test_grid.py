"""The order of a grid: coarse first, then where the neighbours are good."""

import pytest

from core.sweep.grid import Grid, refinement
from core.sweep.text import parse
from core.training.config import RunConfig


@pytest.mark.parametrize(
    ("count", "levels"),
    [(1, [0]), (2, [0, 0]), (3, [0, 0, 0]), (5, [0, 1, 0, 1, 0]), (9, [0, 2, 1, 2, 0, 2, 1, 2, 0]), (4, [0, 0, 1, 0])],
)
def test_levels(count: int, levels: list[int]) -> None:
    assert refinement(count) == levels


def walk(grid: Grid, value) -> list[dict]:
    """All points in the order in which the grid gives them."""
    values: dict[int, float | None] = {}
    order = []
    while (place := grid.next(values)) is not None:
        values[place] = value(grid.points[place])
        order.append(grid.points[place])
    return order


def test_all_points_come_once_coarse_ones_first() -> None:
    grid = Grid(parse(RunConfig(), ["lr=0.1:0.9:5", "batch_size=16,32,64,128,256"]))
    order = walk(grid, lambda point: 0.0)
    assert sorted(map(str, order)) == sorted(map(str, grid.points)) and len(order) == 25
    coarse = [(rate, batch) for rate in (0.1, 0.5, 0.9) for batch in (16, 64, 256)]
    assert [(point["lr"], point["batch_size"]) for point in order[:9]] == coarse


def test_the_fine_points_begin_where_the_coarse_ones_are_best() -> None:
    grid = Grid(parse(RunConfig(), ["lr=0.1:0.9:9"]))
    rates = [point["lr"] for point in walk(grid, lambda point: -abs(point["lr"] - 0.6))]
    assert rates[:3] == [0.1, 0.5, 0.9]
    assert rates[3:5] == [0.7, 0.3]
    assert rates[5] == 0.6


def test_a_point_without_a_value_is_not_tried_again() -> None:
    grid = Grid(parse(RunConfig(), ["optimizer=sgd,adam"]))
    assert walk(grid, lambda point: None) == [{"optimizer": "sgd"}, {"optimizer": "adam"}]


def test_settings_that_do_not_exist_are_no_neighbours() -> None:
    grid = Grid(parse(RunConfig(), ["optimizer=adam,momentum", "momentum=0.1:0.9:9"]))
    assert len(grid.points) == 10
    order = walk(grid, lambda point: point.get("param.momentum", 0.0))
    assert order[:4] == [
        {"optimizer": "adam"},
        *({"optimizer": "momentum", "param.momentum": m} for m in (0.1, 0.5, 0.9)),
    ]


@pytest.mark.parametrize(
    ("vary", "sentence"),
    [
        (["lr=0.1:1:50", "weight_decay=0:1:50"], "A grid must have 2 to 2,000 points that fit together, got 2,500."),
        (
            ["lr=0.1:1:100", "weight_decay=0:1:100", "seed=0:99:100"],
            "A grid must have at most 2,000 points, got 1,000,000.",
        ),
        (["optimizer=adam,lbfgs", "batch_size=16,32"], None),
    ],
)
def test_a_grids_size_is_bounded(vary: list[str], sentence: str | None) -> None:
    space = parse(RunConfig(), vary)
    if sentence is None:
        assert [point["optimizer"] for point in Grid(space).points] == ["adam", "adam", "lbfgs"]
        return
    with pytest.raises(ValueError) as caught:
        Grid(space)
    assert str(caught.value) == sentence
