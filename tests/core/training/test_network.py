import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.training.network import HandGradient, Network, RecordedGradient, image_losses, target_table


def reference_loss(logits, targets, loss):
    if loss == "cross_entropy":
        return F.cross_entropy(logits, targets)
    return F.mse_loss(logits.softmax(1), targets)


def test_shapes_and_names_are_those_of_a_plain_sequential():
    plain = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    network = Network(3)
    assert [(n, p.shape) for n, p in network.named_parameters()] == [(n, p.shape) for n, p in plain.named_parameters()]
    assert sum(p.numel() for p in network.parameters()) == 100_480 + 1_290 == 101_770
    plain.load_state_dict(network.state_dict())
    images = torch.rand(5, 784, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network(images), plain(images))
    assert torch.equal(network(images.view(5, 28, 28)), plain(images))
    other = Network(4)
    other.load_state_dict(plain.state_dict())
    assert torch.equal(other(images), plain(images))


def test_autograd_works():
    network = Network(0)
    network(torch.rand(2, 784)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_first_weights_are_glorots_and_fixed_by_the_seed():
    first, again, other = Network(1), Network(1), Network(2)
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    assert not torch.equal(first[0].weight, other[0].weight)
    for layer, bound in ((first[0], (6 / (784 + 128)) ** 0.5), (first[2], (6 / (128 + 10)) ** 0.5)):
        assert 0.98 * bound < layer.weight.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)
        assert layer.bias.eq(0).all()


@pytest.mark.parametrize(
    ("initialization", "bounds"),
    [
        ("he", ((6 / 784) ** 0.5, (6 / 128) ** 0.5)),
        ("small", (0.01 * (6 / 912) ** 0.5, 0.01 * (6 / 138) ** 0.5)),
        ("large", (10 * (6 / 912) ** 0.5, 10 * (6 / 138) ** 0.5)),
        ("zero", (0.0, 0.0)),
    ],
)
def test_other_first_weights_are_the_same_numbers_on_another_scale(initialization, bounds):
    network, glorots = Network(1, initialization), Network(1, "glorot")
    assert all(map(torch.equal, glorots.parameters(), Network(1).parameters()))
    for place, bound in zip((0, 2), bounds, strict=True):
        weights, usual = network[place].weight, glorots[place].weight
        assert 0.98 * bound <= weights.abs().max() <= bound * (1 + 1e-6)
        scale = bound / (6 / sum(weights.shape)) ** 0.5
        assert torch.allclose(weights, scale * usual, rtol=1e-5, atol=1e-7 * bound)
        assert network[place].bias.eq(0).all()


def test_making_a_network_leaves_torchs_own_generator_alone():
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    Network(9)
    assert torch.equal(torch.rand(1), wanted)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("n", [1, 7, 64, 48_000])
def test_the_gradient_by_hand_is_autograds(mnist, n, loss, smoothing):
    images = mnist.train.images[:n].float() / 255
    targets = target_table(smoothing)[mnist.train.labels[:n]]
    by_hand, by_autograd = Network(0), Network(0)
    outputs = torch.empty(n, 10)
    # The buffers may be larger than the batch, as for the last one of an epoch.
    HandGradient(by_hand, min(n + 3, 48_000), loss)(images, targets, outputs)
    reference = reference_loss(by_autograd(images), targets, loss)
    reference.backward()
    assert image_losses(outputs, targets, loss).mean().item() == pytest.approx(reference.item(), rel=1e-5)
    for ours, theirs in zip(by_hand.parameters(), by_autograd.parameters(), strict=True):
        assert (ours.grad - theirs.grad).norm() <= 1e-5 * theirs.grad.norm()


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_the_gradient_by_hand_is_the_slope(mnist, loss):
    """Against finite differences of the loss itself, which no autograd has touched."""
    images, targets = mnist.train.images[:64].float() / 255, target_table(0.1)[mnist.train.labels[:64]]
    network, outputs = Network(0), torch.empty(64, 10)
    HandGradient(network, 64, loss)(images, targets, outputs)
    gradients = [p.grad.double() for p in network.parameters()]
    exact, step = network.double(), 1e-6
    direction = [g / sum(h.square().sum() for h in gradients).sqrt() for g in gradients]

    def loss_at(distance):
        moved = {n: p + distance * d for (n, p), d in zip(exact.named_parameters(), direction, strict=True)}
        logits = torch.func.functional_call(exact, moved, (images.double(),))
        return reference_loss(logits, targets.double(), loss).item()

    slope = (loss_at(step) - loss_at(-step)) / (2 * step)
    assert slope == pytest.approx(
        sum((g * d).sum().item() for g, d in zip(gradients, direction, strict=True)), rel=1e-5
    )


def test_a_gradient_replaces_the_one_before(mnist):
    images, targets = mnist.train.images[:8].float() / 255, target_table(0.0)[mnist.train.labels[:8]]
    network, outputs = Network(0), torch.empty(8, 10)
    gradient = HandGradient(network, 8, "cross_entropy")
    gradient(images, targets, outputs)
    first = [p.grad.clone() for p in network.parameters()]
    gradient(images[:3], targets[:3], outputs[:3])
    gradient(images, targets, outputs)
    assert all(torch.equal(a, p.grad) for a, p in zip(first, network.parameters(), strict=True))
    assert not any(p.grad.requires_grad for p in network.parameters())


def test_a_recorded_gradient_is_that_of_the_batch_it_is_given(mnist, monkeypatch):
    """With the recording left out, which only a CUDA device has; ``benchmarks.gpu`` proves the whole on one."""
    recorded = []
    monkeypatch.setattr("core.training.network.record", lambda work, changed, _: recorded.append(changed) or work)
    images, targets = mnist.train.images[:20].float() / 255, target_table(0.1)[mnist.train.labels[:20]]
    networks = Network(0), Network(0)
    by_hand, inner = (HandGradient(network, 8, "cross_entropy") for network in networks)
    by_graph = RecordedGradient(inner, 8, torch.device("cpu"))
    for batch in (slice(0, 8), slice(8, 16), slice(16, 19), slice(0, 8)):
        expected, outputs = torch.empty(20, 10)[batch], torch.empty(20, 10)[batch]
        by_hand(images[batch], targets[batch], expected)
        by_graph(images[batch], targets[batch], outputs)
        assert torch.equal(outputs, expected)
        for a, b in zip(*(network.parameters() for network in networks), strict=True):
            assert torch.equal(a.grad, b.grad)
    assert recorded == [(), ()]


def test_image_losses_by_hand():
    targets = torch.eye(10)[:2]
    log_probabilities = torch.full((2, 10), 0.1).log()
    assert image_losses(log_probabilities, targets, "cross_entropy").tolist() == pytest.approx([2.302585] * 2)
    # (0.9^2 + 9 * 0.1^2) / 10
    assert image_losses(log_probabilities.exp(), targets, "mse").tolist() == pytest.approx([0.09] * 2)


def test_target_table():
    assert torch.equal(target_table(0.0), torch.eye(10))
    smooth = target_table(0.1)
    assert smooth[3].tolist() == pytest.approx([0.01] * 3 + [0.91] + [0.01] * 6)
    assert smooth.sum(1).tolist() == pytest.approx([1.0] * 10)
