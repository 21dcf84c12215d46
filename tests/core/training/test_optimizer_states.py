import pytest
import torch

from core.optimizers import OPTIMIZERS
from core.training import optimizer_states


def make(name):
    parameters = [torch.nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4)), torch.nn.Parameter(torch.ones(3))]
    return parameters, OPTIMIZERS[name].create(parameters, OPTIMIZERS[name].lr)


def walk(parameters, optimizers, count):
    def closure():
        loss = sum((p**4).sum() for p in parameters)
        for p in parameters:
            p.grad = None
        loss.backward()
        return loss.detach()

    for _ in range(count):
        for optimizer in optimizers:
            closure()
            optimizer.step(closure)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_another_optimizer_goes_on_as_the_first_would(name):
    parameters, optimizers = make(name)
    walk(parameters, optimizers, 4)
    state = optimizer_states.read(optimizers)
    others, again = make(name)
    for other, parameter in zip(others, parameters, strict=True):
        other.data.copy_(parameter.data)
    optimizer_states.write(again, state)
    walk(parameters, optimizers, 3)
    walk(others, again, 3)
    assert all(map(torch.equal, parameters, others))


def test_a_state_fits_optimizers_that_are_recorded_on_their_device():
    parameters, optimizers = make("nadam")
    walk(parameters, optimizers, 2)
    (state,) = optimizer_states.read(optimizers)
    _, (other,) = make("nadam")
    # As they are made for a CUDA device; on the CPU, torch refuses to step so.
    other.param_groups[0]["capturable"] = True
    optimizer_states.write([other], [state])
    assert other.param_groups[0]["capturable"]
    assert torch.equal(other.state[other.param_groups[0]["params"][0]]["exp_avg"], state["0"]["exp_avg"])


def test_what_was_read_is_a_copy():
    parameters, optimizers = make("adam")
    walk(parameters, optimizers, 1)
    state = optimizer_states.read(optimizers)
    before = state[0]["0"]["exp_avg"].clone()
    walk(parameters, optimizers, 1)
    assert torch.equal(state[0]["0"]["exp_avg"], before)


def test_what_an_optimizer_holds_as_a_number_may_be_a_tensor_of_one_but_of_no_more():
    """L-BFGS holds the length of its last step as either."""
    parameters, optimizers = make("lbfgs")
    walk(parameters, optimizers, 3)
    (state,) = optimizer_states.read(optimizers)
    for t in (0.5, torch.tensor(0.5)):
        optimizer_states.write(make("lbfgs")[1], [{"0": {**state["0"], "t": t}}])
    with pytest.raises(ValueError, match=r"^The tensor optimizers\.0\.0\.t must have shape \(\), got \(2,\)\.$"):
        optimizer_states.write(make("lbfgs")[1], [{"0": {**state["0"], "t": torch.ones(2)}}])
