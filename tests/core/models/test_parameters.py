"""A file's tensors are the network's by their shapes, whatever their names, types and the way that they lie."""

import math

import pytest
import torch
from safetensors.torch import save

from core.models.checkpoints import load_parameters, pack_parameters
from core.models.parameters import FLOATS, CheckpointError, assemble, find
from core.training.network import SIZES, Network
from tests.core.models.formats.conftest import same

NAMES = {
    "PyTorch's tutorial": ("linear_relu_stack.0.weight", "linear_relu_stack.0.bias", "2.weight", "2.bias"),
    "fc": ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"),
    "data parallel": ("module.fc1.weight", "module.fc1.bias", "module.fc2.weight", "module.fc2.bias"),
    "Flatten first": ("1.weight", "1.bias", "3.weight", "3.bias"),
    "by hand": ("W1", "b1", "W2", "b2"),
    "in another order": ("z", "y", "x", "w"),
    "NumPy's own": ("arr_0", "arr_1", "arr_2", "arr_3"),
    "none": ("", " ", "\n", "ä"),
}
LAYINGS = {
    "as Keras has them": lambda tensor: tensor.t().contiguous(),
    "columns": lambda tensor: tensor[:, None] if tensor.ndim == 1 else tensor,
    "rows": lambda tensor: tensor[None] if tensor.ndim == 1 else tensor[None, :, :, None],
    "pictures": lambda tensor: tensor.view(128, 28, 28) if tensor.numel() == 128 * 784 else tensor,
    "pictures, as Keras has them": lambda tensor: (
        tensor.T.reshape(28, 28, 128) if tensor.numel() == 128 * 784 else tensor
    ),
}


@pytest.fixture(scope="module")
def network():
    made = Network(3)
    generator = torch.Generator().manual_seed(4)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, generator=generator)
    return made


def tensors(network, names=("0.weight", "0.bias", "2.weight", "2.bias")):
    return dict(zip(names, (p.detach().clone() for p in network.parameters()), strict=True))


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_names_say_nothing(names, network):
    assert same(assemble(tensors(network, names))[0], network)
    reverse = dict(reversed(tensors(network, names).items()))
    assert same(assemble(reverse)[0], network)
    if "" not in names:
        assert same(load_parameters(save(tensors(network, names)))[0], network)


@pytest.mark.parametrize("lay", LAYINGS.values(), ids=LAYINGS)
def test_a_shape_says_which_way_a_tensor_lies(lay, network):
    laid = {name: lay(tensor) for name, tensor in tensors(network).items()}
    assert same(assemble(laid)[0], network)


@pytest.mark.parametrize("dtype", FLOATS)
def test_other_floats_are_converted_and_the_metadata_say_so(dtype, network):
    given = {name: tensor.to(getattr(torch, dtype)) for name, tensor in tensors(network).items()}
    loaded, metadata = load_parameters(save(given))
    assert metadata.get("converted_from") == (None if dtype == "float32" else dtype)
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, given[name].float())


def test_a_file_does_not_say_itself_what_was_converted(network):
    assert "converted_from" not in load_parameters(pack_parameters(network, {"converted_from": "gold"}))[1]
    mixed = tensors(network)
    mixed["2.bias"], mixed["0.bias"] = mixed["2.bias"].double(), mixed["0.bias"].half()
    assert load_parameters(save(mixed))[1]["converted_from"] == "float16 and float64"


def test_what_belongs_to_no_layer_is_passed_over(network):
    others = {
        "optimizer.state.exp_avg": torch.zeros(128, 784),
        "epoch": torch.tensor(3),
        "temperature": torch.ones(1),
        "seed": torch.zeros(2, dtype=torch.int64),
    }
    assert same(assemble({**tensors(network), **others})[0], network)


@pytest.mark.parametrize(
    ("shapes", "network"),
    [
        ([(784, 256), (256, 10)], "784-256-10"),
        ([(10, 64), (64, 784)], "784-64-10"),
        ([(512, 784), (512, 512), (10, 512)], "784-512-512-10"),
        ([(784, 128), (128, 64), (64, 10)], "784-128-64-10"),
        ([(784, 10)], "784-10"),
        ([(100, 1024), (10, 100)], "1024-100-10"),
        ([(128, 784), (26, 128)], "784-128-26"),
    ],
)
def test_a_network_of_other_widths_is_named(shapes, network):
    layout = {f"{place}.weight": (shape, "float32") for place, shape in enumerate(shapes)}
    with pytest.raises(CheckpointError) as refusal:
        find(layout)
    assert str(refusal.value) == (
        f"The file holds a {network} network, and the lab takes 784-128-10 with ReLU alone: train one of these widths, "
        "and it can be loaded."
    )


@pytest.mark.parametrize("sides", [0, 1, 2, 9, 200])
def test_no_layout_is_too_strange_for_one_short_sentence(sides):
    for name in ("a" * 5000, "\n\0\u202e", "0.weight"):
        for side in (-1, 0, 1, 28, 784, 2**62):
            with pytest.raises(CheckpointError) as refusal:
                find({name: ((side,) * sides, "float32"), f"{name}2": ((side,) * sides, "int8")})
            assert len(str(refusal.value)) < 400 and str(refusal.value).isprintable()


def test_the_sizes_are_those_of_the_network():
    assert sorted(SIZES) == sorted(math.prod(p.shape) for p in Network().parameters())


def test_a_file_of_the_labs_own_is_read_bit_by_bit(network):
    loaded, metadata = load_parameters(pack_parameters(network, {}))
    assert same(loaded, network) and "converted_from" not in metadata
