import pytest
import torch
from torch.nn import functional as F

from core.evaluation import confusion_matrix, evaluate
from core.network import Network


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
