import inspect
import math
import re
import sys

import pytest
import torch
from torch._subclasses import FakeTensorMode

from core.optimizers import OPTIMIZERS
from core.optimizers.step import explain_by_state
from core.training.network import Network

#: The rows whose torch class and formula are written down here; another row is held to all that no table needs.
CLASSES = {
    "sgd": [torch.optim.SGD],
    "momentum": [torch.optim.SGD],
    "nesterov": [torch.optim.SGD],
    "adagrad": [torch.optim.Adagrad],
    "adadelta": [torch.optim.Adadelta],
    "rmsprop": [torch.optim.RMSprop],
    "adam": [torch.optim.Adam],
    "adamw": [torch.optim.AdamW],
    "nadam": [torch.optim.NAdam],
    "radam": [torch.optim.RAdam],
    "adamax": [torch.optim.Adamax],
    "asgd": [torch.optim.ASGD],
    "rprop": [torch.optim.Rprop],
    "muon": [torch.optim.Muon, torch.optim.AdamW],
    "adafactor": [torch.optim.Adafactor],
    "lbfgs": [torch.optim.LBFGS],
}


def parameters(*values):
    return [torch.nn.Parameter(torch.tensor(value)) for value in values]


def step(name, values, gradients, lr=0.1, weight_decay=0.0, **hyperparameters):
    """The values after one step for each of the gradients."""
    (parameter,) = parameters(values)
    optimizers = OPTIMIZERS[name].create([parameter], lr, weight_decay, **hyperparameters)
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient)
        for optimizer in optimizers:
            optimizer.step(lambda: torch.tensor(0.0)) if OPTIMIZERS[name].closure else optimizer.step()
    return parameter.detach()


