import torch

from core.analysis.hidden import activations, nearest, units


def test_activations_are_the_modules_own(mnist, trained):
    images = mnist.test.images[:2_500]
    with torch.no_grad():
        expected = trained[1](trained[0](images.float() / 255))
    assert torch.allclose(activations(trained, images), expected, atol=1e-5)


def test_a_unit_is_known_by_its_weights(mnist, trained):
    seen = units(trained, mnist.test[:300])
    assert torch.equal(seen.weights, trained[0].weight)
    assert torch.allclose(seen.norms, seen.weights.square().sum(1).sqrt())
    assert seen.votes[7] == trained[2].weight[:, 7].argmax()
    active = activations(trained, mnist.test.images[:300]) > 0
    assert torch.allclose(seen.activity, active.float().mean(0))
    assert torch.equal(seen.dead, ~active.any(0))


def test_a_silenced_unit_is_dead(mnist, trained):
    network = type(trained)()
    network.load_state_dict(trained.state_dict())
    with torch.no_grad():
        network[0].bias[5] = -1e6
    assert units(network, mnist.test[:100]).dead[5]


def test_templates_are_the_mean_gradients(mnist, trained):
    digits = mnist.test[:200]
    templates = units(trained, digits).templates
    for label in (0, 4, 9):
        pixels = (digits.images[digits.labels == label].float() / 255).requires_grad_()
        logits = trained(pixels)
        (logits[:, label] - logits.mean(1)).sum().backward()
        assert torch.allclose(templates[label], pixels.grad.mean(0), atol=1e-5)


def test_nearest_is_in_order_and_finds_itself(mnist, trained):
    hidden = activations(trained, mnist.train.images[:500])
    indices, distances = nearest(hidden[123], hidden, 4)
    expected = torch.cdist(hidden[123:124], hidden, compute_mode="donot_use_mm_for_euclid_dist")[0].sort()
    assert indices[0] == 123 and distances[0] == 0
    assert indices.tolist() == expected.indices[:4].tolist()
    assert torch.allclose(distances, expected.values[:4])
