import pytest
import torch

from core.attribution import gradient_times_input


@pytest.mark.parametrize("number", [0, 8, 247])
def test_equals_autograd_and_adds_up_to_the_lead(mnist, trained, number):
    image = mnist.test.images[number]
    found = gradient_times_input(trained, image)
    pixels = (image.float() / 255).requires_grad_()
    logits = trained(pixels[None])[0]
    order = logits.argsort(descending=True)
    assert [found.answer, found.runner_up] == order[:2].tolist()
    lead = logits[order[0]] - logits[order[1]]
    (gradient,) = torch.autograd.grad(lead, pixels)
    assert torch.allclose(found.pixels, (gradient * pixels).detach(), atol=1e-5)
    assert float(found.pixels.sum()) + found.biases == pytest.approx(lead.item(), abs=1e-4)
    assert not found.pixels[image == 0].any()