def test_the_optimizers_of_the_lab():
    assert list(OPTIMIZERS)[:16] == [
        "sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam", "radam", "adamax",
        "asgd", "rprop", "muon", "adafactor", "lbfgs",
    ]  # fmt: skip
    assert len({spec.label for spec in OPTIMIZERS.values()}) == len(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_row_builds_its_torch_class_with_its_own_values(name):
    spec = OPTIMIZERS[name]
    optimizers = spec.create(Network(0).parameters(), spec.lr, spec.default_weight_decay)
    assert [type(optimizer) for optimizer in optimizers] == CLASSES.get(name, [type(optimizers[0])])
    stepped = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    assert len(stepped) == len(set(stepped)) == 4
    group = optimizers[0].param_groups[0]
    assert group["lr"] == spec.lr and group["lr_scale"] == 1.0
    for parameter in spec.hyperparameters:
        if parameter.name in group and name != "adafactor":
            assert group[parameter.name] == parameter.default, parameter.name
    if spec.weight_decay != "none":
        assert group["weight_decay"] == spec.default_weight_decay


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_are_torchs_own_unless_told_here(name):
    """Momentum is the point of its two rows; L-BFGS has short steps here; the biases of Muon are ours."""
    ours = {"momentum", "max_iter", "history_size", "line_search", "bias_optimizer", "bias_lr_ratio"}
    torchs = inspect.signature(CLASSES[name][0]).parameters
    elsewhere = {
        ("rprop", "eta_minus"): torch.optim.Rprop(parameters(0.0)).defaults["etas"][0],
        ("rprop", "eta_plus"): torch.optim.Rprop(parameters(0.0)).defaults["etas"][1],
        ("rprop", "step_min"): torch.optim.Rprop(parameters(0.0)).defaults["step_sizes"][0],
        ("rprop", "step_max"): torch.optim.Rprop(parameters(0.0)).defaults["step_sizes"][1],
        ("adafactor", "eps"): torch.optim.Adafactor(parameters(0.0)).defaults["eps"][1],
    }
    for parameter in OPTIMIZERS[name].hyperparameters:
        if parameter.name not in ours:
            wanted = elsewhere.get((name, parameter.name))
            assert parameter.default == (torchs[parameter.name].default if wanted is None else wanted)


def test_the_values_that_torch_takes_under_other_names():
    net = list(Network(0).parameters())
    rprop = OPTIMIZERS["rprop"].create(net, 0.01, eta_minus=0.3, eta_plus=1.5, step_min=1e-5, step_max=2.0)
    assert rprop[0].defaults["etas"] == (0.3, 1.5) and rprop[0].defaults["step_sizes"] == (1e-5, 2.0)
    (adafactor,) = OPTIMIZERS["adafactor"].create(net, 0.01, eps=0.5, d=2.0, beta2_decay=-0.5)
    assert (adafactor.defaults["eps"], adafactor.defaults["d"], adafactor.defaults["beta2_decay"]) == (
        (None, 0.5), 2.0, -0.5,
    )  # fmt: skip
    (search,) = OPTIMIZERS["lbfgs"].create(net, 1.0)
    (plain,) = OPTIMIZERS["lbfgs"].create(net, 1.0, line_search="none")
    assert search.defaults["line_search_fn"] == "strong_wolfe" and plain.defaults["line_search_fn"] is None


def test_momentum_and_nesterov_are_sgd_with_other_arguments():
    net = list(Network(0).parameters())
    made = {name: OPTIMIZERS[name].create(net, 0.1)[0].defaults for name in ("sgd", "momentum", "nesterov")}
    assert [(d["momentum"], d["nesterov"]) for d in made.values()] == [(0, False), (0.9, False), (0.9, True)]


def test_muon_steps_matrices_and_another_optimizer_the_biases_at_a_rate_of_their_own():
    net = Network(0)
    muon, other = OPTIMIZERS["muon"].create(net.parameters(), 0.02, 0.3, bias_optimizer="sgd", bias_lr_ratio=0.5)
    assert [p.ndim for p in muon.param_groups[0]["params"]] == [2, 2]
    assert type(other) is torch.optim.SGD and [p.ndim for p in other.param_groups[0]["params"]] == [1, 1]
    assert (muon.param_groups[0]["lr_scale"], other.param_groups[0]["lr_scale"]) == (1.0, 0.5)
    assert (muon.param_groups[0]["weight_decay"], other.param_groups[0]["weight_decay"]) == (0.3, 0.0)
    assert [type(o) for o in OPTIMIZERS["muon"].create(parameters([[1.0]]), 0.02)] == [torch.optim.Muon]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_fused_kernel_is_used_where_torch_has_one(name):
    (optimizer, *_) = OPTIMIZERS[name].create(Network(0).parameters(), 0.1)
    there = "fused" in inspect.signature(type(optimizer)).parameters
    assert bool(optimizer.defaults.get("fused")) == there
    assert there == issubclass(
        type(optimizer), (torch.optim.SGD, torch.optim.Adagrad, torch.optim.Adam, torch.optim.AdamW)
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_is_of_the_kind_that_the_row_says(name):
    """At a zero gradient, decoupled decay gives exactly (1 - lr decay) w; l2 decay acts as the gradient decay w."""
    kind, start, lr, decay = OPTIMIZERS[name].weight_decay, [[2.0, -1.0], [0.5, 4.0]], 0.1, 0.25
    zero = [[[0.0, 0.0], [0.0, 0.0]]]
    plain = step(name, start, zero, lr)
    if kind == "none":
        (optimizer, *_) = OPTIMIZERS[name].create(parameters(start), lr)
        assert "weight_decay" not in inspect.signature(type(optimizer)).parameters
        assert torch.equal(plain, torch.tensor(start))
        return
    decayed = step(name, start, zero, lr, decay)
    shrunk = torch.tensor(start) * (1 - lr * decay)
    if kind == "decoupled":
        assert torch.allclose(decayed, shrunk, rtol=1e-6)
    else:
        as_gradient = step(name, start, [[[decay * w for w in row] for row in start]], lr)
        assert not torch.equal(decayed, plain)
        assert torch.allclose(decayed, as_gradient, rtol=1e-6)


def oracle(name, w, g):
    """Two steps on a scalar at lr 0.1, written from the row's formula with its default values; double precision."""
    lr, path = 0.1, []
    v = m = s = u = 0.0
    mu_product, previous, size = 1.0, 0.0, lr
    for t in (1, 2):
        if name == "sgd":
            w -= lr * g
        elif name == "momentum":
            v = g if t == 1 else 0.9 * v + (1 - 0.5) * g
            w -= lr * v
        elif name == "nesterov":
            v = 0.9 * v + g
            w -= lr * (g + 0.9 * v)
        elif name == "adagrad":
            s += g * g
            w -= lr / (1 + (t - 1) * 0.5) * g / (math.sqrt(s) + 1e-10)
        elif name == "adadelta":
            v = 0.9 * v + 0.1 * g * g
            delta = math.sqrt(u + 1e-6) / math.sqrt(v + 1e-6) * g
            u = 0.9 * u + 0.1 * delta * delta
            w -= lr * delta
        elif name == "rmsprop":
            v = 0.99 * v + 0.01 * g * g
            w -= lr * g / (math.sqrt(v) + 1e-8)
        elif name in ("adam", "adamw", "nadam", "radam", "adamax"):
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
            if name == "adam":
                w -= lr * m_hat / (math.sqrt(v_hat) + 1e-8)
            elif name == "adamw":
                w = (1 - lr * 0.25) * w - lr * m_hat / (math.sqrt(v_hat) + 1e-8)
            elif name == "nadam":
                mu, following = (0.9 * (1 - 0.5 * 0.96 ** (i * 4e-3)) for i in (t, t + 1))
                mu_product *= mu
                m_hat = following * m / (1 - mu_product * following) + (1 - mu) * g / (1 - mu_product)
                w -= lr * m_hat / (math.sqrt(v_hat) + 1e-8)
            elif name == "radam":
                assert 1999 - 2 * t * 0.999**t / (1 - 0.999**t) <= 5
                w -= lr * m_hat
            else:
                u = max(0.999 * u, abs(g) + 1e-8)
                w -= lr / (1 - 0.9**t) * m / u
        elif name == "asgd":
            rate = lr / (1 + 0.5 * lr * (t - 1)) ** 0.75
            w = (1 - 0.5 * rate) * w - rate * g
        elif name == "rprop":
            size *= {1: 1.2, 0: 1, -1: 0.5}[int(math.copysign(1, g * previous)) if g * previous else 0]
            g_used = 0.0 if g * previous < 0 else g
            w, previous = w - size * math.copysign(1, g_used) * (g_used != 0), g_used
        path.append(w)
        g = -2 * g
    return path


SCALAR = {
    "momentum": {"dampening": 0.5},
    "adagrad": {"lr_decay": 0.5},
    "adamw": {"weight_decay": 0.25},
    "asgd": {"lambd": 0.5},
}


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ("muon", "adafactor", "lbfgs")])
def test_two_steps_follow_the_formula(name):
    given = SCALAR.get(name, {})
    first, second = oracle(name, 1.5, 0.25)
    assert step(name, [1.5], [[0.25]], **given).item() == pytest.approx(first, rel=1e-6)
    assert step(name, [1.5], [[0.25], [-0.5]], **given).item() == pytest.approx(second, rel=1e-6)


