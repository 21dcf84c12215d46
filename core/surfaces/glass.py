"""One step under the glass: what an optimizer holds and does, read off the real ``torch.optim`` object.

The numbers come from the object's own state before and after the step; the lines put them into its update rule.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.surfaces.descent import torch_walk
from core.surfaces.expression import Array
from core.surfaces.functions import Point, Surface
from core.training.config import RunConfig

State = dict[str, Array]


@dataclass
class Glass:
    """Step ``t`` of one walk. Vectors have shape (2,).

    Attributes:
        before, after: the point.
        gradient: what the optimizer was given, noise included.
        velocity: its momentum after taking the gradient in; None if it keeps none.
        scaling: what it multiplies each coordinate by; None if all alike.
        rate: the learning rate of this step.
        lines: the update rule in LaTeX, a line each, with the numbers put in.
    """

    t: int
    before: Array
    after: Array
    gradient: Array
    rate: float
    params: dict[str, Any]
    weight_decay: float
    old: State
    new: State
    velocity: Array | None = None
    scaling: Array | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def update(self) -> Array:
        return self.after - self.before


def glass(
    surface: Surface, config: RunConfig, start: Point, step: int, steps: int, noise: Array | None = None
) -> Glass | None:
    """Step ``step``, counted from 1, of a walk of ``steps``; None if the walk stopped being finite before it."""
    defaults = {p.name: p.default for p in config.optimizer_spec.hyperparameters}
    walk = torch_walk(surface, config, start, steps, noise)
    for _ in range(step):
        theta, optimizer = next(walk)
    assert theta.grad is not None
    before, gradient = _vector(theta), _vector(theta.grad)
    old, rate = _state(optimizer, theta), float(optimizer.param_groups[0]["lr"])
    next(walk)
    seen = Glass(
        step, before, _vector(theta), gradient, rate, {**defaults, **config.optimizer_params}, config.weight_decay,
        old, _state(optimizer, theta),
    )  # fmt: skip
    if not np.isfinite([seen.before, seen.after, seen.gradient]).all():
        return None
    explain(seen, config)
    return seen


def explain(seen: Glass, config: RunConfig) -> None:
    """Write the lines of a step of the config's optimizer, which must not be L-BFGS."""
    decoupled = config.optimizer_spec.weight_decay == "decoupled"
    if seen.weight_decay and not decoupled:
        felt = seen.gradient + seen.weight_decay * seen.before
        _line(
            seen, "g_t", r"g_t + \lambda\,\theta_{t-1}",
            f"{_v(seen.gradient)} + {_n(seen.weight_decay)}{_v(seen.before)}", felt,
        )  # fmt: skip
        seen.gradient = felt
    else:
        seen.lines.append(f"g_t &= {_v(seen.gradient)}")
    seen.lines[0] += rf",\quad \eta = {_n(seen.rate)}"
    _EXPLAIN[config.optimizer](seen)
    _result(seen, decoupled)


def _vector(tensor: Any) -> Array:
    return np.array(tensor.detach().numpy(), dtype=np.float64).ravel().copy()


def _state(optimizer: Any, theta: Any) -> State:
    return {name: _vector(value) for name, value in optimizer.state[theta].items() if hasattr(value, "detach")}


def _n(value: float) -> str:
    """A number in LaTeX, to four digits."""
    text = f"{float(value):.4g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return text


def _v(vector: Array) -> str:
    return rf"\begin{{pmatrix}} {_n(vector[0])} \\ {_n(vector[1])} \end{{pmatrix}}"


def _line(s: Glass, name: str, rule: str, numbers: str, value: Array) -> None:
    s.lines.append(f"{name} &= {rule} = {numbers} = {_v(value)}")


def _result(s: Glass, decoupled: bool) -> None:
    if decoupled and s.weight_decay:
        s.lines.append(
            rf"\theta_{{t-1}} &\leftarrow (1-\eta\lambda)\,\theta_{{t-1}},\quad \lambda = {_n(s.weight_decay)}"
        )
    s.lines.append(rf"\theta_t &= \theta_{{t-1}} + \Delta\theta = {_v(s.before)} + {_v(s.update)} = {_v(s.after)}")


