"""How well a network does on a set of digits."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data import CLASSES, Digits
from core.network import Network, image_losses, target_table

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


@torch.no_grad()
def evaluate(network: Network, digits: Digits, loss: str = "cross_entropy") -> Evaluation:
    """The network's figures on ``digits``, which are on its device; at least one digit.

    The loss is without label smoothing, so that runs with and without it compare.
    """
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


def _outputs(network: Network, images: Tensor, loss: str) -> Tensor:
    logits = network(images.float().div_(255))
    outputs: Tensor = logits.log_softmax(1) if loss == "cross_entropy" else logits.softmax(1)
    return outputs
