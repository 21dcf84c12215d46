"""The lines of a step with its numbers, an explanation per rule; a row of the table names its own.

Each reads the state that ``torch.optim`` keeps under torch's own names, so it shows what happened and not what should
have; the tests put the numbers of the lines together again and find torch's step.
"""

import numpy as np

from core.optimizers.rules import Array
from core.optimizers.step import Step, scalar, vector


def plain(s: Step) -> None:
    s.lines.append(r"\Delta\theta &= -\eta\, g_t = " + f"-{scalar(s.rate)}{vector(s.gradient)}")


def momentum(s: Step) -> None:
    mu, tau = s.params["momentum"], s.params.get("dampening", 0.0)
    if not mu:
        return plain(s)
    s.velocity = s.new["momentum_buffer"]
    if "momentum_buffer" not in s.old:
        s.lines.append(rf"v_1 &= g_1 = {vector(s.velocity)}")
    else:
        share, factor = (r"(1-\tau)\,g_t", scalar(1 - tau)) if tau else ("g_t", "")
        numbers = f"{scalar(mu)}{vector(s.previous('momentum_buffer'))} + {factor}{vector(s.gradient)}"
        s.write("v_t", rf"\mu\, v_{{t-1}} + {share}", numbers, s.velocity)
    s.lines.append(rf"\Delta\theta &= -\eta\, v_t = -{scalar(s.rate)}{vector(s.velocity)}")
    return None


def nesterov(s: Step) -> None:
    momentum(s)
    # Momentum's last line; Nesterov's differs.
    s.lines.pop()
    ahead = f"{vector(s.gradient)} + {scalar(s.params['momentum'])}{vector(s.new['momentum_buffer'])}"
    s.lines.append(rf"\Delta\theta &= -\eta\,(g_t + \mu\, v_t) = -{scalar(s.rate)}\left({ahead}\right)")


def adagrad(s: Step) -> None:
    old = s.old.get("sum", np.full(2, s.params["initial_accumulator_value"]))
    s.write("s_t", "s_{t-1} + g_t^2", f"{vector(old)} + {vector(s.gradient**2)}", s.new["sum"])
    rate = s.rate / (1 + (s.t - 1) * s.params["lr_decay"])
    s.write_scaled("g_t", s.gradient, rate, r"\sqrt{s_t}+\epsilon", np.sqrt(s.new["sum"]) + s.params["eps"])


def adadelta(s: Step) -> None:
    rho, eps = s.params["rho"], s.params["eps"]
    v = s.write_mean("v", "square_avg", rho, r"\rho", "g_t^2", s.gradient**2)
    u = s.previous("acc_delta")
    s.scaling = np.sqrt(u + eps) / np.sqrt(v + eps)
    s.lines.append(
        rf"\Delta\theta &= -\eta\,\frac{{\sqrt{{u_{{t-1}}+\epsilon}}}}{{\sqrt{{v_t+\epsilon}}}}\,g_t = "
        rf"-{scalar(s.rate)}\,{vector(np.sqrt(u + eps))} \Big/ {vector(np.sqrt(v + eps))}\,{vector(s.gradient)}"
    )


def rmsprop(s: Step) -> None:
    v = s.write_mean("v", "square_avg", s.params["alpha"], r"\alpha", "g_t^2", s.gradient**2)
    denominator = r"\sqrt{v_t}+\epsilon"
    if s.params["centered"]:
        m = s.write_mean("m", "grad_avg", s.params["alpha"], r"\alpha", "g_t", s.gradient)
        v, denominator = v - m * m, r"\sqrt{v_t-m_t^2}+\epsilon"
    root = np.sqrt(v) + s.params["eps"]
    if not s.params["momentum"]:
        return s.write_scaled("g_t", s.gradient, s.rate, denominator, root)
    s.scaling, s.velocity = 1.0 / root, s.new["momentum_buffer"]
    decayed = f"{scalar(s.params['momentum'])}{vector(s.previous('momentum_buffer'))}"
    s.write(
        "b_t",
        rf"\mu\, b_{{t-1}} + \frac{{g_t}}{{{denominator}}}",
        f"{decayed} + {vector(s.gradient / root)}",
        s.velocity,
    )
    s.lines.append(rf"\Delta\theta &= -\eta\, b_t = -{scalar(s.rate)}{vector(s.velocity)}")
    return None


