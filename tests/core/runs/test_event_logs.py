"""Every view of a run's events says the same, whatever happened to the run."""

import csv
import io
import json
from dataclasses import asdict

import numpy as np
import pytest

from core.runs import export
from core.runs.curves import curves_of
from core.runs.history import CURVE_POINTS, History
from core.runs.store import Run
from core.training.config import RunConfig
from tests.fixtures import event_logs

RUN = Run("abc", 1, "", RunConfig(), 0.0, "finished", "", None, None, None)


@pytest.fixture(params=event_logs.load(), ids=lambda log: log["name"])
def log(request):
    return request.param


@pytest.fixture(params=["events", "messages"])
def events(request, log):
    """The log as it is recorded, and as viewers get it."""
    return log[request.param]


@pytest.fixture
def expected(log):
    return log["expected"]


def plain(value):
    """The value as strict JSON has it: what is not finite is None."""
    return export.finite(value)


def test_the_file_is_what_the_script_writes():
    assert event_logs.FILE.read_text() == event_logs.text()


def test_the_history_is_as_expected(events, expected):
    history = History(events)
    assert {
        "steps": history.steps.tolist(),
        "losses": plain(history.losses.tolist()),
        "learning_rates": history.learning_rates.tolist(),
        "epochs": plain([asdict(epoch) for epoch in history.epochs]),
        "train_loss": plain(history.train_loss),
        "step": history.step,
        "epoch": history.epoch,
        "plan": [list(entry) for entry in history.plan],
        "diverged": history.diverged,
        "best_epoch": history.best.epoch if history.best else None,
        "test_accuracy": history.test_accuracy,
        "seconds": history.seconds,
    } == expected


def test_the_curves_are_as_expected(events, expected):
    curves = curves_of(events)
    assert {
        "steps": curves.steps.tolist(),
        "losses": plain(curves.losses.tolist()),
        "learning_rates": curves.rates.tolist(),
        "epochs": plain([asdict(epoch) for epoch in curves.epochs]),
        "step": curves.last_step,
        "diverged": curves.diverged,
        "test_accuracy": curves.test_accuracy,
        "seconds": curves.seconds,
    } == {name: expected[name] for name in expected if name not in ("train_loss", "epoch", "plan", "best_epoch")}


def test_the_runs_row_is_as_expected(log, events, expected):
    """Also where the row is asked for after each event, as the service does, and not only in the end."""
    history = History()
    for event in events:
        history.add(event)
        row = history.columns
    accuracies = [epoch["validation_accuracy"] for epoch in expected["epochs"]]
    assert (row["step"], row["epoch"]) == (expected["step"], expected["epoch"])
    assert row["validation_accuracy"] == (accuracies[-1] if accuracies else None)
    assert row["best_validation_accuracy"] == max((a for a in accuracies if a is not None), default=None)
    assert (row["test_accuracy"], row["seconds"]) == (expected["test_accuracy"], expected["seconds"])
    # Fewer steps than points: each point of the small curve is of one step at most.
    points = {
        step * CURVE_POINTS // log["total_steps"]: pytest.approx(loss, rel=1e-3)
        for step, loss in zip(expected["steps"], expected["losses"], strict=True)
        if loss is not None
    }
    assert row["curve"] == [points.get(point) for point in range(CURVE_POINTS)]


def test_the_exports_are_as_expected(log, expected):
    record = export.record(RUN, log["events"])
    assert record["points"] == {
        "step": expected["steps"],
        "loss": expected["losses"],
        "learning_rate": expected["learning_rates"],
    }
    assert record["epochs"] == expected["epochs"]
    set_by_hand = [[c["step"], c["value"]] for c in record["commands"] if c["command"] == "learning_rate"]
    assert set_by_hand == expected["plan"]
    rows = list(csv.DictReader(io.StringIO("".join(export.csv_lines([(RUN, log["events"])])))))
    assert [int(row["step"]) for row in rows] == expected["steps"]
    losses = [float(row["loss"]) for row in rows]
    assert [loss if np.isfinite(loss) else None for loss in losses] == expected["losses"]
    assert [int(row["epoch"]) for row in rows if row["epoch"]] == [epoch["epoch"] for epoch in expected["epochs"]]


def test_a_history_from_json_text_is_the_same(log, expected):
    history = History(map(json.loads, [json.dumps(event) for event in log["events"]]))
    assert plain(history.losses.tolist()) == expected["losses"]
