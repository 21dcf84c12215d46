"""Conventions of networks trained elsewhere: how they want the pixels, and which output is which digit.

The lab's networks want pixels from 0 for paper to 1 for ink, row by row, and have an output for each digit from 0 to 9.
A network with other conventions is as good, but reads nothing here. The test set shows which it has. A scale, a shift
and a permutation are linear, so the first layer takes them up exactly, and the last layer a permutation of the digits.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.analysis.evaluation import confusion_matrix
from core.data import CLASSES, PIXELS, Digits
from core.handwriting.preprocessing import SIDE
from core.training.network import Network

#: What becomes of a pixel x from 0 to 1 on the way into the network: (words, scale, shift), x * scale + shift.
RANGES = (
    ("pixels from 0 to 1", 1.0, 0.0),
    ("pixels normalised with mean 0.1307 and deviation 0.3081", 1 / 0.3081, -0.1307 / 0.3081),
    ("pixels from -1 to 1", 2.0, -1.0),
    ("pixels from 0 to 255", 255.0, 0.0),
)
#: Another convention is clearly better if it reads so many more of the test digits, as a share, and leaves at most so
#: large a part of the mistakes. The first is seven standard errors at 98%; without the second, the best of so many
#: would by chance be better for a network that only guesses.
MORE_DIGITS, MISTAKES_LEFT = 0.01, 0.75
#: Conventions that differ by a scale alone read nearly the same digits, but are not as sure of them. Of those within so
#: large a share of the best and with at most so many times the lowest loss, the one that is listed first is chosen.
AS_GOOD, AS_SURE = 0.0005, 2.0
#: A network that reads fewer in every convention has something else that the lab does not know.
READS = 0.5
IN_ORDER = tuple(range(CLASSES))


@dataclass(frozen=True)
class Convention:
    """Form of a network's inputs and outputs.

    Args:
        scale, shift: its pixels are x * scale + shift, where x is from 0 for paper to 1 for ink.
        transposed: its pixels are column by column, as EMNIST's files have them.
        digits: the digit that each output stands for.
        words: of the pixels' range, for people.
    """

    scale: float = 1.0
    shift: float = 0.0
    transposed: bool = False
    digits: tuple[int, ...] = IN_ORDER
    words: str = RANGES[0][0]

    @property
    def label(self) -> str:
        """All of it in words, such as ``pixels from -1 to 1, transposed``."""
        turned = ", transposed" if self.transposed else ""
        order = "" if self.digits == IN_ORDER else f", outputs in the order {' '.join(map(str, self.digits))}"
        return f"{self.words}{turned}{order}"


@dataclass(frozen=True)
class Finding:
    """Result of trying a network on the test set.

    Args:
        as_is: share of the test digits that the network reads as the lab's own do, from 0 to 1.
        accuracy: share that it reads in ``convention``, which is the best.
    """

    convention: Convention
    as_is: float
    accuracy: float

    @property
    def clearly_better(self) -> bool:
        """True if the network should be converted, by the rule at ``MORE_DIGITS``."""
        better = self.accuracy >= self.as_is + MORE_DIGITS
        return better and 1 - self.accuracy <= MISTAKES_LEFT * (1 - self.as_is)

    @property
    def sentence(self) -> str:
        """Sentence on it for people; "" where nothing is to be said."""
        if self.clearly_better:
            return (
                f"As it is, the network reads {self.as_is:.2%} of the test digits; given what it was trained on, "
                f"{self.convention.label}, it reads {self.accuracy:.2%}."
            )
        if self.as_is < READS:
            return (
                f"The network reads only {self.as_is:.2%} of the test digits, and hardly more in any usual convention "
                "of pixels and outputs: perhaps its hidden units are no ReLU, or it was trained on something else."
            )
        return ""


def usual() -> list[Convention]:
    """List the conventions that are tried, the lab's own first: ranges, dark on light, transposed."""
    found = []
    for transposed in (False, True):
        for words, scale, shift in RANGES:
            found.append(Convention(scale, shift, transposed, words=words))
            found.append(Convention(-scale, scale + shift, transposed, words=f"{words}, dark on light"))
    return found


@torch.no_grad()
def find(network: Network, digits: Digits) -> Finding:
    """Try the network in each usual convention, each with its outputs in the order that its answers suggest.

    Args:
        digits: to try it on, at least one; the 10,000 test digits.
    """
    hidden_weight, hidden_bias, output_weight, output_bias = network.state_dict().values()
    images = digits.images.float().div_(255)
    # All ranges share one product: W (s x + t) + b = s (W x) + t (W 1) + b.
    products = {turned: images @ _columns(hidden_weight, turned).T for turned in (False, True)}
    sums = hidden_weight.sum(1)
    tried = []
    for convention in usual():
        hidden = products[convention.transposed] * convention.scale
        hidden += convention.shift * sums + hidden_bias
        logits = torch.addmm(output_bias, hidden.relu_(), output_weight.T)
        matrix = confusion_matrix(digits.labels, logits.argmax(1))
        order = _order(matrix)
        right = float(matrix[list(order), range(CLASSES)].sum()) / len(digits)
        loss = float(torch.nn.functional.cross_entropy(logits, torch.tensor(order).argsort()[digits.labels]))
        # Huge weights make it NaN, which is no less than anything.
        tried.append((right, math.inf if math.isnan(loss) else loss, replace(convention, digits=order)))
        if len(tried) == 1:
            as_is = float(matrix.diag().sum()) / len(digits)
    best = max(right for right, _, _ in tried)
    good = [one for one in tried if one[0] >= best - AS_GOOD]
    lowest = min(loss for _, loss, _ in good)
    accuracy, _, convention = next(one for one in good if one[1] <= AS_SURE * lowest)
    return Finding(convention, as_is, accuracy)


def fold(network: Network, convention: Convention) -> Network:
    """Make the network that answers to the lab's pixels as this one does to those of its convention.

    W' = s W P and b' = b + t W 1, where P puts the pixels into the lab's order; in float64, then rounded once.
    """
    weights = {name: tensor.double() for name, tensor in network.state_dict().items()}
    order = list(convention.digits)
    folded = {
        "0.weight": convention.scale * _columns(weights["0.weight"], convention.transposed),
        "0.bias": weights["0.bias"] + convention.shift * weights["0.weight"].sum(1),
        "2.weight": torch.empty_like(weights["2.weight"]),
        "2.bias": torch.empty_like(weights["2.bias"]),
    }
    for name in ("2.weight", "2.bias"):
        folded[name][order] = weights[name]
    made = Network()
    made.load_state_dict(folded)
    return made


def _columns(weights: Tensor, transposed: bool) -> Tensor:
    """(128, 784): the weights of the first layer with a column for each of the lab's pixels."""
    if not transposed:
        return weights
    return weights.view(-1, SIDE, SIDE).transpose(1, 2).reshape(-1, PIXELS)


def _order(matrix: Tensor) -> tuple[int, ...]:
    """Return the digit that each output stands for, by the (10, 10) counts; 0 to 9 unless that is a permutation."""
    order = tuple(matrix.argmax(0).tolist())
    return order if sorted(order) == list(IN_ORDER) else IN_ORDER
