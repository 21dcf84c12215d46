"""Every row of the registry against its formula computed by hand, on f = (x^2 + 4 y^2)/2 from (1, 1)."""

import math
from functools import partial

import numpy as np
import pytest

from core.optimizers import OPTIMIZERS
from core.surfaces.descent import walk
from core.surfaces.functions import ill_conditioned_bowl
from core.training.config import RunConfig

LR, CURVATURES = 0.1, (1.0, 4.0)


def per_coordinate(rule):
    """Three steps of a scalar rule ``rule(t, theta, g, state) -> theta`` in each coordinate."""
    columns = []
    for curvature in CURVATURES:
        theta, state, column = 1.0, {}, []
        for t in (1, 2, 3):
            theta = rule(t, theta, curvature * theta, state)
            column.append(theta)
        columns.append(column)
    return list(zip(*columns, strict=True))


def mean(state, name, decay, new):
    state[name] = decay * state.get(name, 0.0) + (1 - decay) * new
    return state[name]


def momentum(t, theta, g, s):
    s["v"] = 0.9 * s.get("v", 0.0) + g
    return theta - LR * s["v"]


def nesterov(t, theta, g, s):
    s["v"] = 0.9 * s.get("v", 0.0) + g
    return theta - LR * (g + 0.9 * s["v"])


def adagrad(t, theta, g, s):
    s["s"] = s.get("s", 0.0) + g**2
    return theta - LR * g / (math.sqrt(s["s"]) + 1e-10)


def adadelta(t, theta, g, s):
    v, u = mean(s, "v", 0.9, g**2), s.get("u", 0.0)
    delta = math.sqrt(u + 1e-6) / math.sqrt(v + 1e-6) * g
    mean(s, "u", 0.9, delta**2)
    return theta - LR * delta


def rmsprop(t, theta, g, s):
    return theta - LR * g / (math.sqrt(mean(s, "v", 0.99, g**2)) + 1e-8)


def adam(t, theta, g, s):
    m, v = mean(s, "m", 0.9, g) / (1 - 0.9**t), mean(s, "v", 0.999, g**2) / (1 - 0.999**t)
    return theta - LR * m / (math.sqrt(v) + 1e-8)


def nadam(t, theta, g, s):
    m, v = mean(s, "m", 0.9, g), mean(s, "v", 0.999, g**2) / (1 - 0.999**t)
    mu, ahead = (0.9 * (1 - 0.5 * 0.96 ** (i * 0.004)) for i in (t, t + 1))
    s["p"] = s.get("p", 1.0) * mu
    m_hat = ahead * m / (1 - s["p"] * ahead) + (1 - mu) * g / (1 - s["p"])
    return theta - LR * m_hat / (math.sqrt(v) + 1e-8)


def radam(t, theta, g, s):
    # rho_t <= 5 for the first three steps: the adaptive rate is still held back.
    assert 1999 - 2 * t * 0.999**t / (1 - 0.999**t) <= 5
    return theta - LR * mean(s, "m", 0.9, g) / (1 - 0.9**t)


def adamax(t, theta, g, s):
    s["u"] = max(0.999 * s.get("u", 0.0), abs(g) + 1e-8)
    return theta - LR / (1 - 0.9**t) * mean(s, "m", 0.9, g) / s["u"]


def asgd(t, theta, g, s):
    # torch's rate of step t is the formula's of step t - 1, and eta at the first.
    eta = LR if t == 1 else LR / (1 + 1e-4 * LR * (t - 1)) ** 0.75
    return theta * (1 - 1e-4 * eta) - eta * g


#: Rprop: y goes 1, .9, .78, .636 and so does x, since only signs count: steps .1, .12, .144.
RPROP = [(0.9, 0.9), (0.78, 0.78), (0.636, 0.636)]
SGD = [(0.9, 0.6), (0.81, 0.36), (0.729, 0.216)]


def adafactor():
    theta, row, column, path = np.ones(2), 0.0, np.zeros(2), []
    for t in (1, 2, 3):
        g, weight = np.array(CURVATURES) * theta, t**-0.8
        row += weight * ((g**2).mean() - row)
        column = column + weight * (g**2 - column)
        update = g / np.sqrt(column)  # row * column / mean of the only row
        alpha = max(1e-3, np.sqrt((theta**2).mean())) * min(LR, 1 / math.sqrt(t))
        theta = theta - alpha * update / max(1.0, np.sqrt((update**2).mean()))
        path.append(tuple(theta))
    return path


EXPECTED = {
    "sgd": SGD,
    "momentum": per_coordinate(momentum),
    "nesterov": per_coordinate(nesterov),
    "adagrad": per_coordinate(adagrad),
    "adadelta": per_coordinate(adadelta),
    "rmsprop": per_coordinate(rmsprop),
    "adam": per_coordinate(adam),
    "adamw": per_coordinate(lambda t, theta, g, s: adam(t, theta, g, s) - LR * 0.01 * theta),
    "nadam": per_coordinate(nadam),
    "radam": per_coordinate(radam),
    "adamax": per_coordinate(adamax),
    "asgd": per_coordinate(asgd),
    "rprop": RPROP,
    "adafactor": adafactor(),
}


def first_steps(optimizer):
    config = RunConfig.recommended(optimizer, lr=LR)
    return walk(ill_conditioned_bowl(4.0), [config], [(1.0, 1.0)], steps=3).points[1:, :, 0, 0]


@pytest.mark.parametrize("optimizer", EXPECTED)
def test_the_first_three_steps(optimizer):
    np.testing.assert_allclose(first_steps(optimizer), EXPECTED[optimizer], rtol=1e-7)


def test_muons_first_three_steps():
    """Orthogonalising a 1x2 matrix normalises it; five Newton-Schulz iterations do so only roughly."""
    theta, buffer = np.ones(2), np.zeros(2)
    for got in first_steps("muon"):
        g = np.array(CURVATURES) * theta
        buffer = 0.95 * buffer + 0.05 * g
        ahead = 0.05 * g + 0.95 * buffer
        singular, unit = 1.0, ahead / np.linalg.norm(ahead)
        for _ in range(5):
            singular = 3.4445 * singular - 4.7750 * singular**3 + 2.0315 * singular**5
        np.testing.assert_allclose(got, theta - LR * singular * unit, atol=LR * 0.01)  # bfloat16 has 8 bits
        theta = got


def test_every_rule_has_a_hand_computation():
    """A variant has the rule of another row with other arguments, so its own path is that of torch's object."""
    computed = {function_of(OPTIMIZERS[name].rule) for name in (*EXPECTED, "muon")}
    assert {function_of(spec.rule) for spec in OPTIMIZERS.values() if spec.rule} == computed


def function_of(rule):
    return rule.func if isinstance(rule, partial) else rule
