"""Loss, accuracy, confusion and intervals of a network on a set of digits."""

from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from core.compiled import AVAILABLE
from core.data import CLASSES, Digits
from core.training.network import Network, image_losses, target_table
from core.training.sparse import sparse_outputs

#: Images a forward pass takes at once: large enough to be fast, small enough to stay in the cache.
CHUNK = 2_000


@dataclass(frozen=True)
class Evaluation:
    """Mean loss, accuracy from 0 to 1, and (n, 10) class probabilities."""

    loss: float
    accuracy: float
    probabilities: Tensor

    @property
    def predictions(self) -> Tensor:
        """(n,) the likeliest class of each image."""
        return self.probabilities.argmax(1)

    @property
    def confidences(self) -> Tensor:
        """(n,) the probability of the likeliest class, from 0.1 to 1."""
        return self.probabilities.amax(1)


@dataclass(frozen=True)
class ClassScores:
    """Each (10,), from 0 to 1. Precision is NaN for a class that was never predicted, recall for one with no digits."""

    precision: Tensor
    recall: Tensor
    f1: Tensor


@torch.no_grad()
def evaluate(network: Network, digits: Digits, loss: str = "cross_entropy") -> Evaluation:
    """Compute the network's figures on ``digits``, which are on its device; at least one digit.

    The loss is without label smoothing, so that runs with and without it compare.
    """
    if AVAILABLE and digits.images.device.type == "cpu":
        outputs = sparse_outputs(network, digits.ink, loss)
    else:
        outputs = torch.cat([_outputs(network, chunk, loss) for chunk in digits.images.split(CHUNK)])
    targets = target_table(0.0).to(outputs.device)[digits.labels]
    probabilities = outputs.exp() if loss == "cross_entropy" else outputs
    hits = outputs.argmax(1) == digits.labels
    return Evaluation(
        loss=float(image_losses(outputs, targets, loss).mean()),
        accuracy=int(hits.sum()) / len(digits),
        probabilities=probabilities,
    )


def confusion_matrix(labels: Tensor, predictions: Tensor) -> Tensor:
    """(10, 10) counts: row is the true class, column the predicted one."""
    return torch.bincount(labels * CLASSES + predictions, minlength=CLASSES**2).view(CLASSES, CLASSES)


def class_scores(matrix: Tensor) -> ClassScores:
    """Compute precision, recall and F1 of each class from (10, 10) counts as ``confusion_matrix`` makes them.

    F1 is 2 TP / (2 TP + FP + FN), the harmonic mean of the two (van Rijsbergen, Information Retrieval, 1979, ch. 7).
    """
    right, true, predicted = matrix.diag(), matrix.sum(1), matrix.sum(0)
    return ClassScores(right / predicted, right / true, 2 * right / (true + predicted))


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95% interval of shares from 0 to 1 that ``hits`` of ``n`` (at least 1) are compatible with.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22, 1927.
    """
    z = NormalDist().inv_cdf(0.5 + 0.95 / 2)
    share = hits / n
    centre = share + z**2 / (2 * n)
    half = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return max(0.0, (centre - half) / (1 + z**2 / n)), min(1.0, (centre + half) / (1 + z**2 / n))


def _outputs(network: Network, images: Tensor, loss: str) -> Tensor:
    logits = network(images.float().div_(255))
    outputs: Tensor = logits.log_softmax(1) if loss == "cross_entropy" else logits.softmax(1)
    return outputs