def test_radam_once_its_variance_is_certain_follows_the_formula():
    """Eps is large here, so that its place in the formula shows."""
    w, m, v, lr, eps, gradients = 1.5, 0.0, 0.0, 0.1, 0.1, [0.25, -0.5, 0.1, 0.3, 0.2, -0.1, 0.4, 0.3]
    for t, g in enumerate(gradients, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        rho_inf = 2 / (1 - 0.999) - 1
        rho = rho_inf - 2 * t * 0.999**t / (1 - 0.999**t)
        factor = 1.0
        if rho > 5:
            r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            factor = r * math.sqrt(1 - 0.999**t) / (math.sqrt(v) + eps)
        w -= lr * m / (1 - 0.9**t) * factor
    assert rho > 5
    assert step("radam", [1.5], [[g] for g in gradients], eps=eps).item() == pytest.approx(w, rel=1e-5)


def test_adafactor_follows_the_formula():
    """Two steps on a matrix, in double precision."""
    generator = torch.Generator().manual_seed(0)
    start, *gradients = torch.randn(3, 4, 3, generator=generator)
    w, rows, columns = start.double(), torch.zeros(4, 1).double(), torch.zeros(1, 3).double()
    for t, gradient in enumerate(gradients, 1):
        g, forget = gradient.double(), 1 - t**-0.8
        alpha = max(1e-3, w.square().mean().sqrt().item()) * min(0.01, 1 / math.sqrt(t))
        rows = forget * rows + (1 - forget) * g.square().mean(1, keepdim=True)
        columns = forget * columns + (1 - forget) * g.square().mean(0, keepdim=True)
        update = g / (rows @ columns / rows.mean()).sqrt()
        w = w - alpha * update / max(1.0, update.square().mean().sqrt().item() / 1.0)
    stepped = step("adafactor", start.tolist(), [g.tolist() for g in gradients], lr=0.01)
    assert torch.allclose(stepped.double(), w, rtol=1e-6)


def test_muon_moves_along_a_nearly_orthogonal_matrix():
    """Its iteration leaves singular values of about 0.7 to 1.2; more rows than columns scale it up."""
    start = torch.zeros(8, 4)
    gradient = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    moved = step("muon", start.tolist(), [gradient.tolist()], lr=0.1)
    update = -moved / (0.1 * math.sqrt(8 / 4))
    singular = torch.linalg.svdvals(update)
    assert singular.min() > 0.6 and singular.max() < 1.3
    u, _, v = torch.linalg.svd(gradient, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(update.flatten(), (u @ v).flatten(), dim=0) > 0.97


def test_lbfgs_solves_a_badly_scaled_quadratic_in_one_step():
    (w,) = parameters([3.0, -2.0])
    scale = torch.tensor([1.0, 100.0])
    (optimizer,) = OPTIMIZERS["lbfgs"].create([w], 1.0)

    def loss():
        optimizer.zero_grad()
        value = (scale * w.square()).sum() / 2
        value.backward()
        return value

    optimizer.step(loss)
    assert w.abs().max() < 1e-3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_row_has_its_texts(name):
    spec = OPTIMIZERS[name]
    assert spec.label and spec.help.endswith(".") and spec.year >= 1951
    assert str(spec.year) in spec.source or (name == "nesterov" and "1983" in spec.source)
    assert 1e-12 < spec.lr <= 1.0
    assert all(p.help.endswith(".") and p.check(p.default) == p.default for p in spec.hyperparameters)
    names = [p.name for p in spec.hyperparameters]
    assert len(set(names)) == len(names) and not {"lr", "weight_decay"} & set(names)


@pytest.mark.parametrize("name", CLASSES)
def test_what_a_row_needs(name):
    spec = OPTIMIZERS[name]
    assert spec.batch_size == ("full" if name in ("rprop", "lbfgs") else 64)
    assert spec.full_batch_only == spec.closure == (name == "lbfgs")
    assert spec.rate_sets_every_step == (name not in ("rprop", "lbfgs"))
    assert (spec.rule is None) == (spec.explain is explain_by_state) == spec.closure
    assert spec.default_weight_decay == (0.01 if name == "adamw" else 0.0)


def edges(parameter):
    """The ends of what a hyper-parameter admits."""
    if isinstance(parameter.default, bool):
        return [True, False]
    if parameter.choices:
        return parameter.choices
    # Above 0 the smallest normal number: a denormal is 0 to a processor that flushes them.
    above = max(math.nextafter(parameter.low, math.inf), sys.float_info.min)
    low = parameter.low if not parameter.open_low else above
    high = parameter.high if not parameter.open_high else math.nextafter(parameter.high, 0)
    if isinstance(parameter.default, tuple):
        return [(low, low), (low, high), (high, low), (high, high)]
    return [type(parameter.default)(low), type(parameter.default)(high)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_value_that_is_admitted_can_be_stepped_with(name):
    """Some gradients are zero, as for pixels that are never inked."""
    spec, start, gradients = OPTIMIZERS[name], [[2.0, -1.0, 0.5]], [[[0.5, -0.25, 0.0]], [[-0.125, 0.25, 0.0]]]
    for parameter in spec.hyperparameters:
        for value in edges(parameter):
            moved = step(name, start, gradients, spec.lr, **{parameter.name: parameter.check(value)})
            assert moved.isfinite().all(), (parameter.name, value)
    for lr in (1e-12, 1000.0):
        assert step(name, start, gradients, lr).isfinite().all()


def formulas():
    from core.training.schedules import SCHEDULES

    return [spec.formula for table in (OPTIMIZERS, SCHEDULES) for spec in table.values()]


#: What the formulas use, all of it in KaTeX's table of supported functions.
KATEX = (
    "alpha beta gamma epsilon eta theta kappa lambda mu psi rho tau pi Delta infty prod max min cos log "
    "frac tfrac sqrt hat bar text mathrm begin end left right bigl bigr nabla approx quad qquad leftarrow "
    "xrightarrow lfloor rfloor bmod le"
)


@pytest.mark.parametrize("formula", formulas())
def test_formulas_are_within_what_katex_draws(formula):
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", formula):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert set(re.findall(r"\\([A-Za-z]+)", formula)) <= set(KATEX.split())
    assert re.findall(r"\\begin{(\w+)}", formula) == re.findall(r"\\end{(\w+)}", formula)
    assert set(re.findall(r"\\begin{(\w+)}", formula)) <= {"cases"}
    for opened, closed in ((r"\left", r"\right"), (r"\bigl", r"\bigr"), (r"\lfloor", r"\rfloor")):
        assert len(re.findall(re.escape(opened) + r"(?![a-z])", formula)) == len(
            re.findall(re.escape(closed) + r"(?![a-z])", formula)
        )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("sgd", {"fused": True}),
        ("adam", {"fused": True, "capturable": True}),
        ("adagrad", {}),
        ("rmsprop", {"capturable": True}),
        ("nadam", {"capturable": True, "foreach": False}),
        ("rprop", {"capturable": True, "foreach": False}),
        # Recorded, torch would take its rho in single precision.
        ("radam", {"capturable": False}),
    ],
)
def test_on_a_cuda_device_steps_can_be_recorded(name, wanted):
    with FakeTensorMode():
        (optimizer,) = OPTIMIZERS[name].create([torch.nn.Parameter(torch.zeros(2, device="cuda:0"))], 0.1)
    made = {key: optimizer.defaults.get(key) for key in ("fused", "capturable", "foreach")}
    assert {key: value for key, value in made.items() if value is not None} == wanted
