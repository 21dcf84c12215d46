"""The network's gradient and its outputs by products with inked pixels alone, compiled for one core.

The same mathematics as ``HandGradient``, its oracle, in the same float32; where additions are in another order, results
differ in their last digits. A batch is worked on ``IMAGES`` images at a time, so that what they need stays in the
nearest caches.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.compiled import compiled
from core.data import CLASSES, PIXELS
from core.ink import BANDS, Ink
from core.optimizers import weightwise
from core.optimizers.fast import LoopStep
from core.training.network import HIDDEN, Network

IMAGES = 64
_WEIGHTS = PIXELS * HIDDEN
_OUTPUT = _WEIGHTS + HIDDEN
_BIAS = _OUTPUT + CLASSES * HIDDEN

Floats = NDArray[np.float32]


def _room() -> tuple[Any, ...]:
    """Return room for ``IMAGES`` images: ends, pixels and values of their lists, hidden units and their gradient."""
    # Torch allocates on the boundary of a cache line, NumPy does not: rows across two lines would halve the speed.
    return (
        torch.empty(IMAGES, BANDS + 1, dtype=torch.int32).numpy(),
        torch.empty(IMAGES * PIXELS, dtype=torch.uint16).numpy(),
        torch.empty(IMAGES * PIXELS).numpy(),
        torch.empty(IMAGES, HIDDEN).numpy(),
        torch.empty(IMAGES, HIDDEN).numpy(),
    )


class SparseGradient:
    """The gradient of a batch's mean loss, written into ``flat.grad``; as ``HandGradient``, for the CPU.

    Args:
        flat: all parameters, from ``flatten``.
        loss: ``cross_entropy`` or ``mse``.
    """

    def __init__(self, flat: nn.Parameter, loss: str) -> None:
        assert flat.grad is not None
        self._weights, self._gradient = flat.detach().numpy(), flat.grad.numpy()
        self._cross_entropy = loss == "cross_entropy"
        self._room = _room()

    def __call__(self, ink: Ink, rows: NDArray[np.int64], targets: Tensor, outputs: Tensor) -> None:
        """Write the mean loss's gradient at the current parameters, and the batch's outputs.

        Args:
            ink: of some images.
            rows: (n,) which of them are the batch.
            targets: (n, 10) float, each row summing to 1.
            outputs: (n, 10) receives the log-probabilities (cross-entropy) or probabilities (mse).
        """
        _gradient(
            self._weights, self._gradient, *ink, ink.scale, rows, targets.numpy(), outputs.numpy(),
            self._cross_entropy, *self._room,
        )  # fmt: skip

    def take_steps(
        self, ink: Ink, rows: NDArray[np.int64], targets: Tensor, outputs: Tensor, size: int, step: LoopStep,
        rates: Sequence[float],
    ) -> None:  # fmt: skip
        """Take consecutive steps without going back to Python: each the gradient of a batch, then the optimizer's loop.

        Args:
            rows, targets, outputs: as of a call, of all batches one after another.
            size: images per batch; the last may have fewer.
            step: of an optimizer of ``flat``, which has its state.
            rates: one per batch.
        """
        assert step.state
        _steps(
            self._weights, self._gradient, *ink, ink.scale, rows, size, targets.numpy(), outputs.numpy(),
            self._cross_entropy, step.loop, *step.state, step.numbers(rates), *self._room,
        )  # fmt: skip


def sparse_outputs(network: Network, ink: Ink, loss: str) -> Tensor:
    """Return the log-probabilities (cross-entropy) or probabilities (mse) of images, (n, 10)."""
    w1, b1, w2, b2 = (parameter.detach() for parameter in network.parameters())
    outputs = torch.empty(len(ink.ends), CLASSES)
    _outputs(
        w1.t().contiguous().numpy(), b1.numpy(), w2.numpy(), b2.numpy(), *ink, ink.scale,
        outputs.numpy(), loss == "cross_entropy", *_room(),
    )  # fmt: skip
    return outputs


@compiled
def _gradient(
    weights: Floats, gradient: Floats, ends: NDArray[np.int32], pixels: NDArray[np.uint16], values: Any,
    scale: np.float32, rows: NDArray[np.int64], targets: Floats, outputs: Floats, cross_entropy: bool,
    own_ends: NDArray[np.int32], own_pixels: NDArray[np.uint16], own_values: Floats, hidden: Floats, d_hidden: Floats,
) -> None:  # fmt: skip
    w1, b1 = weights[:_WEIGHTS].reshape(PIXELS, HIDDEN), weights[_WEIGHTS:_OUTPUT]
    w2, b2 = weights[_OUTPUT:_BIAS].reshape(CLASSES, HIDDEN), weights[_BIAS:]
    dw1, db1 = gradient[:_WEIGHTS].reshape(PIXELS, HIDDEN), gradient[_WEIGHTS:_OUTPUT]
    dw2, db2 = gradient[_OUTPUT:_BIAS].reshape(CLASSES, HIDDEN), gradient[_BIAS:]
    gradient[:] = 0
    n = len(rows)
    for start in range(0, n, IMAGES):
        end = min(n, start + IMAGES)
        _gather(ends, pixels, values, scale, rows[start:end], own_ends, own_pixels, own_values)
        _hidden_layer(w1, b1, own_ends, own_pixels, own_values, end - start, hidden)
        _output_layer(w2, b2, hidden, end - start, outputs[start:end], cross_entropy)
        _small_gradients(w2, hidden, targets[start:end], outputs[start:end], n, cross_entropy, d_hidden, db1, dw2, db2)
        _pixel_gradients(own_ends, own_pixels, own_values, d_hidden, end - start, dw1)


@partial(compiled, calls=(weightwise.step,))
def _steps(
    weights: Floats, gradient: Floats, ends: NDArray[np.int32], pixels: NDArray[np.uint16], values: Any,
    scale: np.float32, rows: NDArray[np.int64], size: int, targets: Floats, outputs: Floats, cross_entropy: bool,
    loop: int, first: Floats, second: Floats, numbers: weightwise.Numbers,
    own_ends: NDArray[np.int32], own_pixels: NDArray[np.uint16], own_values: Floats, hidden: Floats, d_hidden: Floats,
) -> None:  # fmt: skip
    for k in range(len(numbers)):
        start, end = k * size, min(len(rows), (k + 1) * size)
        _gradient(
            weights, gradient, ends, pixels, values, scale, rows[start:end], targets[start:end], outputs[start:end],
            cross_entropy, own_ends, own_pixels, own_values, hidden, d_hidden,
        )  # fmt: skip
        weightwise.step(loop, weights, gradient, first, second, numbers[k])


@compiled
def _outputs(
    w1: Floats, b1: Floats, w2: Floats, b2: Floats, ends: NDArray[np.int32], pixels: NDArray[np.uint16],
    values: Any, scale: np.float32, outputs: Floats, cross_entropy: bool,
    own_ends: NDArray[np.int32], own_pixels: NDArray[np.uint16], own_values: Floats, hidden: Floats, d_hidden: Floats,
) -> None:  # fmt: skip
    for start in range(0, len(ends), IMAGES):
        end = min(len(ends), start + IMAGES)
        _gather(ends, pixels, values, scale, np.arange(start, end), own_ends, own_pixels, own_values)
        _hidden_layer(w1, b1, own_ends, own_pixels, own_values, end - start, hidden)
        _output_layer(w2, b2, hidden, end - start, outputs[start:end], cross_entropy)


@compiled
def _gather(
    ends: NDArray[np.int32], pixels: NDArray[np.uint16], values: Any, scale: np.float32, rows: NDArray[np.int64],
    own_ends: NDArray[np.int32], own_pixels: NDArray[np.uint16], own_values: Floats,
) -> None:  # fmt: skip
    """Copy the lists of these images one after another: memory is read once, in one direction."""
    place = 0
    for r in range(len(rows)):
        first, last = ends[rows[r], 0], ends[rows[r], BANDS]
        for band in range(BANDS + 1):
            own_ends[r, band] = place + ends[rows[r], band] - first
        # Slices, and a loop each, become vector instructions.
        count = last - first
        from_pixels, from_values = pixels[first:last], values[first:last]
        to_pixels, to_values = own_pixels[place : place + count], own_values[place : place + count]
        for k in range(count):
            to_pixels[k] = from_pixels[k]
        for k in range(count):
            to_values[k] = np.float32(from_values[k]) * scale
        place += count


@compiled
def _hidden_layer(
    w1: Floats, b1: Floats, ends: NDArray[np.int32], pixels: NDArray[np.uint16], values: Floats, n: int, hidden: Floats
) -> None:
    """H = relu(X W1' + b1)."""
    for r in range(n):
        h = hidden[r]
        for j in range(HIDDEN):
            h[j] = b1[j]
    for band in range(BANDS):
        for r in range(n):
            h = hidden[r]
            for k in range(ends[r, band], ends[r, band + 1]):
                w, x = w1[pixels[k]], values[k]
                for j in range(HIDDEN):
                    h[j] += x * w[j]
    for r in range(n):
        h = hidden[r]
        for j in range(HIDDEN):
            # NaN stays NaN, as with torch.
            if h[j] <= 0:
                h[j] = 0


@partial(compiled, fastmath=("contract", "reassoc"))
def _output_layer(w2: Floats, b2: Floats, hidden: Floats, n: int, outputs: Floats, cross_entropy: bool) -> None:
    """Softmax of H W2' + b2, or its logarithm."""
    for r in range(n):
        h, o = hidden[r], outputs[r]
        largest = np.float32(-np.inf)
        for c in range(CLASSES):
            w, total = w2[c], np.float32(0)
            for j in range(HIDDEN):
                total += h[j] * w[j]
            o[c] = total + b2[c]
            largest = max(largest, o[c])
        total = np.float32(0)
        if cross_entropy:
            for c in range(CLASSES):
                o[c] -= largest
                total += np.exp(o[c])
            log_total = np.log(total)
            for c in range(CLASSES):
                o[c] -= log_total
        else:
            for c in range(CLASSES):
                o[c] = np.exp(o[c] - largest)
                total += o[c]
            for c in range(CLASSES):
                o[c] /= total


@compiled
def _small_gradients(
    w2: Floats, hidden: Floats, targets: Floats, outputs: Floats, n: int, cross_entropy: bool, d_hidden: Floats,
    db1: Floats, dw2: Floats, db2: Floats,
) -> None:  # fmt: skip
    """dL/dZ, and of it dW2, db2, dH, db1; n images have the mean loss, of which these are some."""
    d_logits = np.empty(CLASSES, np.float32)
    for r in range(len(targets)):
        h, d, o, t = hidden[r], d_hidden[r], outputs[r], targets[r]
        if cross_entropy:
            for c in range(CLASSES):
                d_logits[c] = (np.exp(o[c]) - t[c]) * np.float32(1.0 / n)
        else:
            mean = np.float32(0)
            for c in range(CLASSES):
                d_logits[c] = (o[c] - t[c]) * np.float32(2.0 / (n * CLASSES))
                mean += d_logits[c] * o[c]
            for c in range(CLASSES):
                d_logits[c] = o[c] * (d_logits[c] - mean)
        for j in range(HIDDEN):
            d[j] = 0
        for c in range(CLASSES):
            g, w, dw = d_logits[c], w2[c], dw2[c]
            db2[c] += g
            for j in range(HIDDEN):
                d[j] += g * w[j]
                dw[j] += g * h[j]
        for j in range(HIDDEN):
            if h[j] <= 0:
                d[j] = 0
            db1[j] += d[j]


@compiled
def _pixel_gradients(
    ends: NDArray[np.int32], pixels: NDArray[np.uint16], values: Floats, d_hidden: Floats, n: int, dw1: Floats
) -> None:
    """dW1 += dH' X."""
    for band in range(BANDS):
        for r in range(n):
            d = d_hidden[r]
            for k in range(ends[r, band], ends[r, band + 1]):
                g, x = dw1[pixels[k]], values[k]
                for j in range(HIDDEN):
                    g[j] += x * d[j]
