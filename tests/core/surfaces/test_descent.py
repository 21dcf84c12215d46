from dataclasses import replace

import numpy as np
import pytest
import torch

from core.optimizers import OPTIMIZERS
from core.surfaces.descent import FIRST_ORDER, descend, noise_of, span_of, torch_walk, walk
from core.surfaces.functions import SURFACES, ill_conditioned_bowl
from core.training.config import RunConfig
from core.training.schedules import SCHEDULES


def torch_points(surface, config, start, steps, noise=None):
    return np.array([moment.theta[:, 0] for moment in torch_walk(surface, config, start, steps, noise)])


#: Settings that take each rule's other branches.
VARIANTS = [
    ("momentum", {"dampening": 0.3}, 0.0),
    ("momentum", {}, 0.1),
    ("adagrad", {"lr_decay": 0.01, "initial_accumulator_value": 0.5}, 0.1),
    ("rmsprop", {"momentum": 0.5, "centered": True}, 0.0),
    ("adam", {"amsgrad": True}, 0.1),
    ("muon", {"nesterov": False, "ns_steps": 3}, 0.1),
    ("adafactor", {"d": 2.0}, 0.1),
]


@pytest.mark.parametrize("surface", ["rosenbrock", "himmelblau", "ackley"])
@pytest.mark.parametrize(
    ("optimizer", "params", "decay"),
    [*((name, {}, OPTIMIZERS[name].default_weight_decay) for name in FIRST_ORDER), *VARIANTS],
)
def test_the_written_out_walk_is_that_of_torch_optim(surface, optimizer, params, decay):
    chosen = SURFACES[surface]
    lr = {"sgd": 1e-3, "asgd": 1e-3, "momentum": 1e-4, "nesterov": 1e-4}.get(optimizer, OPTIMIZERS[optimizer].lr)
    config = RunConfig(optimizer=optimizer, lr=lr, optimizer_params=params, weight_decay=decay)
    got = walk(chosen, [config], [chosen.start], steps=500).points[:, :, 0, 0]
    expected = torch_points(chosen, config, chosen.start, 500)
    np.testing.assert_allclose(got[: len(expected)], expected, atol=1e-6, rtol=0)
    # A walk that diverges has no points after that.
    assert np.isnan(got[len(expected) :]).all()


@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_without_a_rule_the_torch_object_walks_the_same_way(optimizer, monkeypatch):
    """From several starts at once, with noise, at a rate for all and at a rate for each."""
    surface, config = SURFACES["himmelblau"], RunConfig.recommended(optimizer, lr=0.01)
    starts, rates = np.array([[-0.27, 4.0, -3.0], [-0.92, 4.0, 1.0]]), np.array([0.01, 0.002, 0.005])

    def ends(rate):
        *_, last = descend(surface, [config], starts, 40, noise=0.1, seed=3, rates=[rate])
        return last.theta

    by_rule = ends(0.01), ends(rates)
    monkeypatch.setitem(OPTIMIZERS, optimizer, replace(OPTIMIZERS[optimizer], rule=None))
    for got, expected in zip((ends(0.01), ends(rates)), by_rule, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_and_noise_are_those_of_torch_walk(schedule):
    surface = SURFACES["himmelblau"]
    config = RunConfig(lr=0.05, schedule=schedule, warmup_steps=7)
    noise = noise_of(10.0, seed=4, steps=60, n=1)
    got = walk(surface, [config], [surface.start], 60, noise=10.0, seed=4).points[:, :, 0, 0]
    np.testing.assert_allclose(got, torch_points(surface, config, surface.start, 60, noise), atol=1e-9)


def test_the_gradient_that_torch_steps_with_is_autograds():
    surface = SURFACES["rosenbrock"]
    moment = next(torch_walk(surface, RunConfig(), (-1.2, 1.0), 1))
    point = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    ((1 - point[0]) ** 2 + 100 * (point[1] - point[0] ** 2) ** 2).backward()
    np.testing.assert_allclose(moment.gradients[:, 0], point.grad.numpy())


def test_sgd_on_a_quadratic_is_the_closed_form():
    k, lr, steps = 10.0, 0.03, 200
    start = (-1.8, 1.2)
    got = walk(ill_conditioned_bowl(k), [RunConfig(optimizer="sgd", lr=lr)], [start], steps).points[:, :, 0, 0]
    t = np.arange(steps + 1)
    expected = np.stack([start[0] * (1 - lr) ** t, start[1] * (1 - lr * k) ** t], axis=1)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(("share", "settles"), [(0.99, True), (1.01, False)])
def test_gradient_descent_converges_below_two_over_lambda_max_and_diverges_above(share, settles):
    bowl = ill_conditioned_bowl(50.0)
    config = RunConfig(optimizer="sgd", lr=share * bowl.largest_stable_rate())
    result = walk(bowl, [config], [bowl.start], 2000)
    assert (result.diverged[0, 0] < 0) == settles
    assert (result.reached(bowl)[0, 0] > 0) == settles


def test_a_walk_that_diverges_is_marked_and_stops():
    bowl = ill_conditioned_bowl(50.0)
    result = walk(bowl, [RunConfig(optimizer="sgd", lr=0.1), RunConfig(optimizer="sgd", lr=0.01)], [(0.0, 1.0)], 50)
    # y is multiplied by -4: 1, -4 (outside), 16, -64 (beyond ten half-widths).
    assert result.left.tolist() == [[1], [-1]]
    assert result.diverged.tolist() == [[3], [-1]]
    np.testing.assert_array_equal(result.points[:4, 1, 0, 0], [1.0, -4.0, 16.0, -64.0])
    assert np.isnan(result.points[4:, :, 0]).all() and np.isnan(result.values[4:, 0]).all()
    assert np.isfinite(result.points[:, :, 1]).all()


def test_starts_and_optimizers_do_not_touch_each_other():
    surface = SURFACES["himmelblau"]
    configs = [RunConfig.recommended(name) for name in FIRST_ORDER]
    starts = [(-0.27, -0.92), (4.0, 4.0), (-3.0, 1.0)]
    together = walk(surface, configs, starts, 50).points
    for k, config in enumerate(configs):
        for i, start in enumerate(starts):
            alone = walk(surface, [config], [start], 50).points[:, :, 0, 0]
            np.testing.assert_allclose(together[:, :, k, i], alone, rtol=1e-12, atol=1e-12)


def test_effective_step_of_sgd_is_its_scheduled_rate():
    surface, config = SURFACES["booth"], RunConfig(optimizer="sgd", lr=0.01, schedule="cosine")
    rates = [config.schedule_spec.create(0.01, span_of(50))(step) for step in range(50)]
    result = walk(surface, [config], [surface.start], 50)
    np.testing.assert_allclose(result.effective_steps[:-1, 0, 0], rates[:-1], rtol=1e-8)


def test_noise_depends_on_the_seed_and_only_on_it():
    surface, config = SURFACES["booth"], RunConfig(optimizer="sgd", lr=0.01)
    runs = [walk(surface, [config], [surface.start], 20, noise=0.5, seed=seed).points for seed in (1, 1, 2)]
    assert np.array_equal(runs[0], runs[1]) and not np.array_equal(runs[0], runs[2])
