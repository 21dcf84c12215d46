import pytest
import torch
from torch.nn import functional as F

from core.analysis.evaluation import class_scores, confusion_matrix, evaluate, wilson_interval
from core.training.network import Network


@pytest.mark.parametrize("n", [1, 1999, 2000, 5001])
def test_equals_plain_torch(mnist, n):
    network, digits = Network(0), mnist.test[:n]
    with torch.no_grad():
        logits = network(digits.images.float() / 255)
    hits = int((logits.argmax(1) == digits.labels).sum())
    result = evaluate(network, digits)
    assert result.loss == pytest.approx(F.cross_entropy(logits, digits.labels).item(), rel=1e-5)
    assert result.accuracy == hits / n
    assert torch.allclose(result.probabilities, logits.softmax(1), atol=1e-6)
    assert torch.equal(result.predictions, logits.argmax(1))
    squares = evaluate(network, digits, "mse")
    assert squares.loss == pytest.approx(
        F.mse_loss(logits.softmax(1), F.one_hot(digits.labels, 10).float()).item(), rel=1e-5
    )
    assert squares.accuracy == result.accuracy
    assert torch.allclose(squares.probabilities, result.probabilities, atol=1e-6)


def test_leaves_the_network_alone(mnist):
    network = Network(0)
    before = [p.clone() for p in network.parameters()]
    result = evaluate(network, mnist.test[:10])
    assert all(map(torch.equal, before, network.parameters()))
    assert all(p.grad is None for p in network.parameters()) and not result.probabilities.requires_grad


def test_confusion_matrix_by_hand():
    labels, predictions = torch.tensor([0, 0, 1, 9, 9, 9]), torch.tensor([0, 1, 1, 9, 4, 9])
    matrix = confusion_matrix(labels, predictions)
    expected = torch.zeros(10, 10, dtype=torch.int64)
    expected[0, 0] = expected[0, 1] = expected[1, 1] = expected[9, 4] = 1
    expected[9, 9] = 2
    assert torch.equal(matrix, expected)


def test_class_scores_by_hand():
    matrix = torch.zeros(10, 10, dtype=torch.int64)
    matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1] = 6, 2, 1, 3
    scores = class_scores(matrix)
    assert scores.precision[:2].tolist() == pytest.approx([6 / 7, 3 / 5])
    assert scores.recall[:2].tolist() == pytest.approx([6 / 8, 3 / 4])
    assert scores.f1[:2].tolist() == pytest.approx([12 / 15, 6 / 9])
    assert all(scores.precision[2:].isnan()) and all(scores.recall[2:].isnan())


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_is_the_published_one(hits, n, low, high):
    assert wilson_interval(hits, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(n - hits, n) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_confidence_is_the_answers_probability(mnist):
    result = evaluate(Network(0), mnist.test[:50])
    assert torch.equal(result.confidences, result.probabilities.gather(1, result.predictions[:, None])[:, 0])
