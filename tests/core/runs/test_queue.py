from core.runs.queue import FairQueue


def filled(*runs):
    queue = FairQueue()
    for run in runs:
        queue.put(run, run[0])
    return queue


def test_people_take_turns_and_each_ones_runs_keep_their_order():
    queue = filled("a1", "a2", "a3", "b1", "c1", "b2")
    assert queue.order() == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_newcomer_comes_before_the_second_turn_of_the_others():
    queue = filled("a1", "a2", "a3")
    queue.take("a1")
    queue.put("b1", "b")
    assert queue.order() == ["b1", "a2", "a3"]
    queue.take("b1")
    queue.put("b2", "b")
    assert queue.order() == ["a2", "b2", "a3"]


def test_a_run_taken_out_without_its_turn_costs_none():
    queue = filled("a1", "a2", "b1")
    queue.remove("a1")
    queue.remove("nobody")
    assert queue.order() == ["a2", "b1"] and "a1" not in queue and "a2" in queue


def test_moving_changes_the_order_of_ones_own_alone():
    queue = filled("a1", "b1", "a2", "b2", "a3")
    assert queue.move("a3", -1) == ["a1", "a3", "a2"]
    assert queue.order() == ["a1", "b1", "a3", "b2", "a2"]
    assert queue.move("a1", -5) == ["a1", "a3", "a2"]
    assert queue.move("a1", 5) == ["a3", "a2", "a1"]
