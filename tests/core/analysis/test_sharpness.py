import pytest
import torch

from core import data
from core.analysis.diagnostics import diagnose
from core.analysis.findings import beyond_stability
from core.analysis.hessian import largest_eigenvalue
from core.analysis.sharpness import SAMPLE, largest_stable_rate, sharpness, sharpness_sample
from core.runs.curves import Curves
from core.training.config import RunConfig
from core.training.network import Network


def test_the_sample_is_spread_evenly_over_what_the_default_split_leaves() -> None:
    sample = sharpness_sample()
    assert len(sample) == SAMPLE == 1_000
    train = data.load().train
    assert torch.equal(sample.images, train.images[:48_000:48]) and torch.equal(sample.labels, train.labels[:48_000:48])


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_a_diagnosis_and_the_findings_have_the_very_same_figure(trained: Network, loss: str) -> None:
    measured = sharpness(trained, loss)
    diagnosis = diagnose(trained, loss, 10)
    assert measured.converged and diagnosis.sharpness == measured.value
    assert diagnosis.largest_stable_rate == measured.largest_stable_rate == 2 / measured.value
    curves = Curves()
    for factor, found in ((1.01, True), (0.99, False)):
        curves.rates = torch.tensor([factor * measured.largest_stable_rate]).double().numpy()
        finding = beyond_stability(RunConfig(optimizer="sgd"), curves, [diagnosis])
        assert (finding is not None) == found
        assert not finding or f"beyond the stable {measured.largest_stable_rate:.3g}" in finding.sentence


def test_its_tolerance_leaves_three_digits(trained: Network) -> None:
    sample = sharpness_sample()
    for network in (trained, Network(0)):
        exact = largest_eigenvalue(network, sample.images, sample.labels, tolerance=1e-5)
        assert sharpness(network, "cross_entropy").value == pytest.approx(exact.value, rel=2e-4)


def test_where_the_loss_does_not_curve_upwards_any_rate_is_stable() -> None:
    assert largest_stable_rate(0.0) == largest_stable_rate(-1.0) == largest_stable_rate(float("nan")) == float("inf")
    assert largest_stable_rate(4.0) == 0.5
