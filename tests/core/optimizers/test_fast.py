"""Compiled steps against the ``torch.optim`` objects whose state they use, which are the truth."""

from functools import partial

import pytest
import torch
from torch._subclasses import FakeTensorMode

from core.compiled import AVAILABLE
from core.optimizers import OPTIMIZERS, eager
from core.optimizers.fast import _RecordedStep, fast_step

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="numba is not installed")

SERVED = [
    ("sgd", {}),
    ("sgd", {"weight_decay": 0.01}),
    ("momentum", {}),
    ("momentum", {"dampening": 0.3, "weight_decay": 0.01}),
    ("nesterov", {"momentum": 0.8}),
    ("rmsprop", {"weight_decay": 0.01}),
    ("adagrad", {"lr_decay": 0.01, "initial_accumulator_value": 0.1}),
    ("adam", {}),
    ("adam", {"weight_decay": 0.01, "betas": (0.8, 0.99), "eps": 1e-6}),
    ("adamw", {"weight_decay": 0.1}),
]
LEFT_TO_TORCH = [
    ("adam", {"amsgrad": True}),
    ("adamw", {"amsgrad": True}),
    ("rmsprop", {"centered": True}),
    ("rmsprop", {"momentum": 0.9}),
    ("nadam", {}),
    ("lbfgs", {}),
]


def make(name, params, size=2_000):
    parameter = torch.nn.Parameter(torch.randn(size, generator=torch.Generator().manual_seed(0)) * 0.05)
    parameter.grad = torch.zeros_like(parameter)
    (optimizer,) = OPTIMIZERS[name].create([parameter], OPTIMIZERS[name].lr, **params)
    return parameter, optimizer


def gradients(parameter, count):
    """Noise of every size around the slope of a bowl, so that an error would be fed back."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        size = 10 ** -(5 * torch.rand(len(parameter), generator=generator))
        parameter.grad.copy_(0.01 * parameter.detach() + torch.randn(len(parameter), generator=generator) * size)
        yield


def walk(parameter, optimizer, step, count, lr):
    for number, _ in enumerate(gradients(parameter, count)):
        # As a schedule does it.
        optimizer.param_groups[0]["lr"] = lr * (1 + number % 7) / 5
        step()


def apart(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize(("name", "params"), SERVED, ids=str)
def test_a_thousand_steps_are_the_objects_to_a_millionth(name, params):
    ours, theirs = make(name, params), make(name, params)
    step = fast_step(ours[1])
    assert step != ours[1].step
    walk(*ours, step, 1000, OPTIMIZERS[name].lr)
    walk(*theirs, theirs[1].step, 1000, OPTIMIZERS[name].lr)
    assert apart(ours[0].detach(), theirs[0].detach()) < 1e-6
    state, expected = (optimizer.state.get(parameter, {}) for parameter, optimizer in (ours, theirs))
    assert state.keys() == expected.keys()
    for key, value in expected.items():
        assert apart(state[key], value) < 1e-6, key


@pytest.mark.parametrize(("name", "params"), SERVED, ids=str)
def test_the_object_goes_on_from_compiled_steps_and_they_from_its(name, params):
    """The object's state is the only one: its steps and compiled ones can take turns."""
    mixed, theirs = make(name, params), make(name, params)
    lr = OPTIMIZERS[name].lr
    turns = iter(range(40))

    def either():
        (fast_step(mixed[1]) if next(turns) % 3 else mixed[1].step)()

    walk(*mixed, either, 40, lr)
    walk(*theirs, theirs[1].step, 40, lr)
    assert apart(mixed[0].detach(), theirs[0].detach()) < 1e-6


@pytest.mark.parametrize(("name", "params"), SERVED, ids=str)
def test_the_same_steps_twice_are_the_same_bits(name, params):
    first, second = make(name, params), make(name, params)
    for parameter, optimizer in (first, second):
        walk(parameter, optimizer, fast_step(optimizer), 30, OPTIMIZERS[name].lr)
    assert torch.equal(first[0], second[0])


@pytest.mark.parametrize(("name", "params"), LEFT_TO_TORCH, ids=str)
def test_what_no_loop_serves_is_left_to_the_object(name, params):
    _, optimizer = make(name, params)
    step = fast_step(optimizer)
    assert isinstance(step, partial) and (step.func, step.args) == (eager.step, (optimizer,))


def test_several_parameters_and_double_precision_are_left_to_the_object():
    for parameters in (
        [torch.nn.Parameter(torch.ones(3)) for _ in range(2)],
        [torch.nn.Parameter(torch.ones(3).double())],
    ):
        optimizer = torch.optim.Adam(parameters)
        step = fast_step(optimizer)
        assert isinstance(step, partial) and (step.func, step.args) == (eager.step, (optimizer,))


def test_without_numba_all_is_left_to_the_object(monkeypatch):
    monkeypatch.setattr("core.optimizers.fast.AVAILABLE", False)
    _, optimizer = make("adam", {})
    step = fast_step(optimizer)
    assert isinstance(step, partial) and (step.func, step.args) == (eager.step, (optimizer,))


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_a_recorded_step_is_the_objects_own(name, monkeypatch):
    """With the recording left out, which only a CUDA device has; ``benchmarks.gpu`` proves the whole on one."""
    recorded = []

    def record(work, changed, device):
        rates = [group["lr"] for group in optimizer.param_groups]
        recorded.append((rates, changed, device))
        return work

    monkeypatch.setattr("core.optimizers.fast.record", record)
    parameter, optimizer = make(name, {"weight_decay": 0.01})
    truth, expected = make(name, {"weight_decay": 0.01})
    step = _RecordedStep(optimizer)
    for number, _ in enumerate(gradients(parameter, 5)):
        truth.grad.copy_(parameter.grad)
        for each in (optimizer, expected):
            each.param_groups[0]["lr"] = 0.01 / (1 + number)
        step()
        expected.step()
        assert optimizer.param_groups[0]["lr"] == 0.01 / (1 + number)
    assert torch.allclose(parameter, truth, rtol=1e-6, atol=0)
    ((rates, changed, device),) = recorded
    assert all(isinstance(rate, torch.Tensor) for rate in rates)
    assert device == parameter.device
    state = [part for part in optimizer.state[parameter].values() if isinstance(part, torch.Tensor)]
    assert list(map(id, changed)) == list(map(id, [parameter, *state]))


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        *((name, True) for name in ("sgd", "momentum", "adadelta", "rmsprop", "adam", "nadam", "asgd", "rprop")),
        # They read figures from the device, or must be precise.
        *((name, False) for name in ("adagrad", "radam", "lbfgs")),
    ],
)
def test_steps_are_recorded_on_a_cuda_device_where_they_can_be(name, recorded):
    with FakeTensorMode():
        (optimizer,) = OPTIMIZERS[name].create([torch.nn.Parameter(torch.zeros(4, device="cuda:0"))], 0.1)
        assert isinstance(fast_step(optimizer), _RecordedStep) == recorded
