"""The theory of momentum on a quadratic, held against ``torch.optim.SGD`` itself."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from core.surfaces.descent import step_in_numbers, torch_walk
from core.surfaces.functions import SURFACES, ill_conditioned_bowl
from core.surfaces.momentum import (
    Behaviour,
    behaviour,
    best,
    convergence_rate,
    edges,
    modes,
    tip_to_tail,
)
from core.training.config import RunConfig

RNG = np.random.default_rng(0)
#: Rate times curvature up to 5, momentum up to 0.99.
SETTINGS = [(float(r), float(m)) for r, m in zip(RNG.uniform(0.02, 5.0, 40), RNG.uniform(0.0, 0.99, 40), strict=True)]


def by_torch(rate, momentum, curvature, steps, start=1.0):
    """States (v, x) of torch.optim.SGD on c x^2 / 2."""
    x = torch.nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimizer = torch.optim.SGD([x], lr=rate, momentum=momentum)
    states = []
    for _ in range(steps):
        x.grad = curvature * x.detach()
        optimizer.step()
        velocity = optimizer.state[x].get("momentum_buffer", x.grad)
        states.append([float(velocity), float(x.detach())])
    return np.array(states)


def iteration_matrix(rate, momentum, curvature):
    """The matrix that takes (v, x) of a mode to those of the next step."""
    return np.array([[momentum, curvature], [-rate * momentum, 1.0 - rate * curvature]])


@pytest.mark.parametrize(("rate", "momentum"), SETTINGS)
def test_the_matrix_takes_torchs_state_to_the_next(rate, momentum):
    states = by_torch(rate / 3.0, momentum, 3.0, 6)
    matrix = iteration_matrix(rate / 3.0, momentum, 3.0)
    np.testing.assert_allclose(states[1:], states[:-1] @ matrix.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("rate", "momentum"), SETTINGS)
def test_torchs_rate_of_convergence_is_the_spectral_radius(rate, momentum):
    steps = 400
    norms = np.hypot(*by_torch(rate, momentum, 1.0, steps).T)
    # Over many steps: complex eigenvalues make the norm swing.
    observed = (norms[-1] / norms[steps // 2 - 1]) ** (2.0 / steps)
    expected = float(convergence_rate(rate, momentum, 1.0))
    assert expected == pytest.approx(np.abs(np.linalg.eigvals(iteration_matrix(rate, momentum, 1.0))).max(), rel=1e-6)
    assert observed == pytest.approx(expected, rel=0.02)
    assert (expected >= 1.0) == (behaviour(rate, momentum, 1.0) is Behaviour.DIVERGING)


@pytest.mark.parametrize(("rate", "momentum"), SETTINGS)
def test_the_regions_are_those_of_the_eigenvalues(rate, momentum):
    values = np.linalg.eigvals(iteration_matrix(rate, momentum, 1.0))
    if np.abs(values).max() >= 1.0:
        expected = Behaviour.DIVERGING
    elif np.abs(values.imag).max() > 1e-9:
        expected = Behaviour.OSCILLATING
    else:
        expected = Behaviour.MONOTONE if values.real.min() >= 0.0 else Behaviour.ALTERNATING
    assert behaviour(rate, momentum, 1.0) is expected


def test_at_the_edges_the_behaviour_changes():
    for momentum in (0.0, 0.3, 0.9):
        for curvature in (0.5, 20.0):
            limits = [float(edge) for edge in edges(momentum, curvature)]
            kinds = [behaviour(edge * (1 + shift), momentum, curvature) for edge in limits for shift in (-1e-6, 1e-6)]
            assert kinds[0] is Behaviour.MONOTONE and kinds[-2:] == [Behaviour.ALTERNATING, Behaviour.DIVERGING]
            if momentum:
                assert kinds[1:4] == [Behaviour.OSCILLATING, Behaviour.OSCILLATING, Behaviour.ALTERNATING]


def test_no_rate_and_momentum_of_a_fine_grid_converge_faster_than_the_best():
    flat, steep = 1.0, 50.0
    found = best(flat, steep)
    rates, momenta = np.meshgrid(np.linspace(1e-3, 4 / steep, 400), np.linspace(0.0, 0.999, 400))
    factors = np.maximum(convergence_rate(rates, momenta, flat), convergence_rate(rates, momenta, steep))
    assert factors.min() >= found.factor - 1e-9
    assert factors.min() == pytest.approx(found.factor, abs=0.02)
    for curvature in (flat, steep):
        assert convergence_rate(found.rate, found.momentum, curvature) == pytest.approx(found.factor, abs=1e-6)
    condition = steep / flat
    assert found.factor == pytest.approx((np.sqrt(condition) - 1) / (np.sqrt(condition) + 1))


def test_the_modes_of_a_walk_are_those_of_two_separate_parameters():
    bowl, config = ill_conditioned_bowl(20.0), RunConfig(optimizer="momentum", lr=0.02)
    points = np.array([m.theta[:, 0] for m in torch_walk(bowl, config, bowl.start, 30)])
    curvatures, vectors, along = modes(points, np.zeros(2), bowl.hessian((0.0, 0.0)))
    np.testing.assert_allclose(curvatures, [1.0, 20.0], rtol=1e-6)
    np.testing.assert_allclose(along @ vectors.T, points, atol=1e-12)
    for curvature, mode in zip(curvatures, along.T, strict=True):
        alone = by_torch(0.02, 0.9, curvature, 30, start=mode[0])[:, 1]
        np.testing.assert_allclose(mode[1:], alone, atol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "params", "decay"),
    [("momentum", {}, 0.0), ("momentum", {"dampening": 0.3}, 0.0), ("momentum", {}, 0.1), ("nesterov", {}, 0.0)],
)
@pytest.mark.parametrize("t", [1, 2, 25])
def test_the_legs_of_a_step_lead_to_torchs_parameters(optimizer, params, decay, t):
    surface = SURFACES["himmelblau"]
    config = RunConfig(optimizer=optimizer, lr=0.003, optimizer_params=params, weight_decay=decay)
    step = step_in_numbers(surface, config, surface.start, t, 30)
    assert step
    legs = tip_to_tail(step)
    for leg, following in pairwise(legs):
        np.testing.assert_array_equal(leg.end, following.start)
    np.testing.assert_allclose(legs[-1].end, step.after, atol=1e-15)
    carried, gradient = legs[0], legs[1]
    np.testing.assert_allclose(
        carried.end - carried.start, -0.003 * 0.9 * step.previous("momentum_buffer"), rtol=1e-12, atol=1e-15
    )
    # torch starts the velocity at the first gradient, undamped.
    share = 1.0 - params.get("dampening", 0.0) if t > 1 else 1.0
    np.testing.assert_allclose(gradient.end - gradient.start, -0.003 * share * step.gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_torchs_form_is_the_textbooks(nesterov):
    """v = mu v - lr g(w + mu v), w = w + v by hand: the legs have its points, torch's parameters its look-aheads."""
    surface, lr, mu = SURFACES["himmelblau"], 0.003, 0.9
    config = RunConfig(optimizer="nesterov" if nesterov else "momentum", lr=lr)
    w, v = np.array(surface.start), np.zeros(2)
    for t in range(1, 30):
        step = step_in_numbers(surface, config, surface.start, t, 30)
        assert step
        legs = tip_to_tail(step)
        ahead = w + mu * v if nesterov else w
        np.testing.assert_allclose(step.before, ahead, atol=1e-12)
        np.testing.assert_allclose(legs[0].start, w, atol=1e-12)
        _, gx, gy = surface.evaluate(ahead[:1], ahead[1:])
        v = mu * v - lr * np.array([gx[0], gy[0]])
        w = w + v
        np.testing.assert_allclose(legs[1].end, w, atol=1e-12)
        np.testing.assert_allclose(-lr * step.new["momentum_buffer"], v, atol=1e-12)


def test_another_optimizers_step_has_no_legs():
    surface = SURFACES["booth"]
    for config in (
        RunConfig(optimizer="adam"),
        RunConfig(optimizer="sgd", lr=0.01),
        RunConfig(optimizer="muon"),
        RunConfig(optimizer="rmsprop", optimizer_params={"momentum": 0.9}),
    ):
        step = step_in_numbers(surface, config, surface.start, 2, 5)
        assert step and tip_to_tail(step) == []
