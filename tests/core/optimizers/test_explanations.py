import re
from dataclasses import replace

import numpy as np
import pytest

from core.optimizers import OPTIMIZERS
from core.optimizers.step import explain_by_state, scalar
from core.surfaces.descent import FIRST_ORDER, step_in_numbers, walk
from core.surfaces.functions import SURFACES
from core.training.config import RunConfig

SURFACE = SURFACES["himmelblau"]

VARIANTS = [
    ("momentum", {"dampening": 0.5}),
    ("rmsprop", {"momentum": 0.5, "centered": True}),
    ("adam", {"amsgrad": True}),
]


@pytest.mark.parametrize(("optimizer", "params"), [*((name, {}) for name in FIRST_ORDER), *VARIANTS])
@pytest.mark.parametrize("step", [1, 9])
def test_the_step_is_the_walks_and_its_last_line_gives_the_numbers(optimizer, params, step):
    config = RunConfig.recommended(optimizer, lr=0.01, optimizer_params=params)
    numbered = step_in_numbers(SURFACE, config, SURFACE.start, step, 20)
    points = walk(SURFACE, [config], [SURFACE.start], 20).points[:, :, 0, 0]
    np.testing.assert_allclose(numbered.before, points[step - 1], atol=1e-9)
    np.testing.assert_allclose(numbered.after, points[step], atol=1e-9)
    assert scalar(numbered.after[0]) in numbered.lines[-1]
    assert all(line.count("&=") + line.count("&\\leftarrow") == 1 for line in numbered.lines)


def vectors_in(text):
    """The pmatrix vectors of a line, in order."""
    found = re.findall(r"\\begin\{pmatrix\} (.*?) \\\\ (.*?) \\end", text)
    return [np.array([float(part.replace(r" \cdot 10^{", "e").replace("}", "")) for part in pair]) for pair in found]


@pytest.mark.parametrize("optimizer", ["adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "radam", "adamax"])
def test_the_numbers_put_in_make_the_step(optimizer):
    """rate * numerator / root, read back from the LaTeX, is the step that torch made."""
    config = RunConfig.recommended(optimizer, lr=0.01, weight_decay=0.0)
    numbered = step_in_numbers(SURFACE, config, SURFACE.start, 12, 20)
    line = next(line for line in numbered.lines if line.startswith(r"\Delta\theta") or r"\Delta\theta = " in line)
    vectors = vectors_in(line)
    value = vectors[0] / vectors[1] * (vectors[2] if optimizer == "adadelta" else 1.0)
    np.testing.assert_allclose(-0.01 * value, numbered.update, rtol=2e-3)


def test_the_epsilon_is_in_the_numbers_of_adamax():
    config = RunConfig(optimizer="adamax", lr=0.01, optimizer_params={"eps": 1.0})
    numbered = step_in_numbers(SURFACE, config, SURFACE.start, 1, 5)
    _, gradient, result = vectors_in(next(line for line in numbered.lines if line.startswith("u_t")))
    np.testing.assert_array_equal(gradient, result)
    np.testing.assert_allclose(result, np.abs(numbered.gradient) + 1.0, rtol=1e-3)


def test_weight_decay_is_shown_in_the_gradient():
    numbered = step_in_numbers(SURFACE, RunConfig(optimizer="sgd", lr=0.01, weight_decay=0.1), SURFACE.start, 1, 5)
    assert r"\lambda\,\theta_{t-1}" in numbered.lines[0]
    np.testing.assert_allclose(numbered.update, -0.01 * numbered.gradient)


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "adafactor"])
def test_decoupled_weight_decay_moves_the_weights_before_the_step_is_added(optimizer):
    config = RunConfig.recommended(optimizer, lr=0.1, weight_decay=2.0)
    numbered = step_in_numbers(SURFACE, config, SURFACE.start, 3, 20)
    (decayed,) = vectors_in(numbered.lines[-2])
    np.testing.assert_allclose(decayed, 0.8 * numbered.before, rtol=1e-3)
    start, moved, after = vectors_in(numbered.lines[-1])
    np.testing.assert_array_equal(start, decayed)
    np.testing.assert_allclose(after, numbered.after, rtol=1e-3)
    line = next(line for line in numbered.lines if line.startswith(r"\Delta\theta"))
    factor = float(re.search(r" = -([0-9.]+)(\\,)?\\begin", line)[1])
    value = vectors_in(line)[0]
    if optimizer == "adamw":
        value = value / vectors_in(line)[1]
    elif optimizer == "adafactor":
        value = value / float(line.rsplit(" ", 1)[1])
    np.testing.assert_allclose(moved, -factor * value, rtol=2e-3)


@pytest.mark.parametrize("optimizer", [*FIRST_ORDER])
def test_without_an_explanation_the_state_is_shown(optimizer, monkeypatch):
    spec = replace(OPTIMIZERS[optimizer], explain=explain_by_state)
    monkeypatch.setitem(OPTIMIZERS, optimizer, spec)
    config = RunConfig.recommended(optimizer, lr=0.01)
    numbered = step_in_numbers(SURFACE, config, SURFACE.start, 3, 20)
    shown = "".join(numbered.lines)
    for name, value in numbered.new.items():
        assert f"{name.replace('_', ' ')}}}_t &= " in shown
        assert all(scalar(part) in shown for part in value)
    (change,) = vectors_in(numbered.lines[-1 - (spec.default_weight_decay > 0) - 1])
    np.testing.assert_allclose(change, numbered.update, rtol=1e-3)


@pytest.mark.parametrize("optimizer", FIRST_ORDER)
def test_a_step_of_rate_zero_is_shown_without_what_does_not_follow_from_it(optimizer):
    config = RunConfig.recommended(optimizer, lr=0.01, schedule="cosine")
    numbered = step_in_numbers(SURFACE, config, SURFACE.start, 20, 20)
    assert numbered.rate == 0.0
    assert "nan" not in "".join(numbered.lines)


def test_a_walk_that_is_no_longer_finite_has_no_step_to_show():
    assert step_in_numbers(SURFACE, RunConfig(optimizer="sgd", lr=10.0), (3.0, 4.0), 40, 50) is None
