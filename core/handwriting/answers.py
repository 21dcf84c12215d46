"""A network's answer for one drawn digit: its probabilities, and how they changed during a run."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data import CLASSES, PIXELS
from core.handwriting.preprocessing import Bytes
from core.training.network import HIDDEN, SIZES, Network

#: Below this probability the answer is called not sure; what that refuses of digits and other things is in
#: benchmarks/LOG.md.
SURE = 0.85


@dataclass(frozen=True)
class Answer:
    """Ten probabilities, (10,) from 0 to 1; ``doubt`` is a sentence if this can hardly be a digit, else ""."""

    probabilities: NDArray[np.float32]
    doubt: str = ""

    @property
    def digit(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def runner_up(self) -> int:
        return int(self.probabilities.argsort()[-2])

    @property
    def probability(self) -> float:
        """Probability of the digit."""
        return float(self.probabilities.max())

    @property
    def sure(self) -> bool:
        return self.probability >= SURE and not self.doubt

    @property
    def note(self) -> str:
        """Return why the answer is not sure, in one sentence; "" if it is."""
        if self.sure:
            return ""
        first, second = (f"{d} with {100 * self.probabilities[d]:.1f}%" for d in (self.digit, self.runner_up))
        return self.doubt or f"{first}, or {second}."


@torch.no_grad()
def answer(network: Network, digit: Bytes, doubt: str = "") -> Answer:
    """Return the network's answer for a (28, 28) uint8 digit; softmax, which both losses train."""
    logits = network(_pixels(digit).view(1, PIXELS))
    return Answer(logits.softmax(1)[0].numpy(), doubt)


@torch.no_grad()
def answers_along(parameters: Tensor, digit: Bytes) -> NDArray[np.float32]:
    """Return the (k, 10) probabilities for one (28, 28) uint8 digit at each of k places of a run.

    Args:
        parameters: (k, 101770) float32, the network's weights and biases as one vector each, in the order of
            ``Network.parameters()``.
    """
    w1, b1, w2, b2 = parameters.split(SIZES, 1)
    hidden = (w1.view(-1, HIDDEN, PIXELS) @ _pixels(digit) + b1).relu()
    logits = (w2.view(-1, CLASSES, HIDDEN) @ hidden[:, :, None])[:, :, 0] + b2
    probabilities: NDArray[np.float32] = logits.softmax(1).numpy()
    return probabilities


def _pixels(digit: Bytes) -> Tensor:
    return torch.from_numpy(digit.reshape(-1).astype(np.float32) / 255)
