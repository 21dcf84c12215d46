"""Histories that the event logs of ``tests/fixtures`` don't show: blocks in pieces, thinned steps, the small curve."""

import math

import numpy as np
import pytest

from core.runs import feed
from core.runs.history import CURVE_POINTS, History
from core.training.events import RunStarted


def started(steps):
    return RunStarted(steps, steps, 1, 100, 0, "cpu", 1)


def block(first, losses):
    rates = [1.0] * len(losses)
    return {
        "event": "StepsDone",
        "first_step": first,
        "losses": losses,
        "learning_rates": rates,
        "images_per_second": 9.0,
    }


def resumed(step, epoch=0):
    return {"event": "Resumed", "step": step, "epoch": epoch, "exact": True, "message": ""}


def test_a_run_without_events_has_a_history():
    history = History()
    assert (history.step, history.epoch, history.plan, history.epochs, history.best) == (0, 0, [], [], None)
    assert history.steps.shape == history.losses.shape == history.learning_rates.shape == (0,)
    assert history.small_curve == [None] * CURVE_POINTS


def test_an_array_handed_out_stays_as_it_was():
    history = History([started(4), block(0, [1.0, 2.0])])
    losses = history.losses
    history.add(block(2, [3.0]))
    assert losses.tolist() == [1.0, 2.0] and history.losses.tolist() == [1.0, 2.0, 3.0]


def test_commands_other_than_the_learning_rate_are_no_plan():
    history = History([{"event": "CommandApplied", "step": 3, "command": "pause", "value": None}])
    assert history.plan == [] and len(history.of("CommandApplied")) == 1


def by_hand(step, rate):
    return {"event": "CommandApplied", "step": step, "command": "learning_rate", "value": rate}


def test_a_rate_that_was_set_at_a_step_that_comes_again_is_still_planned():
    events = [started(64), block(0, [1.0] * 40), by_hand(40, 0.5), by_hand(40, 0.2), by_hand(40, 0.5), by_hand(50, 0.1)]
    history = History([*events, resumed(10)])
    rates = [(40, 0.5), (40, 0.2), (40, 0.5), (50, 0.1)]
    assert history.planned == rates and history.plan == []
    # Left again on the way there.
    history.add(block(10, [1.0] * 5))
    history.add(resumed(15))
    assert history.planned == rates and history.plan == []
    history.add(block(15, [1.0] * 25))
    for rate in rates[:3]:
        history.add(by_hand(*rate))
    assert history.planned == rates and history.plan == rates[:3]


@pytest.mark.parametrize("step", [15, 40])
def test_a_rate_that_a_person_sets_takes_the_place_of_those_to_come(step):
    history = History([started(64), block(0, [1.0] * 40), by_hand(40, 0.5), by_hand(50, 0.1), resumed(10)])
    history.add(block(10, [1.0] * (step - 10)))
    history.add(by_hand(step, 0.3))
    assert history.planned == history.plan == [(step, 0.3)]


def test_the_small_curve_holds_the_means_of_equal_shares():
    history = History([started(2 * CURVE_POINTS), block(0, [1.0, 2.0, 4.0, 6.0])])
    assert history.small_curve[:3] == [1.5, 5.0, None]
    history.add(block(4, [7.0, math.nan]))
    history.add(block(6, [math.inf]))
    assert history.small_curve == [1.5, 5.0, 7.0, None, *[None] * (CURVE_POINTS - 4)]


def test_the_small_curve_counts_what_comes_again_once():
    history = History([started(64), block(0, [1.0] * 32), block(32, [5.0] * 32)])
    assert history.small_curve[15:18] == [1.0, 5.0, 5.0]
    history.add(resumed(33))
    assert history.small_curve[15:18] == [1.0, 5.0, None]
    history.add(block(33, [3.0]))
    assert history.small_curve[15:18] == [1.0, 4.0, None]


@pytest.mark.parametrize("group", [2, 5])
def test_thinned_steps_have_the_means_of_their_groups(group):
    event = block(0, [float(step) for step in range(3 * group)])
    history = History([feed.thinned(event, group)])
    assert history.step == 3 * group
    means = [(group - 1) / 2 + group * i for i in range(3)]
    assert history.losses.tolist() == [mean for mean in means for _ in range(2)]
    assert np.all(np.diff(history.steps) > 0)
