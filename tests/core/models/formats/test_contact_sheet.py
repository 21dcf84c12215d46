import torch

from core.models.formats.contact_sheet import strongest_units
from core.training.network import Network


def test_huge_weights_keep_the_order_of_the_units():
    network, huge = Network(seed=1), Network(seed=1)
    with torch.no_grad():
        list(huge.parameters())[2].mul_(1e30)
    assert strongest_units(huge).tobytes() == strongest_units(network).tobytes()
