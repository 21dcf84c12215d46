"""What each pixel of a digit adds to the network's answer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.network import Network


@dataclass(frozen=True)
class Attribution:
    """The lead of the answer's logit over the runner-up's, taken apart.

    With ReLU the logits are linear around an image, so gradient times input leaves out only what the biases add:
    ``pixels.sum() + biases`` is the lead.

    Args:
        answer, runner_up: the two classes.
        pixels: (784,) the gradient of the lead times the input; zero where there is no ink.
        biases: the gradient of the lead times the biases, summed.
    """

    answer: int
    runner_up: int
    pixels: Tensor
    biases: float


@torch.no_grad()
def gradient_times_input(network: Network, image: Tensor) -> Attribution:
    """What each pixel adds for the answer against the runner-up.

    Source: Shrikumar et al., Not Just a Black Box, 2016, section 2.3.

    Args:
        image: (784,) uint8.
    """
    w1, b1, w2, b2 = network.parameters()
    pixels = image.float() / 255
    before = w1 @ pixels + b1
    logits = w2 @ before.relu() + b2
    answer, runner_up = logits.topk(2).indices.tolist()
    to_hidden = (w2[answer] - w2[runner_up]) * (before > 0)
    return Attribution(
        answer=answer,
        runner_up=runner_up,
        pixels=(to_hidden @ w1) * pixels,
        biases=float(to_hidden @ b1 + b2[answer] - b2[runner_up]),
    )
