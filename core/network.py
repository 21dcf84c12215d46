"""The network of the lab, 784-128-10 with ReLU, and its gradient written out by hand."""

import torch
from torch import Tensor, nn

from core.data import CLASSES, PIXELS

HIDDEN = 128


class Network(nn.Sequential):
    """An ordinary module: ``network(images)`` gives logits and autograd works.

    ``images`` are floats from 0 to 1, (n, 784) or (n, 28, 28); the logits are (n, 10). The parameters are
    named as in ``nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))``, which can load them.

    Weights start uniform in +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010), biases at zero, as in
    Keras; the same ``seed`` gives the same weights on every device.
    """

    def __init__(self, seed: int = 0) -> None:
        hidden = nn.utils.skip_init(nn.Linear, PIXELS, HIDDEN)
        output = nn.utils.skip_init(nn.Linear, HIDDEN, CLASSES)
        super().__init__(hidden, nn.ReLU(), output)
        generator = torch.Generator().manual_seed(seed)
        for layer in (hidden, output):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = super().forward(images.flatten(1))  # type: ignore[no-untyped-call]
        return logits


class HandGradient:
    """The gradient of a batch's mean loss, written into the parameters' ``.grad`` without autograd.

    All buffers are made once, for batches of up to ``size`` images. With X (n, 784) the images, T (n, 10) the
    targets, H = relu(X W1' + b1) and Z = H W2' + b2:

    - cross-entropy: L = -sum(T * log softmax(Z)) / n, so dL/dZ = (softmax(Z) - T) / n for targets that sum to 1;
    - mse: P = softmax(Z), L = sum((P - T)^2) / 10n, so dL/dZ = P * (G - sum(G * P)) with G = 2 (P - T) / 10n;
    - dW2 = dZ' H, db2 = dZ' 1, dH = dZ W2 where H > 0 and 0 elsewhere, dW1 = dH' X, db1 = dH' 1.

    Source: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.5.
    """

    def __init__(self, network: Network, size: int, loss: str) -> None:
        first, _, second = network
        assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
        self._loss = loss
        self._parameters = (first.weight, first.bias, second.weight, second.bias)
        for parameter in self._parameters:
            parameter.grad = torch.zeros_like(parameter)
        like = first.weight.detach()
        self._hidden = like.new_empty(size, HIDDEN)
        self._logits = like.new_empty(size, CLASSES)
        self._d_logits = like.new_empty(size, CLASSES)
        self._difference = like.new_empty(size, CLASSES)
        self._d_hidden = like.new_empty(size, HIDDEN)
        self._ones = like.new_ones(size)

    @torch.no_grad()
    def __call__(self, images: Tensor, targets: Tensor, outputs: Tensor) -> None:
        """Write the mean loss's gradient at the current parameters, and what the network answered.

        Args:
            images: (n, 784) float, n at most ``size``.
            targets: (n, 10) float, each row summing to 1.
            outputs: (n, 10) receives the log-probabilities (cross-entropy) or probabilities (mse);
                ``image_losses`` turns them into losses.
        """
        n = len(images)
        w1, b1, w2, b2 = self._parameters
        hidden, d_hidden = self._hidden[:n], self._d_hidden[:n]
        logits, d_logits = self._logits[:n], self._d_logits[:n]
        torch.addmm(b1, images, w1.t(), out=hidden).relu_()
        torch.addmm(b2, hidden, w2.t(), out=logits)
        if self._loss == "cross_entropy":
            torch.log_softmax(logits, 1, out=outputs)
            torch.exp(outputs, out=d_logits).sub_(targets).mul_(1.0 / n)
        else:
            torch.softmax(logits, 1, out=outputs)
            difference = torch.sub(outputs, targets, out=self._difference[:n]).mul_(2.0 / (n * CLASSES))
            torch._softmax_backward_data(difference, outputs, 1, torch.float32, grad_input=d_logits)
        torch.mm(d_logits.t(), hidden, out=w2.grad)
        torch.mv(d_logits.t(), self._ones[:n], out=b2.grad)
        torch.mm(d_logits, w2, out=d_hidden)
        torch.ops.aten.threshold_backward.grad_input(d_hidden, hidden, 0, grad_input=d_hidden)
        torch.mm(d_hidden.t(), images, out=w1.grad)
        torch.mv(d_hidden.t(), self._ones[:n], out=b1.grad)


def image_losses(outputs: Tensor, targets: Tensor, loss: str) -> Tensor:
    """The loss of each image, from what ``HandGradient`` wrote.

    Args:
        outputs, targets: (n, 10).

    Returns:
        (n,) whose mean over a batch is the batch's loss.
    """
    if loss == "cross_entropy":
        return -(outputs * targets).sum(1)
    return (outputs - targets).square().mean(1)


def target_table(smoothing: float) -> Tensor:
    """(10, 10): row y is the target of label y, 1 - smoothing on y and smoothing / 10 added to all."""
    return torch.eye(CLASSES) * (1.0 - smoothing) + smoothing / CLASSES
