"""The compiled gradient against ``HandGradient``, its oracle, and autograd in double precision."""

import pytest
import torch
from torch.nn import functional as F

from core.compiled import AVAILABLE
from core.ink import ink_of
from core.training.augmentation import distort
from core.training.network import HandGradient, Network, by_pixel, by_unit, flatten, target_table, to_flat
from core.training.sparse import SparseGradient, sparse_outputs

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="numba is not installed")


def both(images, targets, loss, network=Network):
    """(ours, by hand): (the gradients, the outputs) of the same batch."""
    n, found = len(images), []
    floats = images.float() / 255 if images.dtype == torch.uint8 else images
    for inked in (True, False):
        net, outputs = network(), torch.empty(n, 10)
        flat = flatten(net)
        if inked:
            SparseGradient(flat, loss)(ink_of(images), torch.arange(n).numpy(), targets, outputs)
        else:
            HandGradient(net, n, loss)(floats, targets, outputs)
        found.append(([p.grad for p in net.parameters()], outputs))
    return found


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("n", [1, 7, 64, 65, 1000])
def test_gradient_and_outputs_are_those_of_the_oracle(mnist, n, loss, smoothing):
    targets = target_table(smoothing)[mnist.train.labels[:n]]
    (ours, outputs), (theirs, expected) = both(mnist.train.images[:n], targets, loss)
    assert torch.allclose(outputs, expected, rtol=0, atol=2e-6)
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine - other).norm() <= 1e-6 * other.norm()


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_a_full_batch_is_as_exact_as_float32_sums_are(mnist, loss):
    """48,000 terms a sum, rounded to 24 bits one after another, against double precision: some 1e-6."""
    images, labels = mnist.train.images[:48_000], mnist.train.labels[:48_000]
    flat, exact = flatten(Network()), Network().double()
    SparseGradient(flat, loss)(
        ink_of(images), torch.arange(48_000).numpy(), target_table(0.0)[labels], torch.empty(48_000, 10)
    )
    logits = exact(images.double() / 255)
    wanted = target_table(0.0)[labels].double()
    (F.cross_entropy(logits, wanted) if loss == "cross_entropy" else F.mse_loss(logits.softmax(1), wanted)).backward()
    gradient = torch.cat([p.grad.flatten() for p in exact.parameters()])
    assert (by_unit(flat.grad) - gradient).norm() <= 5e-6 * gradient.norm()


def test_any_targets_and_rows_in_any_order(mnist):
    targets = torch.rand(100, 10, generator=torch.Generator().manual_seed(0)).softmax(1)
    rows = torch.randperm(1000, generator=torch.Generator().manual_seed(1))[:100]
    flat, by_hand, outputs = flatten(Network()), Network(), torch.empty(100, 10)
    SparseGradient(flat, "cross_entropy")(ink_of(mnist.train.images[:1000]), rows.numpy(), targets, outputs)
    HandGradient(by_hand, 100, "cross_entropy")(mnist.train.images[rows].float() / 255, targets, outputs)
    expected = torch.cat([p.grad.flatten() for p in by_hand.parameters()])
    assert (by_unit(flat.grad) - expected).norm() <= 1e-6 * expected.norm()


def test_distorted_and_fully_inked_and_empty_images(mnist):
    distorted = distort(mnist.train.images[:50].float() / 255, torch.Generator().manual_seed(0))
    targets = target_table(0.0)[mnist.train.labels[:50]]
    for images in (distorted, torch.rand(50, 784), torch.zeros(50, 784), torch.full((50, 784), 255, dtype=torch.uint8)):
        (ours, outputs), (theirs, expected) = both(images, targets, "cross_entropy")
        assert torch.allclose(outputs, expected, rtol=0, atol=1e-5)
        for mine, other in zip(ours, theirs, strict=True):
            assert (mine - other).norm() <= 2e-6 * other.norm()


def test_the_same_bits_twice(mnist):
    targets = target_table(0.0)[mnist.train.labels[:300]]
    (first, _), _ = both(mnist.train.images[:300], targets, "cross_entropy")
    (second, _), _ = both(mnist.train.images[:300], targets, "cross_entropy")
    assert all(map(torch.equal, first, second))


@pytest.mark.parametrize("name", ["0.weight", "0.bias", "2.weight", "2.bias"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_what_is_not_finite_shows_in_the_outputs(mnist, name, value, loss):
    """A run that diverges is known by its losses."""

    def broken():
        network = Network()
        with torch.no_grad():
            network.get_parameter(name).fill_(value)
        return network

    targets = target_table(0.0)[mnist.train.labels[:8]]
    (_, outputs), (_, expected) = both(mnist.train.images[:8], targets, loss, broken)
    assert torch.equal(outputs.isfinite().all(1), expected.isfinite().all(1))
    assert not outputs.isfinite().all()


def test_denormals_are_flushed_where_the_thread_does(mnist):
    """A tenth of the smallest normal number in a weight is 0 to a compiled product, as to torch's."""
    flat, outputs = flatten(Network()), torch.empty(8, 10)
    with torch.no_grad():
        flat.fill_(0)
        # Bias, times 1e30 in the next layer: 1e-9 if it counted.
        flat[100_352:100_480] = 1e-39
        flat[100_480:101_760] = 1e30
    assert torch.set_flush_denormal(True)
    SparseGradient(flat, "mse")(ink_of(mnist.train.images[:8]), torch.arange(8).numpy(), target_table(0.0)[:8], outputs)
    assert flat.grad[100_480:101_760].eq(0).all()
    assert outputs.eq(0.1).all()


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("n", [1, 64, 1001])
def test_outputs_are_those_of_the_module(mnist, n, loss):
    network = Network(1)
    images = mnist.test.images[:n]
    logits = network(images.float() / 255).detach()
    expected = logits.log_softmax(1) if loss == "cross_entropy" else logits.softmax(1)
    outputs = sparse_outputs(network, ink_of(images), loss)
    assert torch.allclose(outputs, expected, rtol=0, atol=2e-6)
    flatten(network)
    assert torch.equal(sparse_outputs(network, ink_of(images), loss), outputs)


def test_a_flattened_network_has_the_same_parameters_in_the_same_order():
    network, same = Network(2), Network(2)
    flat = flatten(network)
    assert all(map(torch.equal, network.parameters(), same.parameters()))
    assert torch.equal(to_flat(network), to_flat(same)) and torch.equal(by_unit(flat.detach()), to_flat(same))
    # A pixel's weights lie side by side.
    assert torch.equal(flat.detach()[300 * 128 : 301 * 128], network[0].weight[:, 300])
    flat.grad.copy_(torch.arange(101_770.0))
    assert network[0].weight.grad[5, 300] == 300 * 128 + 5
    # A network whose parameters already lie so can be flattened again.
    assert torch.equal(flatten(network), flat)


def test_orders_are_inverse_to_each_other():
    vector, matrix, other = torch.arange(101_770.0), torch.arange(128.0 * 784).view(128, 784), torch.ones(128, 1)
    assert torch.equal(by_unit(by_pixel(vector)), vector) and not torch.equal(by_pixel(vector), vector)
    assert torch.equal(by_pixel(matrix), matrix) and by_pixel(matrix).stride() == (1, 128)
    assert by_unit(by_pixel(matrix)).is_contiguous()
    assert by_pixel(other) is other and by_unit(other) is other
