from core.runs.history import effective, plan, reached


def steps(first, count):
    return {
        "event": "StepsDone",
        "first_step": first,
        "losses": [first + i + 0.5 for i in range(count)],
        "learning_rates": [1.0] * count,
        "images_per_second": 9.0,
    }


def epoch(number, step):
    return {"event": "EpochDone", "epoch": number, "step": step}


def resumed(step, epoch):
    return {"event": "Resumed", "step": step, "epoch": epoch, "exact": True, "message": ""}


def rate(step, value):
    return {"event": "CommandApplied", "step": step, "command": "learning_rate", "value": value}


def test_without_a_resume_all_events_count():
    events = [steps(0, 3), epoch(0, 3), steps(3, 3)]
    assert effective(events) == events
    assert reached(events) == (6, 1)
    assert reached([]) == (0, 0)


def test_what_comes_again_counts_once_and_blocks_are_cut():
    events = [steps(0, 4), epoch(0, 4), steps(4, 4), epoch(1, 8), steps(8, 2), resumed(6, 1), steps(6, 2), epoch(1, 8)]
    assert effective(events) == [
        steps(0, 4),
        epoch(0, 4),
        {**steps(4, 2)},
        resumed(6, 1),
        steps(6, 2),
        epoch(1, 8),
    ]
    assert reached(events) == (8, 2)
    assert reached(events[:6]) == (6, 1)


def test_an_end_that_was_gone_on_from_is_none():
    finished = {"event": "RunFinished", "reason": "stopped", "step": 4}
    events = [steps(0, 4), finished, resumed(4, 0), steps(4, 1)]
    assert finished not in effective(events)
    assert finished in effective(events[:2])


def test_an_epoch_whose_end_came_after_the_checkpoint_comes_again():
    assert effective([steps(0, 4), epoch(0, 4), resumed(4, 0)]) == [steps(0, 4), resumed(4, 0)]


def test_the_plan_is_what_was_set_and_not_undone():
    events = [steps(0, 4), rate(2, 0.5), rate(4, 0.25), resumed(4, 0), rate(4, 0.25), rate(6, 0.125), resumed(5, 0)]
    assert plan(events) == [(2, 0.5), (4, 0.25)]
    assert plan([{"event": "CommandApplied", "step": 3, "command": "pause", "value": None}]) == []