def _zero(s: Glass, name: str) -> Array:
    return s.old.get(name, np.zeros(2))


def _mean(s: Glass, name: str, key: str, decay: float, letter: str, new: str, value: Array) -> Array:
    """A running mean: name_t = decay * name_(t-1) + (1 - decay) * new."""
    _line(
        s, f"{name}_t", rf"{letter}\,{name}_{{t-1}} + (1-{letter})\,{new}",
        rf"{_n(decay)}{_v(_zero(s, key))} + {_n(1 - decay)}{_v(value)}", s.new[key],
    )  # fmt: skip
    return s.new[key]


def _plain(s: Glass) -> None:
    s.lines.append(r"\Delta\theta &= -\eta\, g_t = " + f"-{_n(s.rate)}{_v(s.gradient)}")


def _momentum(s: Glass) -> None:
    mu, tau = s.params["momentum"], s.params.get("dampening", 0.0)
    if not mu:
        return _plain(s)
    s.velocity = s.new["momentum_buffer"]
    if s.t == 1:
        s.lines.append(rf"v_1 &= g_1 = {_v(s.velocity)}")
    else:
        share = r"(1-\tau)\,g_t" if tau else "g_t"
        _line(
            s, "v_t", rf"\mu\, v_{{t-1}} + {share}",
            f"{_n(mu)}{_v(_zero(s, 'momentum_buffer'))} + {_n(1 - tau) if tau else ''}{_v(s.gradient)}", s.velocity,
        )  # fmt: skip
    s.lines.append(rf"\Delta\theta &= -\eta\, v_t = -{_n(s.rate)}{_v(s.velocity)}")
    return None


def _nesterov(s: Glass) -> None:
    _momentum(s)
    s.lines.pop()
    s.lines.append(
        rf"\Delta\theta &= -\eta\,(g_t + \mu\, v_t) = "
        rf"-{_n(s.rate)}\left({_v(s.gradient)} + {_n(s.params['momentum'])}{_v(s.new['momentum_buffer'])}\right)"
    )


def _scaled(s: Glass, numerator: str, value: Array, rate: float, denominator: str, root: Array) -> None:
    """The last line of every rule that divides by a root, and the scaling that it means."""
    s.scaling = 1.0 / root
    s.lines.append(
        rf"\Delta\theta &= -\eta\,\frac{{{numerator}}}{{{denominator}}} = "
        rf"-{_n(rate)}\,{_v(value)} \Big/ {_v(root)}"
    )


def _adagrad(s: Glass) -> None:
    old = s.old.get("sum", np.full(2, s.params["initial_accumulator_value"]))
    _line(s, "s_t", "s_{t-1} + g_t^2", f"{_v(old)} + {_v(s.gradient**2)}", s.new["sum"])
    rate = s.rate / (1 + (s.t - 1) * s.params["lr_decay"])
    _scaled(s, "g_t", s.gradient, rate, r"\sqrt{s_t}+\epsilon", np.sqrt(s.new["sum"]) + s.params["eps"])


def _adadelta(s: Glass) -> None:
    rho, eps = s.params["rho"], s.params["eps"]
    v = _mean(s, "v", "square_avg", rho, r"\rho", "g_t^2", s.gradient**2)
    u = _zero(s, "acc_delta")
    s.scaling = np.sqrt(u + eps) / np.sqrt(v + eps)
    s.lines.append(
        rf"\Delta\theta &= -\eta\,\frac{{\sqrt{{u_{{t-1}}+\epsilon}}}}{{\sqrt{{v_t+\epsilon}}}}\,g_t = "
        rf"-{_n(s.rate)}\,{_v(np.sqrt(u + eps))} \Big/ {_v(np.sqrt(v + eps))}\,{_v(s.gradient)}"
    )


