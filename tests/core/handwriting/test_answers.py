import numpy as np
import pytest
import torch

from core.handwriting.answers import SURE, Answer, answer, answers_along
from core.training.network import Network, to_flat


def test_an_answer_is_the_softmax_of_the_networks_logits(mnist, trained):
    image = mnist.test.images[0]
    given = answer(trained, image.view(28, 28).numpy())
    expected = trained(image.float().view(1, -1) / 255).softmax(1)[0].detach()
    assert np.allclose(given.probabilities, expected, atol=1e-6)
    assert given.digit == 7 == int(expected.argmax())
    assert given.runner_up == int(expected.argsort()[-2])


@pytest.mark.parametrize(("highest", "sure"), [(SURE, True), (SURE - 0.01, False)])
def test_sure_from_a_threshold_on(highest, sure):
    probabilities = np.full(10, (1 - highest) / 9)
    probabilities[4] = highest
    assert (Answer(probabilities).digit, Answer(probabilities).sure) == (4, sure)


def test_a_note_says_why_an_answer_is_not_sure():
    probabilities = np.array([0, 0.5, 0.02, 0, 0, 0, 0, 0.48, 0, 0])
    assert Answer(probabilities).note == "1 with 50.0%, or 7 with 48.0%."
    assert Answer(probabilities, "That is a dot.").note == "That is a dot."
    certain = np.eye(10)[3]
    assert Answer(certain).note == ""
    assert (Answer(certain, "That is a dot.").sure, Answer(certain, "That is a dot.").note) == (False, "That is a dot.")


def test_answers_along_a_run_are_each_networks_own_answer(mnist, trained):
    networks = [Network(seed=1), Network(seed=2), trained]
    digit = mnist.test.images[3].view(28, 28).numpy()
    along = answers_along(torch.stack([to_flat(network) for network in networks]), digit)
    assert along.shape == (3, 10)
    for row, network in zip(along, networks, strict=True):
        assert np.allclose(row, answer(network, digit).probabilities, atol=1e-6)
