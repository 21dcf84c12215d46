"""Two networks side by side, and several made into one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from core.analysis.evaluation import Evaluation, evaluate
from core.data import Digits
from core.training.network import Network


@dataclass(frozen=True)
class Comparison:
    """How far two networks are apart.

    Args:
        distance: the Euclidean distance of their parameter vectors.
        relative: the distance in units of the mean of their norms; two vectors at right angles, of one length, have
            the square root of 2.
        cosine: of the angle between them, from -1 to 1.
        distances: the distance of each parameter, by name.
        agreement: the share of the digits on which they say the same, from 0 to 1.
        right: (both, only the first, only the second, neither), counts of digits.
    """

    distance: float
    relative: float
    cosine: float
    distances: dict[str, float]
    agreement: float
    right: tuple[int, int, int, int]


def compare(a: Network, b: Network, digits: Digits) -> Comparison:
    """Compare two networks on the CPU. Weights are compared unit by unit, as they are numbered: two networks that
    compute the same with their hidden units in another order are far apart.
    """
    theirs = b.state_dict()
    pairs = {name: (tensor.double(), theirs[name].double()) for name, tensor in a.state_dict().items()}
    distances = {name: float((p - q).norm()) for name, (p, q) in pairs.items()}
    p, q = (torch.cat([pair[i].flatten() for pair in pairs.values()]) for i in (0, 1))
    norms = float(p.norm()), float(q.norm())
    distance = math.hypot(*distances.values())
    said_a, said_b = evaluate(a, digits).predictions, evaluate(b, digits).predictions
    right_a, right_b = said_a == digits.labels, said_b == digits.labels
    return Comparison(
        distance=distance,
        relative=2 * distance / (sum(norms) or 1.0),
        cosine=float(p @ q) / (math.prod(norms) or 1.0),
        distances=distances,
        agreement=float((said_a == said_b).double().mean()),
        right=(
            int((right_a & right_b).sum()),
            int((right_a & ~right_b).sum()),
            int((~right_a & right_b).sum()),
            int((~right_a & ~right_b).sum()),
        ),
    )


def average(networks: Sequence[Network]) -> Network:
    """The network whose parameters are the means of theirs: a uniform soup.

    Source: Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves accuracy without
    increasing inference time, 2022.

    Raises:
        ValueError: for fewer than two networks.
    """
    if len(networks) < 2:
        raise ValueError(f"models to average must be at least two, got {len(networks)}.")
    states = [network.state_dict() for network in networks]
    mean = {name: torch.stack([state[name].double() for state in states]).mean(0).float() for name in states[0]}
    soup = Network()
    soup.load_state_dict(mean)
    return soup


def between(a: Network, b: Network, digits: Digits, points: int = 11) -> list[tuple[float, Evaluation]]:
    """The networks on the straight line from ``a`` to ``b``: (share of b, its figures), both ends among them.

    A hill of the loss between them says that their average will be worse than they are.
    Source: Frankle et al., Linear mode connectivity and the lottery ticket hypothesis, 2020.
    """
    theirs, mixed, answers = b.state_dict(), Network(), []
    for i in range(points):
        share = i / (points - 1)
        mixed.load_state_dict({name: torch.lerp(t, theirs[name], share) for name, t in a.state_dict().items()})
        answers.append((share, evaluate(mixed, digits)))
    return answers
