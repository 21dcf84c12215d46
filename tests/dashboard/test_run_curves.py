import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.findings import findings
from core.optimizers import OPTIMIZERS
from core.runs import feed
from core.runs.history import History
from core.runs.service import Service
from core.runs.store import Run
from core.training.config import RunConfig
from core.training.events import StepsDone
from dashboard import lab, run_curves, stream
from dashboard.colors import DASHES, HUES, OPTIMIZER_COLORS, line_style
from dashboard.run_curves import lines
from dashboard.words import differences, setting
from tests.waiting import LIMIT

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
    found = lines(runs(BASE, replace(BASE, lr=0.1)), ["x", "y"])
    assert [(line.name, line.color) for line in found] == [("x", HUES[0]), ("y", HUES[1])]
    racing = lines(runs(BASE, replace(BASE, optimizer="adagrad")), ["x", "y"])
    assert [line.color for line in racing] == [OPTIMIZER_COLORS["adam"], OPTIMIZER_COLORS["adagrad"]]
    assert lines(runs(BASE), ["x"])[0].color == HUES[0]


def test_thirty_two_lines_look_different() -> None:
    assert len({line_style(i) for i in range(32)}) == 32 == len(HUES) * len(DASHES)
    assert line_style(32) == line_style(0)


def chart_of(values: int, seeds: int) -> AppTest:
    def script(values: int, seeds: int) -> None:
        from core.runs.store import Run
        from core.training.config import RunConfig
        from dashboard import run_curves

        configs = [RunConfig(lr=value + 1.0, seed=seed) for value in range(values) for seed in range(seeds)]
        runs = [Run(f"{i}", i, "", config, 0.0, "finished", "", None, None, None) for i, config in enumerate(configs)]
        run_curves.live(runs, "", key="chart")

    return AppTest.from_function(script, args=(values, seeds), default_timeout=LIMIT).run()


@pytest.mark.parametrize(
    ("values", "seeds", "drawn", "said"),
    [
        (32, 8, [8] * 32, []),
        (30, 10, [10] * 25, ["Curves of the first 25 of 30 settings: a chart shows no more."]),
        (40, 1, [1] * 32, ["Curves of the first 32 of 40 settings: a chart shows no more."]),
        (2, 300, [256], ["Curves of the first 1 of 2 settings: a chart shows no more."]),
    ],
)
def test_a_live_chart_has_no_more_runs_than_a_browser_may_follow(
    service: Service, values: int, seeds: int, drawn: list[int], said: list[str]
) -> None:
    page = chart_of(values, seeds)
    assert not page.exception
    (chart,) = [json.loads(e.proto.json) for e in page.get("bidi_component")]
    lines = [len(line["runs"]) for line in chart["lines"]]
    # Seeds alone are lines of their own.
    assert lines == (drawn if len(drawn) > 1 else [1] * sum(drawn))
    assert len(chart["runs"]) == sum(drawn) <= stream.MOST_RUNS
    assert [caption.value for caption in page.caption] == said


def test_differences_are_in_words() -> None:
    other = replace(BASE, augment=True, batch_size="full", optimizer_params={"eps": 1e-7}, schedule="cosine")
    assert differences([BASE, other]) == [
        "batch 64 · Constant · no augment",
        "eps 1e-07 · batch full · Cosine · augment",
    ]
    assert differences([BASE, BASE]) == ["the same settings", "the same settings"]
    assert setting(BASE, "weight_decay") == "weight decay 0"
    assert all(setting(RunConfig.recommended(name), "optimizer") == spec.label for name, spec in OPTIMIZERS.items())


def test_the_curves_of_a_long_run_have_every_step_though_viewers_get_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that falls slowly and scatters by 8%: means of neighbouring groups scatter far less."""
    config = RunConfig(optimizer="sgd", lr=0.03, batch_size=512, epochs=150)
    steps = config.span.steps
    assert steps == 14_100 > 4 * feed.GROUPS
    losses = np.geomspace(0.8, 0.1, steps) * np.random.default_rng(0).normal(1, 0.1, steps)
    events = [
        StepsDone(first, part.tolist(), [0.03] * len(part), 1.0)
        for first, part in zip(range(0, steps, 500), np.split(losses, range(500, steps, 500)), strict=True)
    ]
    messages = [feed.message(seq, event.to_dict(), steps) for seq, event in enumerate(events)]
    assert sum(len(json.loads(message)["steps"]) for message in messages) < steps / 3
    service = SimpleNamespace(messages=lambda run_id: messages, history=lambda run_id: History(events))
    monkeypatch.setattr(lab, "service", lambda: service)
    run = Run("long", 1, "", config, 0.0, "running", "", None, None, None)
    curves = run_curves.curves(run)
    np.testing.assert_array_equal(curves.steps, np.arange(steps))
    np.testing.assert_array_equal(curves.losses, losses)
    tail = losses[-4230:]
    assert np.abs(np.diff(tail, 2)).mean() / tail.mean() / math.sqrt(6) == pytest.approx(0.08, rel=0.03)
    assert findings(config, curves) == []
