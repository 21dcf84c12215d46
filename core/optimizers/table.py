"""The optimizers of the lab, one row each, every one built on a ``torch.optim`` class.

A row is all there is to an optimizer: menus, forms, the terminal, the surfaces, the step in numbers, the colours, the
README's table and the tests read this table. A variant is a row with other arguments, not another class.
"""

from functools import partial
from inspect import signature
from typing import Any

import torch
from torch.optim import Optimizer

from core.hyperparameters import Hyperparameter
from core.optimizers import explanations, rules
from core.optimizers.spec import Build, OptimizerSpec

Parameters = list[torch.nn.Parameter]


def _plain(cls: type[Optimizer], fused_on: tuple[str, ...] = (), **fixed: Any) -> Build:
    """Return a builder of one object of ``cls``, as fast as it can be on the parameters' device.

    Args:
        fused_on: the devices that it has a fused kernel for.
        fixed: arguments that are no hyper-parameters. ``foreach=False`` where a step on a CUDA device can be recorded
            so: torch's kernels for lists of tensors use one multiprocessor per 65,536 weights, which is two here.
    """

    def build(parameters: Parameters, **arguments: Any) -> list[Optimizer]:
        device = parameters[0].device.type
        own: dict[str, Any] = {"fused": True} if device in fused_on else {}
        if device == "cuda" and "capturable" in signature(cls).parameters:
            own["capturable"] = True
        return [cls(parameters, **(own | fixed), **arguments)]

    return build


def _adafactor(parameters: Parameters, d: float, eps: float, **arguments: Any) -> list[Optimizer]:
    return [torch.optim.Adafactor(parameters, eps=(None, eps), d=d, **arguments)]


def _rprop(
    parameters: Parameters, eta_minus: float, eta_plus: float, step_min: float, step_max: float, **arguments: Any
) -> list[Optimizer]:
    build = _plain(torch.optim.Rprop, foreach=False, etas=(eta_minus, eta_plus), step_sizes=(step_min, step_max))
    return build(parameters, **arguments)


def _lbfgs(parameters: Parameters, line_search: str, **arguments: Any) -> list[Optimizer]:
    search = None if line_search == "none" else line_search
    return [torch.optim.LBFGS(parameters, line_search_fn=search, **arguments)]


def _muon(
    parameters: Parameters,
    lr: float,
    bias_optimizer: str,
    bias_lr_ratio: float,
    weight_decay: float,
    **arguments: Any,
) -> list[Optimizer]:
    """Muon on the weight matrices and another optimizer on the biases, since Muon is not defined for vectors."""
    matrices = [p for p in parameters if p.ndim == 2]
    vectors = [p for p in parameters if p.ndim != 2]
    optimizers: list[Optimizer] = [torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, **arguments)]
    if vectors:
        spec = OPTIMIZERS[bias_optimizer]
        optimizers += spec.create(vectors, lr * bias_lr_ratio)
    return optimizers


def _fraction(name: str, default: float, help: str) -> Hyperparameter:
    return Hyperparameter(name, default, help, low=0.0, high=1.0, open_high=True)


def _eps(default: float) -> Hyperparameter:
    # A still smaller one would be zero as a float32, and pixels that are never inked would give 0 / 0.
    return Hyperparameter("eps", default, "Added to the denominator, so that it is never zero.", low=1e-30, high=1.0)


_BETAS = Hyperparameter(
    "betas",
    (0.9, 0.999),
    "How slowly the running means of the gradient and of its square forget.",
    low=0.0,
    high=1.0,
    open_high=True,
)
_MOMENTUM = Hyperparameter(
    "momentum",
    0.9,
    "The share of the velocity that each step keeps.",
    low=0.0,
    high=1.0,
    open_low=True,
    open_high=True,
)
_AMSGRAD = Hyperparameter(
    "amsgrad", False, "Divide by the largest mean square so far instead of the latest (Reddi et al. 2018)."
)

_MEANS = r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\, g_t, \qquad v_t = \beta_2 v_{t-1} + (1-\beta_2)\, g_t^2"
_MOMENTS = _MEANS + r", \qquad \hat m_t = \frac{m_t}{1-\beta_1^t}, \quad \hat v_t = \frac{v_t}{1-\beta_2^t}"

