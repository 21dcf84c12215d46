"""Twins of the reference network with every convention undone: each must be found, and folded back exactly."""

from dataclasses import replace

import pytest
import torch

from core import data, paths
from core.analysis.evaluation import evaluate
from core.handwriting.preprocessing import SIDE
from core.models.checkpoints import load_parameters
from core.models.conventions import IN_ORDER, RANGES, Convention, Finding, find, fold, usual
from core.training.network import Network
from tests.reference import accuracies

TEST = data.load().test
BY_ONE, SHUFFLED = (1, 2, 3, 4, 5, 6, 7, 8, 9, 0), (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)


@pytest.fixture(scope="module")
def reference():
    return load_parameters(paths.ROOT / "models" / "reference.safetensors")[0]


def twin(network: Network, convention: Convention) -> Network:
    """The network that needs the convention to answer as ``network`` does."""
    w1, b1, w2, b2 = (tensor.double() for tensor in network.state_dict().values())
    if convention.transposed:
        w1 = w1.view(-1, SIDE, SIDE).transpose(1, 2).reshape(w1.shape)
    w1 = w1 / convention.scale
    order = list(convention.digits)
    made = Network()
    made.load_state_dict(
        {"0.weight": w1, "0.bias": b1 - convention.shift * w1.sum(1), "2.weight": w2[order], "2.bias": b2[order]}
    )
    return made


def test_the_usual_conventions_are_all_ranges_both_inks_and_both_ways():
    assert len(usual()) == len(set(usual())) == len(RANGES) * 4
    assert usual()[0] == Convention()


@pytest.mark.parametrize("order", [IN_ORDER, BY_ONE, SHUFFLED], ids=["in order", "by one", "shuffled"])
@pytest.mark.parametrize("convention", usual(), ids=lambda convention: convention.label)
def test_a_twin_of_the_reference_comes_back(convention, order, reference):
    convention = replace(convention, digits=order)
    made = twin(reference, convention)
    finding = find(made, TEST)
    assert finding.convention == convention
    assert finding.accuracy == evaluate(reference, TEST).accuracy == accuracies()[0]
    assert finding.as_is == evaluate(made, TEST).accuracy
    assert finding.clearly_better == (convention != Convention())
    images = TEST.images[:500].float() / 255
    assert (fold(made, finding.convention)(images) - reference(images)).abs().max() < 2e-5


def test_what_is_folded_is_what_the_network_said_of_its_own_pixels(reference):
    """By the images themselves, not by the formula turned round."""
    images = TEST.images[:200].float() / 255
    scale, shift = 1 / 0.3081, -0.1307 / 0.3081
    theirs = ((1 - images) * -scale + scale + shift).view(-1, SIDE, SIDE).transpose(1, 2).flatten(1)
    ours = fold(reference, Convention(scale, shift, transposed=True))(images)
    assert (reference(theirs) - ours).abs().max() < 2e-4


@pytest.mark.parametrize("seed", range(3))
def test_a_network_that_guesses_is_not_made_better_by_chance(seed):
    finding = find(Network(seed), TEST)
    assert not finding.clearly_better
    assert finding.sentence.startswith(
        f"The network reads only {finding.as_is:.2%} of the test digits, and hardly more"
    )


def test_a_network_of_the_labs_is_left_alone(trained):
    finding = find(trained, TEST)
    assert (finding.clearly_better, finding.sentence) == (False, "")


@pytest.mark.parametrize(
    ("as_is", "accuracy", "better"),
    [
        (0.98, 0.99, True), (0.98, 0.9899, False), (0.95, 0.96, False), (0.1, 0.98, True), (0.1, 0.3, False),
        (0.1, 0.33, True), (0.99, 0.99, False),
    ],
)  # fmt: skip
def test_clearly_better_is_a_point_more_and_a_quarter_fewer_mistakes(as_is, accuracy, better):
    assert Finding(Convention(words="x"), as_is, accuracy).clearly_better == better


def test_the_sentence_has_both_figures():
    finding = Finding(replace(usual()[1], transposed=True, digits=BY_ONE), 0.0981, 0.9899)
    assert finding.sentence == (
        "As it is, the network reads 9.81% of the test digits; given what it was trained on, pixels from 0 to 1, dark "
        "on light, transposed, outputs in the order 1 2 3 4 5 6 7 8 9 0, it reads 98.99%."
    )


@pytest.mark.parametrize("size", [1e30, 3e38])
def test_a_network_whose_loss_is_not_a_number_is_found_poor(size):
    network = Network(0)
    for parameter in network.parameters():
        parameter.data.sign_().mul_(size)
    finding = find(network, TEST)
    assert not finding.clearly_better
    assert finding.sentence.startswith(f"The network reads only {finding.as_is:.2%} of the test digits")


def test_finding_changes_nothing(reference):
    before = {name: tensor.clone() for name, tensor in reference.state_dict().items()}
    find(reference, TEST)
    fold(reference, usual()[5])
    assert all(torch.equal(tensor, before[name]) for name, tensor in reference.state_dict().items())
