import math

import pytest
import torch
from torch.optim import lr_scheduler as torch_schedulers

from core.training.schedules import SCHEDULES
from core.training.span import Span

TEN = Span(epochs=2, steps_per_epoch=5)
LONG = Span(epochs=6, steps_per_epoch=7)


def rates(name, lr=1.0, span=TEN, history=(), warmup_steps=0, **hyperparameters):
    schedule = SCHEDULES[name].create(lr, span, history, warmup_steps, **hyperparameters)
    return [schedule(step) for step in range(span.steps)]


def torch_rates(make, lr=1.0, steps=LONG.steps):
    """The rates of torch's own scheduler, stepped once a step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def close(values):
    return pytest.approx(values, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "hyperparameters", "expected"),
    [
        ("constant", {}, [1.0] * 10),
        ("step", {"every": 1.0, "factor": 0.5}, [1.0] * 5 + [0.5] * 5),
        ("step", {"every": 0.6, "factor": 0.1}, [1.0] * 3 + [0.1] * 3 + [0.01] * 3 + [0.001]),
        ("multi_step", {"milestones": (0.4, 1.0), "factor": 0.1}, [1.0] * 2 + [0.1] * 3 + [0.01] * 5),
        ("exponential", {"factor": 0.5}, [0.5 ** (step / 5) for step in range(10)]),
        ("inverse_time", {"decay": 5.0}, [1 / (1 + step) for step in range(10)]),
        ("polynomial", {"power": 2.0, "end": 0.0}, [(9 - step) ** 2 / 81 for step in range(10)]),
        ("polynomial", {"power": 2.0, "end": 0.1}, [0.1 + 0.9 * (9 - step) ** 2 / 81 for step in range(10)]),
        ("linear", {"end": 0.0}, [(9 - step) / 9 for step in range(10)]),
        ("linear", {"end": 0.1}, [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]),
        ("cosine", {"end": 0.0}, [(1 + math.cos(math.pi * step / 9)) / 2 for step in range(10)]),
        ("cosine_restarts", {"period": 0.4, "growth": 2.0, "end": 0.0},
         [1, 0.5, 1, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4]
         + [(1 + math.cos(math.pi * step / 8)) / 2 for step in range(4)]),
        ("cyclic", {"half_cycle": 0.4, "low": 0.2}, [0.2, 0.6, 1.0, 0.6, 0.2, 0.6, 1.0, 0.6, 0.2, 0.6]),
        ("cyclic_halving", {"half_cycle": 0.4, "low": 0.2}, [0.2, 0.6, 1.0, 0.6, 0.2, 0.4, 0.6, 0.4, 0.2, 0.3]),
        ("one_cycle", {"rise": 1 / 3, "start": 0.2, "end": 0.0},
         [0.2, 0.4, 0.8, *((1 + math.cos(math.pi * step / 6)) / 2 for step in range(7))]),
        ("plateau", {}, [1.0] * 10),
    ],
)  # fmt: skip
def test_rates_written_out(name, hyperparameters, expected):
    assert rates(name, **hyperparameters) == close(expected)
    assert rates(name, lr=0.03, **hyperparameters) == close([0.03 * rate for rate in expected])


@pytest.mark.parametrize("spe", [3, 7, 10, 750])
@pytest.mark.parametrize("drop", [1, 2, 3])
def test_a_drop_comes_at_its_very_step_whatever_the_rounding(spe, drop):
    """0.3 / 0.1 is 2.9999999999999996: without care the third drop comes a step late."""
    span, every = Span(epochs=2, steps_per_epoch=spe), drop / spe
    counted = [0.5 ** (step // drop) for step in range(span.steps)]
    assert rates("step", span=span, every=every, factor=0.5) == counted
    milestones = tuple(epoch / spe for epoch in range(1, span.steps))
    assert rates("multi_step", span=span, milestones=milestones, factor=0.5) == [0.5**s for s in range(span.steps)]
    restarts = rates("cosine_restarts", span=span, period=every, growth=1.0, end=0.5)
    assert [step for step, rate in enumerate(restarts) if rate > 0.999999] == list(range(0, span.steps, drop))


@pytest.mark.parametrize(
    ("name", "hyperparameters", "make"),
    [
        ("step", {"every": 2.0, "factor": 0.3}, lambda o: torch_schedulers.StepLR(o, 14, 0.3)),
        ("multi_step", {"milestones": (1.0, 4.0), "factor": 0.3},
         lambda o: torch_schedulers.MultiStepLR(o, [7, 28], 0.3)),
        ("exponential", {"factor": 0.6}, lambda o: torch_schedulers.ExponentialLR(o, 0.6 ** (1 / 7))),
        ("inverse_time", {"decay": 1.4}, lambda o: torch_schedulers.LambdaLR(o, lambda step: 1 / (1 + 0.2 * step))),
        ("polynomial", {"power": 2.0, "end": 0.0}, lambda o: torch_schedulers.PolynomialLR(o, 41, 2.0)),
        ("linear", {"end": 0.25}, lambda o: torch_schedulers.LinearLR(o, 1.0, 0.25, 41)),
        ("cosine", {"end": 0.1}, lambda o: torch_schedulers.CosineAnnealingLR(o, 41, 0.1 * 0.05)),
        ("cosine_restarts", {"period": 1.0, "growth": 2.0, "end": 0.1},
         lambda o: torch_schedulers.CosineAnnealingWarmRestarts(o, 7, 2, 0.1 * 0.05)),
        ("cosine_restarts", {"period": 2.0, "growth": 1.0, "end": 0.0},
         lambda o: torch_schedulers.CosineAnnealingWarmRestarts(o, 14, 1, 0.0)),
        ("cyclic", {"half_cycle": 1.0, "low": 0.1},
         lambda o: torch_schedulers.CyclicLR(o, 0.005, 0.05, 7, mode="triangular", cycle_momentum=False)),
        ("cyclic_halving", {"half_cycle": 1.0, "low": 0.1},
         lambda o: torch_schedulers.CyclicLR(o, 0.005, 0.05, 7, mode="triangular2", cycle_momentum=False)),
        # Torch's peak is at step pct_start * steps - 1; ours at rise * (steps - 1): the same step, 12.
        ("one_cycle", {"rise": 12 / 41, "start": 0.04, "end": 4e-6},
         lambda o: torch_schedulers.OneCycleLR(
             o, 0.05, 42, pct_start=13 / 42, cycle_momentum=False, div_factor=25, final_div_factor=1e4)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_rates_equal_torchs_scheduler(name, hyperparameters, make):
    ours = rates(name, lr=0.05, span=LONG, **hyperparameters)
    assert ours == pytest.approx(torch_rates(make, lr=0.05), rel=1e-9, abs=1e-12)


LOSSES = [1.0, 0.8, 0.8, 0.795, 0.9, 0.7, 0.71, 0.72, 0.73, 0.74, 0.75, 0.2, 0.3, 0.3, 0.3, 0.3]


@pytest.mark.parametrize("patience", [0, 1, 2])
@pytest.mark.parametrize("lowest", [1e-3, 0.5])
def test_plateau_equals_torchs_scheduler(patience, lowest):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    oracle = torch_schedulers.ReduceLROnPlateau(
        optimizer, factor=0.3, patience=patience, threshold=0.01, min_lr=0.1 * lowest, eps=0.0
    )
    expected = []
    for loss in LOSSES:
        expected += [optimizer.param_groups[0]["lr"]] * 3
        oracle.step(loss)
    history = [(3 * (epoch + 1), loss) for epoch, loss in enumerate(LOSSES)]
    span = Span(len(LOSSES), 3)
    given = {"factor": 0.3, "patience": patience, "threshold": 0.01, "lowest": lowest}
    assert rates("plateau", 0.1, span, history, **given) == close(expected)


def test_plateau_drops_at_the_first_step_after_the_measurement_and_never_knows_the_future():
    history = [(5, 1.0), (10, 1.0), (15, 1.0), (20, 1.0)]
    span = Span(5, 5)
    expected = [1.0] * 15 + [0.5] * 10
    assert rates("plateau", span=span, history=history, factor=0.5, patience=1) == expected


def test_plateau_sees_what_the_run_appends_later():
    history = []
    schedule = SCHEDULES["plateau"].create(1.0, Span(9, 1), history, factor=0.5, patience=0)
    assert schedule(2) == 1.0
    history += [(1, 1.0), (2, 1.0)]
    assert schedule(2) == 0.5


def test_plateau_counts_a_loss_that_is_not_finite_as_no_improvement():
    history = [(1, math.nan), (2, math.inf), (3, math.nan)]
    assert rates("plateau", span=Span(4, 1), history=history, factor=0.5, patience=0) == [1.0, 0.5, 0.25, 0.125]


def test_only_plateau_reacts_to_the_history():
    assert [name for name, spec in SCHEDULES.items() if spec.reacts] == ["plateau"]
    for name in SCHEDULES.keys() - {"plateau"}:
        history = [(step, 1.0) for step in range(LONG.steps)]
        assert rates(name, span=LONG, history=history) == rates(name, span=LONG)


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_multiplies_the_first_steps_of_any_schedule(name):
    plain, warm = rates(name, span=LONG), rates(name, span=LONG, warmup_steps=4)
    assert warm == close([plain[0] / 4, plain[1] / 2, plain[2] * 3 / 4, *plain[3:]])


def test_warm_up_equals_torchs_linear_warm_up():
    def make(optimizer):
        return torch_schedulers.LinearLR(optimizer, start_factor=1 / 8, total_iters=7)

    assert rates("constant", lr=0.05, span=LONG, warmup_steps=8) == close(torch_rates(make, lr=0.05))


def edges(parameter):
    """The ends of what a hyper-parameter admits, and its default."""
    if isinstance(parameter.default, tuple):
        return [parameter.default, (parameter.low,), (parameter.high,)]
    low = parameter.low if not parameter.open_low else parameter.low + 1e-300
    high = parameter.high if not parameter.open_high else math.nextafter(parameter.high, 0)
    return [parameter.default, type(parameter.default)(low), type(parameter.default)(high)]


@pytest.mark.parametrize("span", [Span(1, 1), Span(1, 7), Span(5, 1), LONG], ids=str)
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_stay_within_zero_and_the_learning_rate_for_all_that_is_admitted(name, span):
    spec = SCHEDULES[name]
    cases = [{}] + [{p.name: p.check(value)} for p in spec.hyperparameters for value in edges(p)]
    for case in cases:
        for warmup_steps in (0, 3, 1_000_000):
            given = rates(name, 0.1, span, [(1, 1.0), (2, 2.0), (3, 2.0)], warmup_steps, **case)
            assert all(0.0 <= rate <= 0.1 * (1 + 1e-15) for rate in given), case


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_positive_before_the_last_step_by_default(name):
    assert min(rates(name, span=LONG)[:-1]) > 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_row_has_its_texts(name):
    spec = SCHEDULES[name]
    assert spec.label and spec.source and spec.formula and spec.help.endswith(".")
    assert all(p.help.endswith(".") and p.check(p.default) == p.default for p in spec.hyperparameters)


def test_the_schedules_of_the_lab():
    assert list(SCHEDULES) == [
        "constant", "step", "multi_step", "exponential", "inverse_time", "polynomial", "linear", "cosine",
        "cosine_restarts", "cyclic", "cyclic_halving", "one_cycle", "plateau",
    ]  # fmt: skip
    assert len({spec.label for spec in SCHEDULES.values()}) == len(SCHEDULES)


def test_span():
    span = Span(epochs=3, steps_per_epoch=4)
    assert (span.steps, span.epoch(6), span.progress(0), span.progress(11)) == (12, 1.5, 0.0, 1.0)
    assert Span(1, 1).progress(0) == 0.0