def _rmsprop(s: Glass) -> None:
    v = _mean(s, "v", "square_avg", s.params["alpha"], r"\alpha", "g_t^2", s.gradient**2)
    denominator = r"\sqrt{v_t}+\epsilon"
    if s.params["centered"]:
        m = _mean(s, "m", "grad_avg", s.params["alpha"], r"\alpha", "g_t", s.gradient)
        v, denominator = v - m * m, r"\sqrt{v_t-m_t^2}+\epsilon"
    root = np.sqrt(v) + s.params["eps"]
    if not s.params["momentum"]:
        return _scaled(s, "g_t", s.gradient, s.rate, denominator, root)
    s.scaling, s.velocity = 1.0 / root, s.new["momentum_buffer"]
    _line(
        s, "b_t", rf"\mu\, b_{{t-1}} + \frac{{g_t}}{{{denominator}}}",
        f"{_n(s.params['momentum'])}{_v(_zero(s, 'momentum_buffer'))} + {_v(s.gradient / root)}", s.velocity,
    )  # fmt: skip
    s.lines.append(rf"\Delta\theta &= -\eta\, b_t = -{_n(s.rate)}{_v(s.velocity)}")
    return None


def _moments(s: Glass) -> tuple[Array, Array]:
    beta1, beta2 = s.params["betas"]
    m = _mean(s, "m", "exp_avg", beta1, r"\beta_1", "g_t", s.gradient)
    s.velocity = m
    return m, _mean(s, "v", "exp_avg_sq", beta2, r"\beta_2", "g_t^2", s.gradient**2)


def _corrected(s: Glass, name: str, letter: str, decay: float, value: Array) -> Array:
    corrected: Array = value / (1 - decay**s.t)
    _line(
        s, rf"\hat {name}_t", rf"\frac{{{name}_t}}{{1-{letter}^t}}",
        rf"{_v(value)} \Big/ {_n(1 - decay**s.t)}", corrected,
    )  # fmt: skip
    return corrected


def _adam(s: Glass) -> None:
    m, v = _moments(s)
    beta1, beta2 = s.params["betas"]
    m_hat = _corrected(s, "m", r"\beta_1", beta1, m)
    v = s.new["max_exp_avg_sq"] if s.params["amsgrad"] else v
    v_hat = _corrected(s, r"v^{max}" if s.params["amsgrad"] else "v", r"\beta_2", beta2, v)
    _scaled(s, r"\hat m_t", m_hat, s.rate, r"\sqrt{\hat v_t}+\epsilon", np.sqrt(v_hat) + s.params["eps"])


def _nadam(s: Glass) -> None:
    m, v = _moments(s)
    beta1, beta2 = s.params["betas"]
    mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (i * s.params["momentum_decay"])) for i in (s.t, s.t + 1))
    product = float(s.new["mu_product"][0])
    m_hat = ahead * m / (1 - product * ahead) + (1 - mu) * s.gradient / (1 - product)
    s.lines.append(
        rf"\hat m_t &= \frac{{\mu_{{t+1}} m_t}}{{1-\prod\mu_{{i\le t+1}}}} + "
        rf"\frac{{(1-\mu_t) g_t}}{{1-\prod\mu_{{i\le t}}}}"
        rf" = {_v(m_hat)},\quad \mu_t = {_n(mu)}"
    )
    v_hat = _corrected(s, "v", r"\beta_2", beta2, v)
    _scaled(s, r"\hat m_t", m_hat, s.rate, r"\sqrt{\hat v_t}+\epsilon", np.sqrt(v_hat) + s.params["eps"])


def _radam(s: Glass) -> None:
    m, v = _moments(s)
    beta1, beta2 = s.params["betas"]
    m_hat = _corrected(s, "m", r"\beta_1", beta1, m)
    longest = 2 / (1 - beta2) - 1
    rho = longest - 2 * s.t * beta2**s.t / (1 - beta2**s.t)
    if rho <= 5:
        s.lines.append(rf"\rho_t &= {_n(rho)} \le 5:\quad \Delta\theta = -\eta\,\hat m_t = -{_n(s.rate)}{_v(m_hat)}")
        return
    r = ((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)) ** 0.5
    v_hat = _corrected(s, "v", r"\beta_2", beta2, v)
    s.lines.append(rf"\rho_t &= {_n(rho)} > 5,\quad r_t = {_n(r)}")
    root = np.sqrt(v_hat) + s.params["eps"] / (1 - beta2**s.t) ** 0.5
    _scaled(s, r"r_t\,\hat m_t", r * m_hat, s.rate, r"\sqrt{\hat v_t}+\epsilon", root)


