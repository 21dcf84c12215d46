import pytest
import torch

from core.data import Mnist
from core.training.config import RunConfig
from core.training.events import StepsDone
from core.training.network import Network, from_flat, to_flat
from core.training.replay import POINTS, points, replay, state_at
from core.training.span import Span
from core.training.trainer import Trainer


@pytest.fixture(scope="module")
def few(mnist):
    return Mnist(mnist.train, mnist.test[:1000])


CONFIG = RunConfig(epochs=1, validation_split=0, batch_size=2000)


def test_a_replay_gives_the_parameters_of_each_step_and_ends_in_the_runs_own(few):
    trainer = Trainer(CONFIG, few)
    list(trainer.events())
    rows = dict(replay(CONFIG, [0, 1, 7, 30], mnist=few))
    assert list(rows) == [0, 1, 7, 30]
    assert torch.equal(rows[0], to_flat(Network(0)))
    assert torch.equal(rows[30], to_flat(trainer.network))
    assert not torch.equal(rows[1], rows[7])


def test_a_replay_obeys_the_commands_and_starts_where_the_run_started(few):
    steered = Trainer(CONFIG, few, plan=[(5, 0.01)])
    steered.pause_at = 10
    list(steered.events())
    state = steered.state()
    steered.pause_at = None
    list(steered.events())
    assert torch.equal(dict(replay(CONFIG, [30], [(5, 0.01)], mnist=few))[30], to_flat(steered.network))
    rows = dict(replay(CONFIG, [0, 9, 10, 30], start=state, mnist=few))
    assert list(rows) == [10, 30]
    assert torch.equal(rows[30], to_flat(steered.network))


@pytest.mark.parametrize("step", [0, 10])
def test_a_rate_that_was_set_before_a_step_is_in_the_state_there(few, step):
    state = state_at(CONFIG, step, [(step, 0.05)], mnist=few)
    trainer = Trainer(CONFIG, few)
    trainer.restore(state)
    trainer.pause_at = step + 1
    assert [e.learning_rates for e in trainer.events() if isinstance(e, StepsDone)] == [[0.05]]


def test_points_begin_densely_hold_the_epochs_ends_and_the_last_step():
    found = points(Span(5, 750), 3750)
    assert found[:3] == [0, 1, 4] and found[-1] == 3750 and {750, 1500, 2250, 3000} <= set(found)
    assert len(found) <= POINTS + 6
    assert points(Span(1000, 1), 1000)[-1] == 1000 and len(points(Span(1000, 1), 1000)) <= 2 * POINTS + 1
    assert points(Span(5, 750), 3) == [0, 1, 2, 3]
    assert points(Span(5, 750), 1000, start=900)[0] == 900 and 750 not in points(Span(5, 750), 1000, start=900)


def test_flat_and_network_are_inverses():
    network = Network(3)
    again = from_flat(to_flat(network))
    assert all(map(torch.equal, network.parameters(), again.parameters()))
    flat = to_flat(network)
    flat.zero_()
    assert network[0].weight.any()
