import math

from core.runs.progress import CURVE_POINTS, Progress


def steps(first, losses):
    return {"event": "StepsDone", "first_step": first, "losses": losses, "learning_rates": losses}


def epoch(number, accuracy):
    return {"event": "EpochDone", "epoch": number, "step": 0, "validation_accuracy": accuracy}


def test_the_curve_holds_the_means_of_equal_shares():
    progress = Progress(2 * CURVE_POINTS)
    progress.take(steps(0, [1.0, 2.0, 4.0, 6.0]))
    progress.take(steps(4, [7.0, math.nan]))
    progress.take(steps(6, [math.inf]))
    assert progress.curve == [1.5, 5.0, 7.0, None, *[None] * (CURVE_POINTS - 4)]
    assert progress.step == 7


def test_the_best_epoch_stays_the_best():
    progress = Progress(100)
    for number, accuracy in enumerate((0.9, 0.95, 0.93)):
        progress.take(epoch(number, accuracy))
    assert (progress.epoch, progress.validation_accuracy, progress.best_validation_accuracy) == (3, 0.93, 0.95)
    progress.take(epoch(3, None))
    assert (progress.validation_accuracy, progress.best_validation_accuracy) == (None, 0.95)


def test_a_resumed_run_counts_what_comes_again_once():
    events = [
        steps(0, [1.0] * 32),
        epoch(0, 0.9),
        steps(32, [5.0] * 32),
        epoch(1, 0.99),
        {"event": "Resumed", "step": 32, "epoch": 1},
        steps(32, [3.0]),
    ]
    progress = Progress.of(64, events)
    assert (progress.step, progress.epoch, progress.best_validation_accuracy) == (33, 1, 0.9)
    assert progress.curve[15:18] == [1.0, 3.0, None]


def test_a_run_that_goes_on_from_another_begins_where_that_one_stood():
    progress = Progress.of(100, [{"event": "Resumed", "step": 40, "epoch": 2}])
    assert (progress.step, progress.epoch) == (40, 2)
