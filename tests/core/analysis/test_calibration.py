import pytest
import torch

from core.analysis.calibration import calibration, refusal


def test_bins_and_error_by_hand():
    confidences = torch.tensor([0.25, 0.45, 0.55, 0.95, 1.0])
    hits = torch.tensor([False, True, False, True, True])
    found = calibration(confidences, hits, bins=2)
    assert found.edges.tolist() == [0, 0.5, 1]
    assert found.counts.tolist() == [2, 3]
    assert found.confidence.tolist() == pytest.approx([0.35, 2.5 / 3])
    assert found.accuracy.tolist() == pytest.approx([0.5, 2 / 3])
    assert found.error == pytest.approx((2 * 0.15 + 3 * (2.5 / 3 - 2 / 3)) / 5)


def test_a_bin_holds_its_upper_edge_and_an_empty_one_counts_nothing():
    found = calibration(torch.tensor([0.5, 0.5, 1.0]), torch.tensor([True, False, True]), bins=4)
    assert found.counts.tolist() == [0, 2, 0, 1]
    assert found.confidence[[0, 2]].isnan().all() and found.accuracy[[0, 2]].isnan().all()
    assert found.error == 0.0


def test_of_ten_thousand_fifteen_bins_hold_all():
    confidences = torch.rand(10_000, generator=torch.Generator().manual_seed(0))
    hits = torch.rand(10_000, generator=torch.Generator().manual_seed(1)) < confidences
    found = calibration(confidences, hits)
    assert len(found.counts) == 15 and int(found.counts.sum()) == 10_000
    # Digits that are right as often as they say: what is left is the noise of about 667 digits a bin.
    assert found.error < 0.03


def test_refusal_counts_those_at_the_threshold():
    confidences = torch.tensor([0.9, 0.5, 0.7, 0.5])
    hits = torch.tensor([True, False, True, True])
    found = refusal(confidences, hits, torch.tensor([0.0, 0.5, 0.6, 0.9, 0.95]))
    assert found.answered.tolist() == [4, 4, 2, 1, 0]
    assert found.hits.tolist() == [3, 3, 2, 1, 0]
    assert found.accuracy[:4].tolist() == [0.75, 0.75, 1.0, 1.0]
    assert found.accuracy[4].isnan()
