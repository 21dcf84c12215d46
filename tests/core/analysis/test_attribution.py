import pytest
import torch

from core.analysis.attribution import attribute


@pytest.mark.parametrize("number", [0, 8, 247])
def test_equals_autograd_and_adds_up_to_the_lead(mnist, trained, number):
    image = mnist.test.images[number]
    found = attribute(trained, image)
    pixels = (image.float() / 255).requires_grad_()
    logits = trained(pixels[None])[0]
    order = logits.argsort(descending=True)
    assert [found.answer, found.runner_up] == order[:2].tolist()
    assert torch.allclose(found.logits, logits.detach(), atol=1e-4)
    assert torch.allclose(found.probabilities, logits.detach().softmax(0), atol=1e-5)
    lead = logits[order[0]] - logits[order[1]]
    (gradient,) = torch.autograd.grad(lead, pixels)
    assert torch.allclose(found.pixels, (gradient * pixels).detach(), atol=1e-5)
    assert found.lead == pytest.approx(lead.item(), abs=1e-4)
    assert float(found.pixels.sum()) + found.biases == pytest.approx(lead.item(), abs=1e-4)
    assert float(found.units.sum()) + found.output_bias == pytest.approx(lead.item(), abs=1e-4)
    assert not found.pixels[image == 0].any() and not found.units[found.hidden == 0].any()