def _moments(s: Step) -> tuple[Array, Array]:
    beta1, beta2 = s.params["betas"]
    m = s.write_mean("m", "exp_avg", beta1, r"\beta_1", "g_t", s.gradient)
    s.velocity = m
    return m, s.write_mean("v", "exp_avg_sq", beta2, r"\beta_2", "g_t^2", s.gradient**2)


def _corrected(s: Step, name: str, letter: str, decay: float, value: Array) -> Array:
    corrected: Array = value / (1 - decay**s.t)
    s.write(
        rf"\hat {name}_t", rf"\frac{{{name}_t}}{{1-{letter}^t}}",
        rf"{vector(value)} \Big/ {scalar(1 - decay**s.t)}", corrected,
    )  # fmt: skip
    return corrected


def adam(s: Step) -> None:
    m, v = _moments(s)
    beta1, beta2 = s.params["betas"]
    m_hat = _corrected(s, "m", r"\beta_1", beta1, m)
    v = s.new["max_exp_avg_sq"] if s.params["amsgrad"] else v
    v_hat = _corrected(s, r"v^{max}" if s.params["amsgrad"] else "v", r"\beta_2", beta2, v)
    s.write_scaled(r"\hat m_t", m_hat, s.rate, r"\sqrt{\hat v_t}+\epsilon", np.sqrt(v_hat) + s.params["eps"])


def nadam(s: Step) -> None:
    m, v = _moments(s)
    beta1, beta2 = s.params["betas"]
    mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (i * s.params["momentum_decay"])) for i in (s.t, s.t + 1))
    product = float(s.new["mu_product"][0])
    m_hat = ahead * m / (1 - product * ahead) + (1 - mu) * s.gradient / (1 - product)
    s.lines.append(
        rf"\hat m_t &= \frac{{\mu_{{t+1}} m_t}}{{1-\prod\mu_{{i\le t+1}}}} + "
        rf"\frac{{(1-\mu_t) g_t}}{{1-\prod\mu_{{i\le t}}}}"
        rf" = {vector(m_hat)},\quad \mu_t = {scalar(mu)}"
    )
    v_hat = _corrected(s, "v", r"\beta_2", beta2, v)
    s.write_scaled(r"\hat m_t", m_hat, s.rate, r"\sqrt{\hat v_t}+\epsilon", np.sqrt(v_hat) + s.params["eps"])


def radam(s: Step) -> None:
    m, v = _moments(s)
    beta1, beta2 = s.params["betas"]
    m_hat = _corrected(s, "m", r"\beta_1", beta1, m)
    longest = 2 / (1 - beta2) - 1
    rho = longest - 2 * s.t * beta2**s.t / (1 - beta2**s.t)
    if rho <= 5:
        step = rf"\Delta\theta = -\eta\,\hat m_t = -{scalar(s.rate)}{vector(m_hat)}"
        s.lines.append(rf"\rho_t &= {scalar(rho)} \le 5:\quad {step}")
        return
    r = ((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)) ** 0.5
    v_hat = _corrected(s, "v", r"\beta_2", beta2, v)
    s.lines.append(rf"\rho_t &= {scalar(rho)} > 5,\quad r_t = {scalar(r)}")
    # torch adds epsilon before it corrects the root's start at zero, so the correction divides epsilon too.
    root = np.sqrt(v_hat) + s.params["eps"] / (1 - beta2**s.t) ** 0.5
    s.write_scaled(r"r_t\,\hat m_t", r * m_hat, s.rate, r"\sqrt{\hat v_t}+\epsilon", root)


