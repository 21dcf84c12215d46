"""Figures of the reference network, read from its file and measured, so that no test repeats them."""

from functools import cache

import torch

from core import data
from core.analysis.evaluation import evaluate
from core.models.checkpoints import load_parameters
from core.paths import ROOT

REFERENCE = ROOT / "models" / "reference.safetensors"


@cache
def accuracies() -> tuple[float, float]:
    """Return its test accuracy, and that of its twin for dark ink on light paper when it sees the lab's pixels."""
    network, metadata = load_parameters(REFERENCE)
    right = evaluate(network, data.load().test).accuracy
    assert right == metadata["test_accuracy"]
    with torch.no_grad():
        network[0].bias += network[0].weight.sum(1)
        network[0].weight *= -1
    return right, evaluate(network, data.load().test).accuracy


def percent(share: float) -> str:
    return f"{100 * share:.2f}%"