OPTIMIZERS: dict[str, OptimizerSpec] = {
    "sgd": OptimizerSpec(
        label="SGD",
        year=1951,
        source="Robbins and Monro, A Stochastic Approximation Method, 1951",
        formula=r"\theta_t = \theta_{t-1} - \eta\, g_t",
        help="Steps straight down the gradient of the mini-batch.",
        lr=0.3,
        build=_plain(torch.optim.SGD, fused_on=("cpu", "cuda")),
        rule=rules.sgd,
        explain=explanations.plain,
        line=0,
    ),
    "momentum": OptimizerSpec(
        label="Momentum",
        year=1964,
        source="Polyak, Some methods of speeding up the convergence of iteration methods, 1964",
        formula=r"v_1 = g_1, \quad v_t = \mu\, v_{t-1} + (1-\tau)\, g_t, \qquad \theta_t = \theta_{t-1} - \eta\, v_t",
        help="Gathers the gradients into a velocity, which rolls on through noise and along valleys.",
        lr=0.03,
        build=_plain(torch.optim.SGD, fused_on=("cpu", "cuda")),
        hyperparameters=(
            _MOMENTUM,
            _fraction("dampening", 0.0, "How much of each new gradient is left out of the velocity (tau)."),
        ),
        rule=rules.sgd,
        explain=explanations.momentum,
        line=1,
    ),
    "nesterov": OptimizerSpec(
        label="Nesterov (NAG)",
        year=1983,
        source="Nesterov, A method of solving a convex programming problem with convergence rate O(1/k^2), 1983; "
        "in the form of Sutskever et al. 2013",
        formula=r"v_t = \mu\, v_{t-1} + g_t, \qquad \theta_t = \theta_{t-1} - \eta\,(g_t + \mu\, v_t)",
        help="Momentum that looks one step of its velocity ahead before it corrects itself.",
        lr=0.03,
        build=_plain(torch.optim.SGD, fused_on=("cpu", "cuda"), nesterov=True),
        hyperparameters=(_MOMENTUM,),
        rule=partial(rules.sgd, nesterov=True),
        explain=explanations.nesterov,
        line=2,
    ),
    "adagrad": OptimizerSpec(
        label="Adagrad",
        year=2011,
        source="Duchi, Hazan and Singer, Adaptive Subgradient Methods, 2011",
        formula=r"s_t = s_{t-1} + g_t^2, \qquad "
        r"\theta_t = \theta_{t-1} - \frac{\eta}{1+(t-1)\,\kappa}\,\frac{g_t}{\sqrt{s_t}+\epsilon}",
        help="Gives each weight its own rate, which shrinks with all the gradients that it has seen.",
        lr=0.03,
        build=_plain(torch.optim.Adagrad, fused_on=("cpu",)),
        hyperparameters=(
            Hyperparameter("lr_decay", 0.0, "Extra 1/t decay of the learning rate (kappa).", low=0.0, high=1.0),
            Hyperparameter(
                "initial_accumulator_value", 0.0, "What the sum of squares starts from.", low=0.0, high=100.0
            ),
            _eps(1e-10),
        ),
        rule=rules.adagrad,
        explain=explanations.adagrad,
        line=5,
    ),
    "adadelta": OptimizerSpec(
        label="Adadelta",
        year=2012,
        source="Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012",
        formula=r"v_t = \rho\, v_{t-1} + (1-\rho)\, g_t^2, \quad "
        r"\Delta_t = \frac{\sqrt{u_{t-1}+\epsilon}}{\sqrt{v_t+\epsilon}}\, g_t, \quad "
        r"u_t = \rho\, u_{t-1} + (1-\rho)\, \Delta_t^2, \quad \theta_t = \theta_{t-1} - \eta\, \Delta_t",
        help="Sets its own step from the sizes of its recent steps, so a rate of 1 is natural.",
        lr=1.0,
        build=_plain(torch.optim.Adadelta),
        hyperparameters=(
            _fraction("rho", 0.9, "How slowly the running means of squares forget."),
            _eps(1e-6),
        ),
        rule=rules.adadelta,
        explain=explanations.adadelta,
        line=10,
    ),
    "rmsprop": OptimizerSpec(
        label="RMSprop",
        year=2012,
        source="Tieleman and Hinton, Neural Networks for Machine Learning, lecture 6.5, 2012",
        formula=r"v_t = \alpha\, v_{t-1} + (1-\alpha)\, g_t^2, \qquad "
        r"\theta_t = \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{v_t}+\epsilon}",
        help="Divides each gradient by the running root mean square of that weight's gradients.",
        lr=1e-3,
        build=_plain(torch.optim.RMSprop),
        hyperparameters=(
            _fraction("alpha", 0.99, "How slowly the running mean of squares forgets."),
            _fraction("momentum", 0.0, "The share of the velocity that each step keeps."),
            Hyperparameter("centered", False, "Divide by the variance instead: subtract the squared mean gradient."),
            _eps(1e-8),
        ),
        rule=rules.rmsprop,
        explain=explanations.rmsprop,
        line=4,
    ),
    "adam": OptimizerSpec(
        label="Adam",
        year=2014,
        source="Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014",
        formula=_MOMENTS + r", \qquad \theta_t = \theta_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t}+\epsilon}",
        help="Momentum and a rate of its own for each weight, both corrected for their start at zero.",
        lr=1e-3,
        build=_plain(torch.optim.Adam, fused_on=("cpu", "cuda")),
        hyperparameters=(_BETAS, _eps(1e-8), _AMSGRAD),
        rule=rules.adam,
        explain=explanations.adam,
        line=3,
    ),
    "adamw": OptimizerSpec(
        label="AdamW",
        year=2017,
        source="Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2017",
        formula=_MOMENTS + r", \qquad \theta_t = (1-\eta\lambda)\,\theta_{t-1} "
        r"- \eta\, \frac{\hat m_t}{\sqrt{\hat v_t}+\epsilon}",
        help="Adam whose weight decay shrinks the weights directly instead of passing through the gradient.",
        lr=1e-3,
        build=_plain(torch.optim.AdamW, fused_on=("cpu", "cuda")),
        hyperparameters=(_BETAS, _eps(1e-8), _AMSGRAD),
        weight_decay="decoupled",
        default_weight_decay=0.01,
        rule=rules.adam,
        explain=explanations.adam,
        line=6,
    ),
    "nadam": OptimizerSpec(
        label="NAdam",
        year=2016,
        source="Dozat, Incorporating Nesterov Momentum into Adam, 2016",
        formula=_MEANS + r", \qquad \mu_t = \beta_1\left(1-\tfrac12\, 0.96^{\,t\psi}\right), \qquad "
        r"\hat m_t = \frac{\mu_{t+1}\, m_t}{1-\prod_{i=1}^{t+1}\mu_i} "
        r"+ \frac{(1-\mu_t)\, g_t}{1-\prod_{i=1}^{t}\mu_i}, "
        r"\qquad \theta_t = \theta_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{v_t/(1-\beta_2^t)}+\epsilon}",
        help="Adam with Nesterov's look ahead in place of plain momentum.",
        lr=1e-3,
        build=_plain(torch.optim.NAdam, foreach=False),
        hyperparameters=(
            _BETAS,
            _eps(1e-8),
            _fraction("momentum_decay", 4e-3, "How fast the momentum grows to its full value (psi)."),
        ),
        rule=rules.nadam,
        explain=explanations.nadam,
        line=11,
    ),
    "radam": OptimizerSpec(
        label="RAdam",
        year=2019,
        source="Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, 2019",
        formula=_MEANS + r", \quad \rho_t = \rho_\infty - \frac{2t\beta_2^t}{1-\beta_2^t}, \quad "
        r"\theta_t = \theta_{t-1} - \eta\, \frac{m_t}{1-\beta_1^t} \begin{cases} "
        r"r_t\sqrt{1-\beta_2^t}\,/\,(\sqrt{v_t}+\epsilon) & \rho_t > 5 \\ 1 & \text{else}\end{cases}, \quad "
        r"r_t = \sqrt{\tfrac{(\rho_t-4)(\rho_t-2)\rho_\infty}{(\rho_\infty-4)(\rho_\infty-2)\rho_t}}, \quad "
        r"\rho_\infty = \tfrac{2}{1-\beta_2}-1",
        help="Adam that holds back its adaptive rate while the first steps' variance is too uncertain to use.",
        lr=3e-3,
        # Recorded, torch would take rho in single precision, where the two numbers that it is the difference of cancel.
        build=_plain(torch.optim.RAdam, capturable=False),
        hyperparameters=(_BETAS, _eps(1e-8)),
        rule=rules.radam,
        explain=explanations.radam,
        line=12,
    ),
    "adamax": OptimizerSpec(
        label="Adamax",
        year=2014,
        source="Kingma and Ba, Adam: A Method for Stochastic Optimization, section 7, 2014",
        formula=r"m_t = \beta_1 m_{t-1} + (1-\beta_1)\, g_t, \qquad u_t = \max(\beta_2 u_{t-1},\, |g_t|+\epsilon), "
        r"\qquad \theta_t = \theta_{t-1} - \frac{\eta}{1-\beta_1^t}\,\frac{m_t}{u_t}",
        help="Adam with the largest recent gradient in place of the root mean square.",
        lr=6e-3,
        build=_plain(torch.optim.Adamax, foreach=False),
        hyperparameters=(_BETAS, _eps(1e-8)),
        rule=rules.adamax,
        explain=explanations.adamax,
        line=14,
    ),
    "asgd": OptimizerSpec(
        label="ASGD",
        year=1992,
        source="Polyak and Juditsky, Acceleration of Stochastic Approximation by Averaging, 1992",
        formula=r"\theta_t = (1-\lambda\eta_t)\,\theta_{t-1} - \eta_t\, g_t, \qquad "
        r"\eta_t = \frac{\eta}{(1+\lambda\eta\,(t-1))^{\alpha}}",
        help="SGD with a slowly decaying rate; the average that torch keeps aside starts only after a million steps.",
        lr=0.3,
        # Torch fixes each step's rate at the end of the step before: a schedule reaches it one step late.
        build=_plain(torch.optim.ASGD, foreach=False),
        hyperparameters=(
            Hyperparameter("lambd", 1e-4, "The decay of weights and rate (lambda).", low=0.0, high=1.0),
            Hyperparameter("alpha", 0.75, "The power of the rate's decay.", low=0.0, high=1.0),
        ),
        rule=rules.asgd,
        explain=explanations.asgd,
        line=8,
    ),
    "rprop": OptimizerSpec(
        label="Rprop",
        year=1993,
        source="Riedmiller and Braun, A direct adaptive method for faster backpropagation learning, 1993",
        formula=r"\Delta_t = \begin{cases} \min(\eta^{+}\Delta_{t-1}, \Delta_{max}) & g_t\, g_{t-1} > 0 \\ "
        r"\max(\eta^{-}\Delta_{t-1}, \Delta_{min}) & g_t\, g_{t-1} < 0 \\ \Delta_{t-1} & \text{else} \end{cases}, "
        r"\qquad \theta_t = \theta_{t-1} - \Delta_t\, \mathrm{sign}(g_t), \quad \Delta_0 = \eta, \quad "
        r"g_t := 0 \text{ after a flip}",
        help="Looks only at the gradient's sign: a weight's step grows while the sign stays, shrinks when it flips. "
        "The learning rate is the first step's size.",
        lr=3e-3,
        build=_rprop,
        hyperparameters=(
            Hyperparameter(
                "eta_minus",
                0.5,
                "The factor that shrinks a step when the sign flips.",
                low=0.0,
                high=1.0,
                open_low=True,
                open_high=True,
            ),
            Hyperparameter(
                "eta_plus",
                1.2,
                "The factor that grows a step while the sign stays.",
                low=1.0,
                high=10.0,
                open_low=True,
            ),
            Hyperparameter("step_min", 1e-6, "The smallest step.", low=0.0, high=0.01, open_low=True),
            Hyperparameter("step_max", 50.0, "The largest step.", low=0.01, high=1000.0, open_low=True),
        ),
        weight_decay="none",
        batch_size="full",
        rate_sets_every_step=False,
        rule=rules.rprop,
        explain=explanations.rprop,
        line=9,
    ),
    "muon": OptimizerSpec(
        label="Muon",
        year=2024,
        source="Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024",
        formula=r"B_t = \mu B_{t-1} + (1-\mu) G_t, \quad O_t = \mathrm{NewtonSchulz}_k((1-\mu) G_t + \mu B_t), \quad "
        r"W_t = (1-\eta\lambda)\,W_{t-1} - \eta\, \sqrt{\max(1, \tfrac{\text{rows}}{\text{columns}})}\; O_t",
        help="Turns the momentum of a weight matrix into the nearest orthogonal one, so no direction dominates.",
        lr=5e-3,
        build=_muon,
        hyperparameters=(
            _fraction("momentum", 0.95, "The share of the momentum matrix that each step keeps."),
            Hyperparameter("nesterov", True, "Look one step of the momentum ahead."),
            Hyperparameter("ns_steps", 5, "Newton-Schulz iterations (k).", low=1, high=20),
            Hyperparameter(
                "bias_optimizer", "adamw", "What steps the biases, which are no matrices.", choices=("adamw", "sgd")
            ),
            Hyperparameter(
                "bias_lr_ratio",
                0.2,
                "The biases' learning rate, as a multiple of the matrices'.",
                low=0.0,
                high=1000.0,
                open_low=True,
            ),
        ),
        matrices=True,
        weight_decay="decoupled",
        rule=rules.muon,
        explain=explanations.muon,
        line=7,
    ),
    "adafactor": OptimizerSpec(
        label="Adafactor",
        year=2018,
        source="Shazeer and Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, 2018",
        formula=r"\hat\beta_t = 1 - t^{\,\tau}, \quad R_t, C_t = \text{running row and column means of } G_t^2, \quad "
        r"U_t = \frac{G_t}{\sqrt{R_t C_t / \bar R_t}}, \quad "
        r"W_t = W_{t-1} - \alpha_t\, \frac{U_t}{\max(1, \mathrm{RMS}(U_t)/d)}, \quad "
        r"\alpha_t = \max(\epsilon, \mathrm{RMS}(W_{t-1}))\,\min(\eta, 1/\sqrt t)",
        help="Keeps one mean square per row and per column of a matrix, and steps in proportion to the weights.",
        lr=0.03,
        build=_adafactor,
        hyperparameters=(
            Hyperparameter(
                "beta2_decay", -0.8, "The power that makes the means forget less and less (tau).", low=-1.0, high=0.0
            ),
            Hyperparameter("d", 1.0, "The largest root mean square of an update.", low=1.0, high=100.0),
            Hyperparameter(
                "eps", 1e-3, "The least size that weights count as, so that zeros can move too.", low=0.0, high=1.0
            ),
        ),
        matrices=True,
        weight_decay="decoupled",
        rule=rules.adafactor,
        explain=explanations.adafactor,
        line=13,
    ),
    "lbfgs": OptimizerSpec(
        label="L-BFGS",
        year=1989,
        source="Liu and Nocedal, On the limited memory BFGS method for large scale optimization, 1989",
        formula=r"\theta_t = \theta_{t-1} - \eta\, H_t\, g_t, \qquad "
        r"H_t \approx (\nabla^2 f)^{-1} \text{ from the last } m \text{ pairs } (\Delta\theta, \Delta g)",
        help="Estimates the curvature from its last steps; one step here is several evaluations of the whole data.",
        lr=1.0,
        build=_lbfgs,
        hyperparameters=(
            Hyperparameter("max_iter", 10, "Inner iterations in one step.", low=1, high=100),
            Hyperparameter("history_size", 10, "Pairs of steps and gradients remembered (m).", low=1, high=100),
            Hyperparameter(
                "line_search",
                "strong_wolfe",
                "How the length of an inner step is chosen.",
                choices=("strong_wolfe", "none"),
            ),
        ),
        weight_decay="none",
        batch_size="full",
        full_batch_only=True,
        closure=True,
        rate_sets_every_step=False,
        line=15,
    ),
}
