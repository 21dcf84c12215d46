"""Nodes and heads that join, die, are cut off and come back; what is lost has really been killed."""

import os
import signal

import pytest

from tests.core.runs.cluster.interrupted import LONG, MIDDLE, assert_whole
from tests.core.runs.cluster.nodes import family
from tests.core.runs.recorded import recorded

pytest.importorskip("ray", reason="pip install -r requirements-cluster.txt")


def test_workers_come_with_a_node_and_the_runs_of_one_that_dies_go_on(service, nodes, wait, reach, in_training, whole):
    wait(lambda: service.workers, lambda count: count == 1)
    long = in_training(LONG)
    raylet = nodes.add()
    wait(lambda: service.workers, lambda count: count == 2)
    # The only idle worker is that of the new node.
    run_id = in_training(MIDDLE)
    os.kill(raylet, signal.SIGKILL)
    wait(lambda: service.run(run_id), lambda run: run.state == "queued")
    assert service.run(long).state == "running"
    wait(lambda: service.workers, lambda count: count == 1)
    service.command(long, "stop")
    reach(run_id, "finished")
    assert_whole(service, run_id, whole)


def test_a_node_that_is_cut_off_gives_its_run_back_and_adds_nothing_when_it_returns(
    service, nodes, wait, reach, in_training, whole
):
    wait(lambda: service.workers, lambda count: count == 1)
    long = in_training(LONG)
    raylet = nodes.add()
    wait(lambda: service.workers, lambda count: count == 2)
    run_id = in_training(MIDDLE)
    (actor,) = set(nodes.actors()) & set(family(raylet))
    try:
        nodes.freeze(raylet)
        wait(lambda: service.run(run_id), lambda run: run.state == "queued")
        service.command(long, "stop")
        wait(lambda: recorded(service, run_id, "Resumed"))
    finally:
        nodes.thaw(raylet)
    # What it had on its way is let go, it is ended, and another one takes its place.
    wait(lambda: actor not in nodes.actors() and len(nodes.actors()) == 2)
    reach(run_id, "finished")
    assert_whole(service, run_id, whole)
    assert len(recorded(service, run_id, "Resumed")) == 1
    os.kill(raylet, signal.SIGKILL)
    wait(lambda: service.workers, lambda count: count == 1)


def test_when_the_head_is_started_again_the_runs_go_on_with_the_nodes_that_join_it(
    service, nodes, wait, reach, in_training, whole
):
    run_id = in_training(MIDDLE)
    nodes.kill_head()
    wait(lambda: service.run(run_id), lambda run: run.state == "queued")
    nodes.start_head()
    nodes.add()
    reach(run_id, "finished")
    assert_whole(service, run_id, whole)
