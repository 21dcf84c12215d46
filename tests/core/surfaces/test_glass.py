import re

import numpy as np
import pytest

from core.surfaces.descent import FIRST_ORDER, walk
from core.surfaces.functions import SURFACES
from core.surfaces.glass import glass
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
    seen = glass(SURFACE, config, SURFACE.start, step, 20)
    points = walk(SURFACE, [config], [SURFACE.start], 20).points[:, :, 0, 0]
    np.testing.assert_allclose(seen.before, points[step - 1], atol=1e-9)
    np.testing.assert_allclose(seen.after, points[step], atol=1e-9)
    assert f"{seen.after[0]:.4g}" in seen.lines[-1]
    assert all(line.count("&=") + line.count("&\\leftarrow") == 1 for line in seen.lines)


def numbers(text):
    """The pmatrix vectors of a line, in order."""
    found = re.findall(r"\\begin\{pmatrix\} (.*?) \\\\ (.*?) \\end", text)
    return [np.array([float(part.replace(r" \cdot 10^{", "e").replace("}", "")) for part in pair]) for pair in found]


@pytest.mark.parametrize("optimizer", ["adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "radam", "adamax"])
def test_the_numbers_put_in_make_the_step(optimizer):
    """rate * numerator / root, read back from the LaTeX, is the step that torch made."""
    config = RunConfig.recommended(optimizer, lr=0.01, weight_decay=0.0)
    seen = glass(SURFACE, config, SURFACE.start, 12, 20)
    line = next(line for line in seen.lines if line.startswith(r"\Delta\theta") or r"\Delta\theta = " in line)
    vectors = numbers(line)
    value = vectors[0] / vectors[1] * (vectors[2] if optimizer == "adadelta" else 1.0)
    np.testing.assert_allclose(-0.01 * value, seen.update, rtol=2e-3)


def test_weight_decay_is_shown_in_the_gradient():
    seen = glass(SURFACE, RunConfig(optimizer="sgd", lr=0.01, weight_decay=0.1), SURFACE.start, 1, 5)
    assert r"\lambda\,\theta_{t-1}" in seen.lines[0]
    np.testing.assert_allclose(seen.update, -0.01 * seen.gradient)


def test_a_walk_that_is_no_longer_finite_has_no_step_to_show():
    assert glass(SURFACE, RunConfig(optimizer="sgd", lr=10.0), (3.0, 4.0), 40, 50) is None