def adamax(s: Step) -> None:
    beta1, beta2 = s.params["betas"]
    s.velocity = m = s.write_mean("m", "exp_avg", beta1, r"\beta_1", "g_t", s.gradient)
    u = s.new["exp_inf"]
    s.write(
        "u_t", r"\max(\beta_2 u_{t-1}, |g_t|+\epsilon)",
        rf"\max\left({vector(beta2 * s.previous('exp_inf'))}, {vector(np.abs(s.gradient) + s.params['eps'])}\right)", u,
    )  # fmt: skip
    s.write_scaled(r"\hat m_t", m / (1 - beta1**s.t), s.rate, "u_t", u)


def asgd(s: Step) -> None:
    # torch fixes each step's rate at the end of the step before.
    eta = float(s.old["eta"][0]) if "eta" in s.old else s.rate
    s.lines.append(
        rf"\Delta\theta &= -\eta_t\, g_t - \lambda\eta_t\,\theta_{{t-1}} = -{scalar(eta)}{vector(s.gradient)}"
        rf" - {scalar(s.params['lambd'] * eta)}{vector(s.before)}"
    )


def rprop(s: Step) -> None:
    sizes = s.new["step_size"]
    s.scaling = sizes / np.maximum(np.abs(s.gradient), 1e-300)
    s.lines.append(rf"g_{{t-1}} &= {vector(s.previous('prev'))},\quad \Delta_t = {vector(sizes)}")
    s.lines.append(
        rf"\Delta\theta &= -\Delta_t\,\mathrm{{sign}}(g_t) = -{vector(sizes)} \odot {vector(np.sign(s.new['prev']))}"
    )


def muon(s: Step) -> None:
    mu = s.params["momentum"]
    s.velocity = s.write_mean("B", "momentum_buffer", mu, r"\mu", "G_t", s.gradient)
    mixed = (1 - mu) * s.gradient + mu * s.velocity if s.params["nesterov"] else s.velocity
    known, step = "", vector(s.update)
    if s.rate:
        # torch does not keep the orthogonalised matrix, but it follows from the step, unless that has no length.
        o = vector((s.before * (1 - s.rate * s.weight_decay) - s.after) / s.rate)
        known, step = f" = {o}", f"-{scalar(s.rate)}{o}"
    rule = r"(1-\mu)\,G_t + \mu B_t" if s.params["nesterov"] else "B_t"
    s.lines.append(
        rf"O_t &= \mathrm{{NewtonSchulz}}_{{{s.params['ns_steps']}}}\left({rule}\right) = "
        rf"\mathrm{{NewtonSchulz}}{vector(mixed)}{known}"
    )
    s.lines.append(rf"\Delta\theta &= -\eta\, O_t = {step}")


def adafactor(s: Step) -> None:
    row, column = float(s.new["row_var"][0]), s.new["col_var"]
    estimate = row * column / max(row, np.finfo(np.float64).eps)
    s.scaling = 1.0 / np.sqrt(np.maximum(estimate, np.finfo(np.float64).eps ** 2))
    u = s.gradient * s.scaling
    rms = float(np.sqrt((u**2).mean()))
    alpha = max(s.params["eps"], float(np.sqrt((s.before**2).mean()))) * min(s.rate, 1 / s.t**0.5)
    weight = scalar(s.t ** s.params["beta2_decay"])
    s.lines.append(rf"R_t &= {scalar(row)},\quad C_t = {vector(column)},\quad 1-\hat\beta_t = {weight}")
    s.write("U_t", r"\frac{G_t}{\sqrt{R_t C_t/\bar R_t}}", rf"{vector(s.gradient)} \Big/ {vector(1.0 / s.scaling)}", u)
    s.lines.append(
        rf"\Delta\theta &= -\alpha_t\,\frac{{U_t}}{{\max(1, \mathrm{{RMS}}(U_t)/d)}} = "
        rf"-{scalar(alpha)}\,{vector(u)} \Big/ {scalar(max(1.0, rms / s.params['d']))}"
    )
