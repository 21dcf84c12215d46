import numpy as np
import pytest

from core.analysis.weight_step import weight_step
from core.optimizers import OPTIMIZERS
from core.optimizers.step import scalar, vector
from core.training.config import RunConfig
from core.training.network import Network, to_flat
from core.training.replay import replay, state_at

ALIKE = [
    name for name, spec in OPTIMIZERS.items() if not spec.matrices and not spec.closure and spec.rate_sets_every_step
]
SMALL = {"validation_split": 0.99, "batch_size": 50, "epochs": 2, "device": "cpu"}


def flat_index(weights: tuple[tuple[int, int], tuple[int, int]]) -> list[int]:
    (unit, pixel), (digit, hidden) = weights
    return [unit * 784 + pixel, 128 * 784 + 128 + digit * 128 + hidden]


@pytest.mark.parametrize("optimizer", ALIKE)
@pytest.mark.parametrize("step", [1, 14])
def test_the_step_is_the_runs_and_the_last_line_holds_it(optimizer: str, step: int) -> None:
    config = RunConfig.recommended(optimizer, **SMALL)
    seen = weight_step(config, step)
    assert seen
    (_, before), (_, after) = replay(config, [step - 1, step])
    at = flat_index(seen.weights)
    np.testing.assert_array_equal(seen.step.before, before[at].double().numpy())
    np.testing.assert_array_equal(seen.step.after, after[at].double().numpy())
    assert scalar(seen.step.after[0]) in seen.step.lines[-1]


def test_the_first_step_of_plain_descent_is_rate_times_gradient() -> None:
    seen = weight_step(RunConfig(optimizer="sgd", lr=0.1, **SMALL), 1)
    assert seen
    np.testing.assert_allclose(seen.step.update, -0.1 * seen.step.gradient, rtol=1e-3)
    np.testing.assert_array_equal(seen.step.before, to_flat(Network(0))[flat_index(seen.weights)].double().numpy())


def test_the_weights_are_those_with_the_largest_gradients() -> None:
    seen = weight_step(RunConfig(optimizer="sgd", lr=0.1, **SMALL), 1)
    assert seen
    (_, before), (_, after) = replay(RunConfig(optimizer="sgd", lr=0.1, **SMALL), [0, 1])
    moved = (after - before).abs()
    assert flat_index(seen.weights)[0] == int(moved[: 784 * 128].argmax())


def test_a_run_that_diverged_has_no_step_to_show() -> None:
    config = RunConfig(optimizer="sgd", lr=1000.0, weight_decay=10.0, **SMALL)
    assert weight_step(config, 20) is None


def test_a_run_that_stopped_early_has_no_step_to_show() -> None:
    config = RunConfig(optimizer="sgd", lr=1e-9, patience=1, **{**SMALL, "epochs": 9})
    last = 12 * 2
    assert weight_step(config, last) is not None
    assert weight_step(config, last + 1) is None
    assert weight_step(config, last + 2) is None


def test_a_step_is_of_the_way_that_the_run_went() -> None:
    """Of a run that went on from another one, with a rate set by hand on the way."""
    config = RunConfig(optimizer="adam", **SMALL)
    start = state_at(RunConfig(optimizer="adam", lr=0.01, **SMALL), 6)
    plan = [(8, 0.5)]
    seen = weight_step(config, 10, plan, start)
    assert seen and seen.step.rate == 0.5
    before = dict(replay(config, [9], plan, start))[9]
    np.testing.assert_array_equal(seen.step.before, before[flat_index(seen.weights)].double().numpy())
    first = weight_step(config, 7, plan, start)
    assert first
    np.testing.assert_array_equal(
        first.step.before, dict(replay(config, [6], plan, start))[6][flat_index(first.weights)].double().numpy()
    )
    with pytest.raises(ValueError, match=r"^step must be a whole number in \[7, 24\], got step = 6\.$"):
        weight_step(config, 6, plan, start)


@pytest.mark.parametrize(
    ("optimizer", "line"),
    [
        ("adam", r"\hat m_t &= \frac{m_t}{1-\beta_1^t} = {0.1 g} \Big/ 0.1 = {g}"),
        ("radam", r"\rho_t &= 1 \le 5:\quad \Delta\theta = -\eta\,\hat m_t = -0.003{g}"),
        ("momentum", r"v_1 &= g_1 = {g}"),
    ],
)
def test_a_branch_with_another_optimizer_counts_its_steps_from_its_own_first(optimizer: str, line: str) -> None:
    before = RunConfig(optimizer="sgd", lr=0.1, **SMALL)
    start = {**state_at(before, 6), "optimizers": [{}], "lr": OPTIMIZERS[optimizer].lr}
    seen = weight_step(RunConfig.recommended(optimizer, **SMALL), 7, (), start)
    assert seen and seen.step.t == (7 if optimizer == "momentum" else 1)
    gradient = seen.step.gradient
    assert line.replace("{0.1 g}", vector(0.1 * gradient)).replace("{g}", vector(gradient)) in seen.step.lines


def test_a_branch_with_another_batch_size_goes_on_with_its_optimizers_count() -> None:
    start = {**state_at(RunConfig(**SMALL), 12), "step": 24, "kept_step": 24}
    start["history"] = [[24, loss] for _, loss in start["history"]]
    seen = weight_step(RunConfig(**{**SMALL, "batch_size": 25}), 25, (), start)
    assert seen and seen.step.t == 13


@pytest.mark.parametrize(
    ("optimizer", "step", "sentence"),
    [
        ("sgd", 25, "step must be a whole number in [1, 24], got step = 25."),
        ("muon", 1, "optimizer must be one that treats every weight alike, got optimizer = muon."),
    ],
)
def test_what_cannot_be_shown_is_said(optimizer: str, step: int, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        weight_step(RunConfig.recommended(optimizer, **SMALL), step)
    assert str(caught.value) == sentence
