import json
import math

from core.runs.feed import GROUPS, message, thinned


def steps(losses, first=0):
    return {
        "event": "StepsDone",
        "step": 10,
        "first_step": first,
        "losses": losses,
        "learning_rates": [0.1 * (i + 1) for i in range(len(losses))],
        "images_per_second": 1.0,
    }


def test_a_short_run_keeps_every_step():
    event = json.loads(message(4, steps([3.0, 1.0, 2.0], first=7), total_steps=GROUPS))
    assert event == {
        "seq": 4,
        "event": "StepsDone",
        "step": 10,
        "steps": [7, 8, 9],
        "losses": [3.0, 1.0, 2.0],
        "learning_rates": [0.1, 0.2, 0.3],
        "means": [3.0, 1.0, 2.0],
        "images_per_second": 1.0,
    }


def test_a_group_keeps_its_smallest_and_its_largest_in_order():
    event = thinned(steps([5.0, 1.0, 2.0, 9.0, 3.0, 3.0, 3.0], first=100), group=4)
    assert event["steps"] == [101, 103, 104]
    assert event["losses"] == [1.0, 9.0, 3.0]
    assert event["learning_rates"] == [0.2, 0.4, 0.5]
    assert event["means"] == [4.25, 4.25, 3.0]


def test_one_spike_among_many_steps_never_disappears():
    losses = [1.0] * 240_000
    losses[123_456] = 50.0
    event = json.loads(message(0, steps(losses), total_steps=240_000))
    assert event["losses"][event["steps"].index(123_456)] == 50.0
    assert len(event["steps"]) <= 2 * GROUPS


def test_what_is_not_finite_is_kept_and_becomes_null():
    text = message(0, steps([1.0, math.nan, 2.0, math.inf, 3.0]), total_steps=3 * GROUPS)
    event = json.loads(text, parse_constant=lambda name: 1 / 0)
    assert event["losses"] == [1.0, None, None, 3.0]
    assert event["steps"] == [0, 1, 3, 4]


def test_other_events_pass_as_they_are_but_strict():
    text = message(2, {"event": "RunFinished", "reason": "diverged", "test_loss": math.nan}, total_steps=10)
    assert json.loads(text) == {"seq": 2, "event": "RunFinished", "reason": "diverged", "test_loss": None}
