"""One step of an optimizer, with the numbers that make it and the lines that show them.

The numbers come from the ``torch.optim`` object's own state before and after the step; the lines put them into the
update rule, as LaTeX.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.optimizers.rules import Array, State


def scalar(value: float) -> str:
    """Return a number in LaTeX, to four digits.

    >>> scalar(0.125), scalar(1e-8)
    ('0.125', '1 \\\\cdot 10^{-8}')
    """
    return with_power(f"{float(value):.4g}")


def with_power(number: str) -> str:
    """Return Python's text of a number in LaTeX, where an exponent is a power of ten."""
    if "e" in number:
        mantissa, exponent = number.split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return number


def vector(values: Array) -> str:
    """Return a column of two numbers in LaTeX."""
    return rf"\begin{{pmatrix}} {scalar(values[0])} \\ {scalar(values[1])} \end{{pmatrix}}"


@dataclass
class Step:
    """Step ``t``, counted from 1, of two parameters. Vectors have shape (2,).

    Attributes:
        before, after: the parameters.
        gradient: what the optimizer was given, noise included; weight decay too, once the lines are written.
        rate: the learning rate of this step.
        params: the hyper-parameters; with the arguments that the row fixes, once the lines are written.
        old, new: the optimizer's state before and after, by torch's names: one number for both parameters, or two.
        velocity: its momentum after taking the gradient in; None if it keeps none.
        scaling: what it multiplies each coordinate by; None if all alike.
        lines: the update rule in LaTeX, line by line, with the numbers put in; each has one ``&=`` to align at.
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

    def previous(self, name: str) -> Array:
        """Return a part of the state before the step; zero before the first one."""
        return self.old.get(name, np.zeros(2))

    def write(self, name: str, rule: str, numbers: str, value: Array) -> None:
        """Add the line ``name = rule = numbers = value``."""
        self.lines.append(f"{name} &= {rule} = {numbers} = {vector(value)}")

    def write_mean(self, name: str, key: str, decay: float, letter: str, new: str, value: Array) -> Array:
        """Add the line of a running mean, ``name_t = decay name_(t-1) + (1 - decay) new``, and return the mean."""
        self.write(
            f"{name}_t",
            rf"{letter}\,{name}_{{t-1}} + (1-{letter})\,{new}",
            rf"{scalar(decay)}{vector(self.previous(key))} + {scalar(1 - decay)}{vector(value)}",
            self.new[key],
        )
        return self.new[key]

    def write_scaled(self, numerator: str, value: Array, rate: float, denominator: str, root: Array) -> None:
        """Add the last line of a rule that divides by a root, and keep the scaling that it means."""
        self.scaling = 1.0 / root
        self.lines.append(
            rf"\Delta\theta &= -\eta\,\frac{{{numerator}}}{{{denominator}}} = "
            rf"-{scalar(rate)}\,{vector(value)} \Big/ {vector(root)}"
        )

    def write_gradient(self, decoupled: bool) -> None:
        """Add the first line: the gradient, with weight decay in it unless that is decoupled, and the rate."""
        if self.weight_decay and not decoupled:
            decayed = self.gradient + self.weight_decay * self.before
            self.write(
                "g_t",
                r"g_t + \lambda\,\theta_{t-1}",
                f"{vector(self.gradient)} + {scalar(self.weight_decay)}{vector(self.before)}",
                decayed,
            )
            self.gradient = decayed
        else:
            self.lines.append(f"g_t &= {vector(self.gradient)}")
        self.lines[0] += rf",\quad \eta = {scalar(self.rate)}"

    def write_result(self, decoupled: bool) -> None:
        """Add the last line: the parameters after the step."""
        start = self.before
        if decoupled and self.weight_decay:
            start = start * (1.0 - self.rate * self.weight_decay)
            self.lines.append(
                rf"\theta_{{t-1}} &\leftarrow (1-\eta\lambda)\,\theta_{{t-1}} = {vector(start)},"
                rf"\quad \lambda = {scalar(self.weight_decay)}"
            )
        numbers = f"{vector(start)} + {vector(self.after - start)} = {vector(self.after)}"
        self.lines.append(rf"\theta_t &= \theta_{{t-1}} + \Delta\theta = {numbers}")


#: Adds to a step's lines those between the gradient and the result.
Explanation = Callable[[Step], None]


def explain_by_state(step: Step) -> None:
    """Add a line for each part of the state: right for any optimizer, whatever its rule.

    A part that is neither one number nor two has no place beside two parameters and is left out.
    """
    for name, value in step.new.items():
        if value.size <= 2:
            numbers = vector(value) if value.size == 2 else scalar(value[0])
            step.lines.append(rf"\text{{{name.replace('_', ' ')}}}_t &= {numbers}")
    step.lines.append(rf"\Delta\theta &= {vector(step.update)}")
