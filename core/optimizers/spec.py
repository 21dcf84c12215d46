"""The fields of a row of the table of optimizers."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.optim import Optimizer

from core.hyperparameters import Hyperparameter
from core.optimizers.rules import Rule
from core.optimizers.step import Explanation, Step, explain_by_state

Build = Callable[..., list[Optimizer]]

# Torch's method is wrapped so that its compiler leaves it alone, and imports that for it: 800 modules, with symbolic
# mathematics. Nothing here is compiled by it.
Optimizer.add_param_group = inspect.unwrap(Optimizer.add_param_group)  # type: ignore[method-assign]


@dataclass(frozen=True)
class OptimizerSpec:
    """One optimizer.

    Args:
        label: the name that a person reads.
        year, source: when and where it was published.
        formula: the update rule in LaTeX; g is the gradient, eta the learning rate, t the step from 1.
        help: one sentence on what it does.
        lr: the learning rate that serves this network best, found by ``benchmarks/learning_rates.py``.
        build: makes the ``torch.optim`` objects from parameters, ``lr``, ``weight_decay`` (where it has
            one) and the hyper-parameters.
        hyperparameters: what else can be set.
        weight_decay: ``"l2"`` adds the decay to the gradient, ``"decoupled"`` shrinks the weights
            directly (Loshchilov and Hutter 2019), ``"none"`` has no decay.
        default_weight_decay: the decay it is meant to be used with.
        batch_size: the batch size to start from.
        full_batch_only: whether noise in the gradient breaks its premises.
        matrices: whether it must see the weights as matrices; the others see one vector of all parameters and treat
            every weight alike.
        closure: whether one step evaluates the loss several times, through a closure.
        rate_sets_every_step: whether the length of every step is proportional to the learning rate.
        rule: the step over arrays of points; without it, surfaces step with the ``torch.optim`` objects, which is
            slower by a factor of ten or more.
        explain: writes the lines of a step with its numbers; unless given, they show the state of the torch object.
        line: its place among the lines of charts, from 0, which decides colour and dash; unless given, the next free.
    """

    label: str
    year: int
    source: str
    formula: str
    help: str
    lr: float
    build: Build
    hyperparameters: tuple[Hyperparameter, ...] = ()
    weight_decay: Literal["l2", "decoupled", "none"] = "l2"
    default_weight_decay: float = 0.0
    batch_size: int | Literal["full"] = 64
    full_batch_only: bool = False
    matrices: bool = False
    closure: bool = False
    rate_sets_every_step: bool = True
    rule: Rule | None = None
    explain: Explanation = explain_by_state
    line: int | None = None

    def create(
        self, parameters: Iterable[torch.nn.Parameter], lr: float, weight_decay: float = 0.0, **hyperparameters: Any
    ) -> list[Optimizer]:
        """Create the ``torch.optim`` objects that together step ``parameters`` once.

        Each parameter group carries ``lr_scale``: a schedule's rate times this is the group's rate.

        >>> from core.optimizers import OPTIMIZERS
        >>> (adam,) = OPTIMIZERS["adam"].create([torch.nn.Parameter(torch.zeros(2))], lr=0.01, eps=1e-6)
        >>> adam.param_groups[0]["betas"], adam.param_groups[0]["eps"]
        ((0.9, 0.999), 1e-06)
        """
        if self.weight_decay != "none":
            hyperparameters["weight_decay"] = weight_decay
        optimizers = self.build(list(parameters), lr=lr, **self.values(hyperparameters))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr_scale"] = group["lr"] / lr
        return optimizers

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every hyper-parameter's value: the default unless given."""
        return {p.name: p.default for p in self.hyperparameters} | dict(given)

    def explain_step(self, step: Step) -> None:
        """Write the lines of one step of this optimizer, which must not be one with a closure."""
        # The row may fix arguments that are no hyper-parameters, such as a variant's momentum: the object has them.
        (first, *_) = self.create([torch.nn.Parameter(torch.zeros(1, 1))], self.lr, **step.params)
        step.params = {**first.param_groups[0], **self.values(step.params)}
        decoupled = self.weight_decay == "decoupled"
        step.write_gradient(decoupled)
        self.explain(step)
        step.write_result(decoupled)
