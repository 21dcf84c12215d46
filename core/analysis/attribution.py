"""Attribution of an answer: the share of each hidden unit and each pixel in it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.training.network import Network


@dataclass(frozen=True)
class Attribution:
    """Parts of a network's answer, and of the lead of its logit over the runner-up's.

    With ReLU the logits are linear around an image, so both sums are exact:
    ``pixels.sum() + biases == units.sum() + output_bias == lead``.

    Args:
        hidden: (128,) the activations; logits: (10,).
        answer, runner_up: the two likeliest classes.
        pixels: (784,) the gradient of the lead times the input; zero where there is no ink.
        biases: the gradient of the lead times the biases of both layers, summed.
        units: (128,) the gradient of the lead times the activations.
        output_bias: what the second layer's biases add to the lead.
    """

    hidden: Tensor
    logits: Tensor
    answer: int
    runner_up: int
    pixels: Tensor
    biases: float
    units: Tensor
    output_bias: float

    @property
    def probabilities(self) -> Tensor:
        """(10,)"""
        return self.logits.softmax(0)

    @property
    def lead(self) -> float:
        return float(self.logits[self.answer] - self.logits[self.runner_up])


@torch.no_grad()
def attribute(network: Network, image: Tensor) -> Attribution:
    """Gradient times input, for the answer against the runner-up.

    Source: Shrikumar et al., Not Just a Black Box, 2016, section 2.3.

    Args:
        image: (784,) uint8, on the network's device.
    """
    w1, b1, w2, b2 = network.parameters()
    pixels = image.float() / 255
    hidden = (w1 @ pixels + b1).relu()
    logits = w2 @ hidden + b2
    answer, runner_up = logits.topk(2).indices.tolist()
    weights = w2[answer] - w2[runner_up]
    to_hidden = weights * (hidden > 0)
    output_bias = float(b2[answer] - b2[runner_up])
    return Attribution(
        hidden=hidden,
        logits=logits,
        answer=answer,
        runner_up=runner_up,
        pixels=(to_hidden @ w1) * pixels,
        biases=float(to_hidden @ b1) + output_bias,
        units=weights * hidden,
        output_bias=output_bias,
    )
