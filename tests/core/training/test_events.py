import json
import math
from dataclasses import FrozenInstanceError

import pytest

from core.training.events import (
    Checkpointed,
    CommandApplied,
    Diverged,
    EpochDone,
    Event,
    Paused,
    Resumed,
    RunFinished,
    RunStarted,
    StepsDone,
    StoppedEarly,
)

EVENTS = [
    RunStarted(3750, 750, 5, 48_000, 12_000, "cpu", 2),
    StepsDone(0, [2.5, 0.1], [1e-3, 2e-3], 200_000.5),
    EpochDone(0, 750, 0.4, 0.88, 0.25, 0.93, 0.2),
    EpochDone(0, 750, 0.4, 0.88, None, None, 0.2),
    CommandApplied(10, "stop"),
    CommandApplied(10, "learning_rate", 0.5),
    Checkpointed(750, "last"),
    Paused(10),
    Resumed(10, 0, False, "Continues, not bit-exact: threads was 1 and is 2."),
    Diverged(6, 1000.0, 0),
    StoppedEarly(2250, 0, 0.25),
    RunFinished("finished", 3750, 0.09, 0.972, 1.2),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_json_and_back(event):
    line = event.to_json()
    assert "\n" not in line
    assert Event.from_dict(json.loads(line)) == event


def test_every_kind_is_tried_here():
    own = {name for name, kind in Event.kinds.items() if kind.__module__ == "core.training.events"}
    assert {type(event).__name__ for event in EVENTS} == own


def test_json_written_out():
    assert Diverged(6, 1000.0, 0).to_json() == '{"event":"Diverged","step":6,"learning_rate":1000.0,"restored_step":0}'


def test_what_is_not_finite_survives():
    losses = Event.from_dict(json.loads(StepsDone(0, [math.nan, math.inf, -math.inf], [1.0] * 3, 1.0).to_json())).losses
    assert math.isnan(losses[0]) and losses[1:] == [math.inf, -math.inf]


def test_from_dict_leaves_its_argument_alone():
    values = EVENTS[0].to_dict()
    Event.from_dict(values)
    assert values["event"] == "RunStarted"


def test_events_are_frozen():
    with pytest.raises(FrozenInstanceError):
        EVENTS[0].steps = 1
