"""The network of the lab, 784-128-10 with ReLU, and its gradient written out by hand."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.cuda_graphs import record
from core.data import CLASSES, PIXELS

HIDDEN = 128
#: First weights as multiples of Glorot's.
GAINS = {"glorot": 1.0, "small": 0.01, "large": 10.0, "zero": 0.0}


class Network(nn.Sequential):
    """An ordinary module: ``network(images)`` gives logits and autograd works.

    ``images`` are floats from 0 to 1, (n, 784) or (n, 28, 28); the logits are (n, 10). The parameters are
    named as in ``nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))``, which can load them.

    Weights start uniform, biases at zero; the same ``seed`` gives the same weights on every device.

    Args:
        initialization: the range of the first weights: ``glorot`` +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio
            2010, as in Keras), ``he`` +-sqrt(6 / inputs) (He et al. 2015), ``small``, ``large`` and ``zero`` Glorot's
            times ``GAINS``. Of one seed, they are the same random numbers on another scale.
    """

    def __init__(self, seed: int = 0, initialization: str = "glorot") -> None:
        hidden, output = _Linear(PIXELS, HIDDEN), _Linear(HIDDEN, CLASSES)
        super().__init__(hidden, nn.ReLU(), output)
        generator = torch.Generator().manual_seed(seed)
        for layer in (hidden, output):
            if initialization == "he":
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            else:
                nn.init.xavier_uniform_(layer.weight, GAINS[initialization], generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = super().forward(images.flatten(1))  # type: ignore[no-untyped-call]
        return logits


class _Linear(nn.Linear):
    # As torch's own skip_init, which imports 39 MB for it.
    def reset_parameters(self) -> None:
        """Leave the parameters as they are: the network gives them their first values."""


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
        self._loss = loss
        self._views: dict[int, _Buffers] = {}
        for parameter in network.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        # Detached, so that no step has to switch autograd off.
        self._w1, self._b1, self._w2, self._b2 = (p.detach() for p in network.parameters())
        self._dw1, self._db1, self._dw2, self._db2 = (p.grad for p in network.parameters())
        self._w1_t, self._w2_t = self._w1.t(), self._w2.t()
        self._buffers = _Buffers(
            hidden=self._w1.new_empty(size, HIDDEN),
            d_hidden=self._w1.new_empty(size, HIDDEN),
            logits=self._w1.new_empty(size, CLASSES),
            d_logits=self._w1.new_empty(size, CLASSES),
            ones=self._w1.new_ones(size),
        )

    def __call__(self, images: Tensor, targets: Tensor, outputs: Tensor) -> None:
        """Write the mean loss's gradient at the current parameters, and the logits.

        Args:
            images: (n, 784) float, n at most ``size``.
            targets: (n, 10) float, each row summing to 1.
            outputs: (n, 10) receives the log-probabilities (cross-entropy) or probabilities (mse);
                ``image_losses`` turns them into losses.
        """
        n = len(images)
        if n not in self._views:
            self._views[n] = self._buffers.first(n)
        hidden, d_hidden, logits, d_logits, ones = self._views[n]
        torch.addmm(self._b1, images, self._w1_t, out=hidden).relu_()
        torch.addmm(self._b2, hidden, self._w2_t, out=logits)
        if self._loss == "cross_entropy":
            torch.log_softmax(logits, 1, out=outputs)
            torch.exp(outputs, out=d_logits).sub_(targets).mul_(1.0 / n)
        else:
            torch.softmax(logits, 1, out=outputs)
            difference = torch.sub(outputs, targets, out=logits).mul_(2.0 / (n * CLASSES))
            torch._softmax_backward_data(difference, outputs, 1, torch.float32, grad_input=d_logits)
        d_logits_t, d_hidden_t = d_logits.t(), d_hidden.t()
        torch.mm(d_logits_t, hidden, out=self._dw2)
        torch.mv(d_logits_t, ones, out=self._db2)
        torch.mm(d_logits, self._w2, out=d_hidden)
        torch.ops.aten.threshold_backward.grad_input(d_hidden, hidden, 0, grad_input=d_hidden)
        torch.mm(d_hidden_t, images, out=self._dw1)
        torch.mv(d_hidden_t, ones, out=self._db1)


class RecordedGradient:
    """The same gradient on a CUDA device by a graph for each number of images, with its own copies of the batch."""

    def __init__(self, gradient: HandGradient, size: int, device: torch.device) -> None:
        self._gradient, self._device = gradient, device
        self._images = torch.empty(size, PIXELS, device=device)
        self._targets, self._outputs = (torch.empty(size, CLASSES, device=device) for _ in range(2))
        self._replays: dict[int, Callable[[], None]] = {}

    def __call__(self, images: Tensor, targets: Tensor, outputs: Tensor) -> None:
        """Do what the gradient does."""
        n = len(images)
        batch = self._images[:n], self._targets[:n], self._outputs[:n]
        batch[0].copy_(images)
        batch[1].copy_(targets)
        if n not in self._replays:
            self._replays[n] = record(lambda: self._gradient(*batch), (), self._device)
        self._replays[n]()
        outputs.copy_(batch[2])


class _Buffers(NamedTuple):
    """Buffers for the intermediate results of a step, one row per image."""

    hidden: Tensor
    d_hidden: Tensor
    logits: Tensor
    d_logits: Tensor
    ones: Tensor

    def first(self, n: int) -> "_Buffers":
        """Return views of the same memory for batches of n images."""
        return _Buffers(*(buffer[:n] for buffer in self))


def flatten(network: Network) -> nn.Parameter:
    """Return one vector of all parameters, and in its ``.grad`` all gradients; the network's own become views of it.

    An optimizer that treats every weight alike then takes one step instead of one for each parameter. The vector is in
    the order of ``by_pixel``.
    """
    flat = nn.Parameter(by_pixel(to_flat(network)))
    flat.grad = torch.zeros_like(flat)
    start = 0
    for name, parameter in network.named_parameters():
        end = start + parameter.numel()
        for vector, attribute in ((flat.detach(), "data"), (flat.grad, "grad")):
            part = vector[start:end]
            first = name == "0.weight"
            setattr(parameter, attribute, part.view(PIXELS, HIDDEN).t() if first else part.view_as(parameter))
        start = end
    return flat


def by_pixel(tensor: Tensor) -> Tensor:
    """Return a tensor in the order in which steps are taken: the 128 weights of a pixel side by side in memory.

    Args:
        tensor: all parameters as a vector (101770,), or the first layer's matrix (128, 784), which keeps its shape; any
            other is returned as it is.
    """
    if tensor.shape == (HIDDEN, PIXELS):
        return tensor.t().contiguous().t()
    return _transposed(tensor, HIDDEN, PIXELS)


def by_unit(tensor: Tensor) -> Tensor:
    """Invert ``by_pixel``: back to the order of the parameters, each row by row, as files have it."""
    if tensor.shape == (HIDDEN, PIXELS):
        return tensor.contiguous()
    return _transposed(tensor, PIXELS, HIDDEN)


def _transposed(vector: Tensor, rows: int, columns: int) -> Tensor:
    """Transpose the first layer's weights within a vector of all parameters."""
    if vector.shape != (sum(SIZES),):
        return vector
    first = vector[: rows * columns].view(rows, columns).t()
    return torch.cat((first.reshape(-1), vector[rows * columns :]))


def parameter_shapes() -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes, in their order."""
    return {
        "0.weight": (HIDDEN, PIXELS),
        "0.bias": (HIDDEN,),
        "2.weight": (CLASSES, HIDDEN),
        "2.bias": (CLASSES,),
    }


#: Numbers of each parameter.
SIZES = tuple(math.prod(shape) for shape in parameter_shapes().values())


def to_flat(network: Network) -> Tensor:
    """(101770,): a copy of all parameters as one vector, in their order, each row by row."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in network.parameters()])


def from_flat(flat: Tensor) -> Network:
    """Make the network with these (101770,) parameters, which are copied."""
    network = Network().to(flat.device)
    nn.utils.vector_to_parameters(flat.clone(), network.parameters())
    return network


def image_losses(outputs: Tensor, targets: Tensor, loss: str) -> Tensor:
    """Return the loss of each image, from the logits that ``HandGradient`` wrote.

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