def _adamax(s: Glass) -> None:
    beta1, beta2 = s.params["betas"]
    s.velocity = m = _mean(s, "m", "exp_avg", beta1, r"\beta_1", "g_t", s.gradient)
    u = s.new["exp_inf"]
    _line(
        s, "u_t", r"\max(\beta_2 u_{t-1}, |g_t|+\epsilon)",
        rf"\max\left({_v(beta2 * _zero(s, 'exp_inf'))}, {_v(np.abs(s.gradient))}\right)", u,
    )  # fmt: skip
    _scaled(s, r"\hat m_t", m / (1 - beta1**s.t), s.rate, "u_t", u)


def _asgd(s: Glass) -> None:
    eta = float(s.old["eta"][0]) if "eta" in s.old else s.rate
    s.lines.append(
        rf"\Delta\theta &= -\eta_t\, g_t - \lambda\eta_t\,\theta_{{t-1}} = -{_n(eta)}{_v(s.gradient)}"
        rf" - {_n(s.params['lambd'] * eta)}{_v(s.before)}"
    )


def _rprop(s: Glass) -> None:
    sizes = s.new["step_size"]
    s.scaling = sizes / np.maximum(np.abs(s.gradient), 1e-300)
    s.lines.append(rf"g_{{t-1}} &= {_v(_zero(s, 'prev'))},\quad \Delta_t = {_v(sizes)}")
    s.lines.append(
        rf"\Delta\theta &= -\Delta_t\,\mathrm{{sign}}(g_t) = -{_v(sizes)} \odot {_v(np.sign(s.new['prev']))}"
    )


def _muon(s: Glass) -> None:
    mu = s.params["momentum"]
    s.velocity = _mean(s, "B", "momentum_buffer", mu, r"\mu", "G_t", s.gradient)
    given = (1 - mu) * s.gradient + mu * s.velocity if s.params["nesterov"] else s.velocity
    o = (s.before * (1 - s.rate * s.weight_decay) - s.after) / s.rate
    rule = r"(1-\mu)\,G_t + \mu B_t" if s.params["nesterov"] else "B_t"
    s.lines.append(
        rf"O_t &= \mathrm{{NewtonSchulz}}_{{{s.params['ns_steps']}}}\left({rule}\right) = "
        rf"\mathrm{{NewtonSchulz}}{_v(given)} = {_v(o)}"
    )
    s.lines.append(rf"\Delta\theta &= -\eta\, O_t = -{_n(s.rate)}{_v(o)}")


def _adafactor(s: Glass) -> None:
    row, column = float(s.new["row_var"][0]), s.new["col_var"]
    estimate = row * column / max(row, np.finfo(np.float64).eps)
    s.scaling = 1.0 / np.sqrt(np.maximum(estimate, np.finfo(np.float64).eps ** 2))
    u = s.gradient * s.scaling
    rms = float(np.sqrt((u**2).mean()))
    alpha = max(s.params["eps"], float(np.sqrt((s.before**2).mean()))) * min(s.rate, 1 / s.t**0.5)
    s.lines.append(
        rf"R_t &= {_n(row)},\quad C_t = {_v(column)},\quad 1-\hat\beta_t = {_n(s.t ** s.params['beta2_decay'])}"
    )
    _line(s, "U_t", r"\frac{G_t}{\sqrt{R_t C_t/\bar R_t}}", rf"{_v(s.gradient)} \Big/ {_v(1.0 / s.scaling)}", u)
    s.lines.append(
        rf"\Delta\theta &= -\alpha_t\,\frac{{U_t}}{{\max(1, \mathrm{{RMS}}(U_t)/d)}} = "
        rf"-{_n(alpha)}\,{_v(u)} \Big/ {_n(max(1.0, rms / s.params['d']))}"
    )


_EXPLAIN: dict[str, Callable[[Glass], None]] = {
    "sgd": _plain,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adam,
    "nadam": _nadam,
    "radam": _radam,
    "adamax": _adamax,
    "asgd": _asgd,
    "rprop": _rprop,
    "muon": _muon,
    "adafactor": _adafactor,
}
