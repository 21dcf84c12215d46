"""A network all of whose parameters differ, its arrays, and a file of them in each format that can be read."""

import io
from collections.abc import Callable

import h5py
import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper
from safetensors.numpy import save

from core.training.network import Network

Arrays = dict[str, np.ndarray]
PLACES = {
    "0.weight": "layers/dense/vars/0",
    "0.bias": "layers/dense/vars/1",
    "2.weight": "layers/dense_1/vars/0",
    "2.bias": "layers/dense_1/vars/1",
}


def npz(arrays: Arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def h5(arrays: Arrays) -> bytes:
    """As Keras writes it: kernels turned, an unknown array as a third layer's."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, array in arrays.items():
            file[PLACES.get(name, f"layers/{name}/vars/0")] = array.T
    return stream.getvalue()


def onnx(arrays: Arrays, activation: str = "Relu") -> bytes:
    """As exporters write it, with whatever arrays as initialisers."""
    nodes = [
        helper.make_node("Gemm", ["images", "0.weight", "0.bias"], ["hidden"], transB=1),
        helper.make_node(activation, ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "2.weight", "2.bias"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["answers"]),
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    return helper.make_model(helper.make_graph(nodes, "digits", [], [], tensors)).SerializeToString()


BUILD: dict[str, Callable[[Arrays], bytes]] = {".safetensors": save, ".npz": npz, ".weights.h5": h5, ".onnx": onnx}


@pytest.fixture(scope="session")
def network() -> Network:
    made = Network(3)
    generator = torch.Generator().manual_seed(4)
    for name, parameter in made.named_parameters():
        if "bias" in name:
            torch.nn.init.normal_(parameter, generator=generator)
    return made


@pytest.fixture(scope="session")
def arrays(network: Network) -> Arrays:
    return {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in network.state_dict().items()}


def same(a: Network, b: Network) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
