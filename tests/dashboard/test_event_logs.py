"""The dashboard's views of a run's events agree with each other, whatever happened to the run."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from core.runs.export import finite
from core.runs.history import History
from core.runs.store import Run
from core.training.config import RunConfig
from dashboard import lab, run_curves
from dashboard.views.landscape import items
from dashboard.views.runs import figures
from tests.fixtures import event_logs

RUN = Run("abc", 1, "", RunConfig(), 0.0, "running", "", None, None, None)


@pytest.fixture(params=event_logs.load(), ids=lambda log: log["name"])
def log(request):
    return request.param


@pytest.fixture(autouse=True)
def service(log, monkeypatch):
    # Without blanks, as the service has them.
    messages = [json.dumps(message, separators=(",", ":")) for message in log["messages"]]
    stub = SimpleNamespace(messages=lambda run_id: messages, history=lambda run_id: History(log["events"]))
    monkeypatch.setattr(lab, "service", lambda: stub)


@pytest.fixture
def expected(log):
    return log["expected"]


def test_figures(expected):
    found, epochs = asdict(figures.figures(RUN)), expected["epochs"]
    best = expected["best_epoch"]
    assert found["best_epoch"] == (None if best is None else best + 1)
    last = epochs[-1] if epochs else {"validation_accuracy": None, "validation_loss": None}
    assert (found["final_accuracy"], found["final_loss"], found["train_loss"]) == (
        last["validation_accuracy"],
        last["validation_loss"],
        expected["train_loss"],
    )
    of_best = next((epoch for epoch in epochs if epoch["epoch"] == best), None)
    assert found["best_accuracy"] == (of_best["validation_accuracy"] if of_best else None)


def test_curves_of_races_and_lessons(expected):
    curves = run_curves.curves(RUN)
    assert (curves.last_step, curves.diverged) == (expected["step"], expected["diverged"])
    assert finite(curves.losses.tolist()) == expected["losses"]
    assert finite([asdict(epoch) for epoch in curves.epochs]) == expected["epochs"]


def test_the_curve_beside_a_landscape(expected):
    epochs, losses = items._curve(RUN)
    assert finite(losses.tolist()) == expected["losses"]
    np.testing.assert_allclose(epochs * RUN.config.span.steps_per_epoch, expected["steps"])
