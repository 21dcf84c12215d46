"""Networks between networks: the average of several, and the straight line between two."""

from collections.abc import Sequence

import torch

from core.analysis.evaluation import Evaluation, evaluate
from core.data import Digits
from core.training.network import Network


def average(networks: Sequence[Network]) -> Network:
    """Make the network whose parameters are the means of theirs: a uniform soup.

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
    """Evaluate the networks on the straight line from ``a`` to ``b``: (share of b, figures), with both ends.

    A hill of the loss between them says that their average will be worse than they are.
    Source: Frankle et al., Linear mode connectivity and the lottery ticket hypothesis, 2020.
    """
    theirs, mixed, line = b.state_dict(), Network(), []
    for i in range(points):
        share = i / (points - 1)
        mixed.load_state_dict({name: torch.lerp(t, theirs[name], share) for name, t in a.state_dict().items()})
        line.append((share, evaluate(mixed, digits)))
    return line
