"""Layouts of other people's files: Keras 1 and 2 by hand in HDF5, NumPy under any names, ONNX of other exporters."""

import contextlib
import io
import json

import h5py
import ml_dtypes
import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from core.models import formats
from core.models.checkpoints import CheckpointError
from core.models.formats.protobuf import WireError, fields, varints
from tests.core.models.formats.conftest import npz, onnx, same
from tests.core.models.formats.test_hostile import refusal, zipped

#: Where Keras keeps kernel and bias of the two layers; what else it keeps besides.
LAYOUTS = {
    "Keras 3, nested": ["layers/sequential/layers/hidden/vars/0", "1", "layers/sequential/layers/out/vars/0", "1"],
    "Keras 3, .h5": ["model_weights/a/sequential/a/kernel", "bias", "model_weights/d/sequential/d/kernel", "bias"],
    "Keras 2": ["model_weights/dense/dense/kernel:0", "bias:0", "model_weights/dense_1/dense_1/kernel:0", "bias:0"],
    "Keras 2, weights": ["dense_4/dense_4/kernel:0", "bias:0", "dense_5/dense_5/kernel:0", "bias:0"],
    "Keras 2, .keras": ["_layer_dependencies/a/vars/0", "1", "_layer_dependencies/z/vars/0", "1"],
    "Keras 1": ["model_weights/d_1/d_1_W:0", "d_1_b:0", "model_weights/d_2/d_2_W:0", "d_2_b:0"],
    "Keras 1, weights": ["dense_1/dense_1_W", "dense_1_b", "dense_2/dense_2_W", "dense_2_b"],
    "Keras 0": ["layer_0/param_0", "param_1", "layer_3/param_0", "param_1"],
}


def h5(arrays, paths, dtype="<f4", description=None) -> bytes:
    kernel, bias, kernel_2, bias_2 = paths
    paths = [kernel, f"{kernel.rpartition('/')[0]}/{bias}", kernel_2, f"{kernel_2.rpartition('/')[0]}/{bias_2}"]
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for path, array in zip(paths, arrays.values(), strict=True):
            file[path] = array.T.astype(dtype)
        file["optimizer_weights/training/Adam/dense/kernel/m:0"] = arrays["0.weight"].T
        file["optimizer_weights/iterations:0"] = 7
        file.create_group("model_weights/dropout_1")
        if description is not None:
            file.attrs["model_config"] = description
    return stream.getvalue()


@pytest.mark.parametrize("paths", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("name", ["x.h5", "x.hdf5", "x.weights.h5"])
def test_every_layout_of_keras_comes_in(paths, name, arrays, network):
    assert same(formats.read(name, h5(arrays, paths))[0], network)


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ml_dtypes.bfloat16])
def test_other_floats_of_keras_are_converted(dtype, arrays):
    loaded, metadata = formats.read("x.h5", h5(arrays, LAYOUTS["Keras 2"], dtype))
    assert metadata == {"converted_from": np.dtype(dtype).name}
    for tensor, array in zip(loaded.parameters(), arrays.values(), strict=True):
        assert np.array_equal(tensor.detach(), array.astype(dtype).astype(np.float32))


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f8", ml_dtypes.bfloat16])
def test_other_floats_of_numpy_are_converted(dtype, arrays):
    loaded, metadata = formats.read("x.npz", npz({name: array.astype(dtype) for name, array in arrays.items()}))
    assert metadata == {"converted_from": np.dtype(dtype).name}
    for tensor, array in zip(loaded.parameters(), arrays.values(), strict=True):
        assert np.array_equal(tensor.detach(), array.astype(dtype).astype(np.float32))


def described(*activations, listed=False) -> str:
    layers = [{"class_name": "Flatten", "config": {"name": "flatten"}}]
    layers += [{"class_name": "Dense", "config": {"units": 1, "activation": one}} for one in activations]
    config = layers if listed else {"name": "sequential", "layers": layers}
    return json.dumps({"class_name": "Sequential", "config": config})


def layer(kind, **config):
    return json.dumps(
        {"config": {"layers": [{"class_name": "Dense", "config": {"activation": "linear"}},
                               {"class_name": kind, "config": config}, {"class_name": "Dense", "config": {}}]}}
    )  # fmt: skip


@pytest.mark.parametrize(
    "description",
    [
        described("relu", "softmax"), described("relu", "linear"), described("relu", None),
        described("relu", "sigmoid"), described("relu", "softmax", listed=True),
        layer("ReLU", max_value=None, negative_slope=0.0),
        layer("Activation", activation="relu"), layer("Lambda"), layer("TFOpLambda", function="nn.relu"),
        json.dumps({"config": {"layers": [json.loads(described("relu"))]}}),
        described("relu"), "", "{", "[]", "3", "[" * 50_000, described(), json.dumps({"config": {"layers": 3}}),
    ],
)  # fmt: skip
def test_relu_and_what_cannot_be_understood_come_in(description, arrays, network):
    assert same(formats.read("x.h5", h5(arrays, LAYOUTS["Keras 2"], description=description))[0], network)
    stored = {"model.weights.h5": h5(arrays, LAYOUTS["Keras 2"]), "config.json": description.encode()}
    assert same(formats.read("x.keras", zipped(stored))[0], network)


def placed(*kinds):
    """Layers, each a Dense by its activation, or ("Lambda", ...) by its class and its activation."""
    pairs = [kind if isinstance(kind, tuple) else ("Dense", kind) for kind in kinds]
    layers = [{"class_name": kind, "config": {"activation": activation}} for kind, activation in pairs]
    return json.dumps({"config": {"layers": layers}})


NONE, SECOND = "no activation between its two layers", "behind its second"


@pytest.mark.parametrize(
    ("description", "found"),
    [
        (described("tanh", "softmax"), f"tanh between its two layers and softmax {SECOND}"),
        (described("sigmoid", "sigmoid", listed=True), f"sigmoid between its two layers and sigmoid {SECOND}"),
        (layer("LeakyReLU", alpha=0.3), "leakyrelu between its two layers"),
        (layer("ReLU", max_value=6.0), "a changed ReLU between its two layers"),
        (layer("Activation", activation="tanh"), "tanh between its two layers"),
        (described("sigmoid", "linear"), "sigmoid between its two layers"),
        (described("softmax", None), "softmax between its two layers"),
        (described("linear", "relu"), f"{NONE} and relu {SECOND}"),
        (described(None, "softmax"), f"{NONE} and softmax {SECOND}"),
        (described("linear", "linear"), NONE),
        (described("relu", "relu"), f"relu between its two layers and relu {SECOND}"),
        (placed(None, None, ("Activation", "relu")), f"{NONE} and relu {SECOND}"),
        (
            placed(("Activation", "relu"), None, "softmax"),
            f"relu before its first layer and {NONE} and softmax {SECOND}",
        ),
        (placed("tanh", ("Lambda", None), "softmax"), f"tanh between its two layers and softmax {SECOND}"),
        (placed(None, ("Lambda", None), "relu"), f"{NONE} and relu {SECOND}"),
        (placed(("Lambda", None), None, "softmax"), f"{NONE} and softmax {SECOND}"),
        (placed(("Conv2D", None), "relu"), f"{NONE} and relu {SECOND}"),
        (placed("relu", "softmax", ("Softmax", None)), f"relu between its two layers and softmax, softmax {SECOND}"),
    ],
)
def test_an_activation_is_named_where_it_is(description, found, arrays):
    sentence = (
        f"The network has {found}, and the lab takes 784-128-10 with ReLU alone: "
        "train it with ReLU between the two and at most a softmax behind them."
    )
    assert refusal(".h5", h5(arrays, LAYOUTS["Keras 2"], description=description)) == sentence
    stored = {"model.weights.h5": h5(arrays, LAYOUTS["Keras 2"]), "config.json": description.encode()}
    assert refusal(".keras", zipped(stored)) == sentence


@pytest.mark.parametrize(
    ("description", "names"),
    [
        (described("relu", "relu", "softmax"), "relu, relu, softmax"),
        (described({"class_name": "Custom<b>", "config": {}}), "custom<b>"),
    ],
)
def test_without_two_layers_the_activations_are_named_in_their_order(description, names, arrays):
    sentence = (
        f"The network's activations are {names}, and the lab takes 784-128-10 with ReLU alone: "
        "train it with ReLU to load it."
    )
    assert refusal(".h5", h5(arrays, LAYOUTS["Keras 2"], description=description)) == sentence


def test_hostile_zips_of_keras_are_refused(arrays):
    weights = h5(arrays, LAYOUTS["Keras 2"])
    assert refusal(".keras", zipped({"config.json": b"{}"})) == (
        "The zip has no model.weights.h5, as a .keras file has: save it with model.save."
    )
    bomb = zipped({"model.weights.h5": weights + bytes(64 * 1024 * 1024)})
    assert refusal(".keras", bomb) == "The weights in a Keras file must have at most 4194304 bytes unpacked."
    assert "not a readable HDF5 file" in refusal(".keras", zipped({"model.weights.h5": b"PK"}))
    whole = zipped({"model.weights.h5": weights})
    assert "not a readable" in refusal(".keras", whole[: len(whole) // 2])
    config = zipped({"model.weights.h5": weights, "config.json": bytes(64 * 1024 * 1024)})
    assert len(formats.read("x.keras", config)) == 2


# ONNX


def graph(nodes, tensors) -> bytes:
    return helper.make_model(helper.make_graph(nodes, "g", [], [], tensors)).SerializeToString()


def products(*between, bias=True):
    """MatMul and Add, as tf2onnx and scikit-learn's converter write layers."""
    nodes = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "a"], ["p"])]
    nodes += [helper.make_node("Add", ["p", "b"], ["q"])]
    nodes += [helper.make_node(operation, ["q"], ["q2"]) for operation in between]
    nodes += [helper.make_node("MatMul", ["q2", "c"], ["r"]), helper.make_node("Add", ["r", "d"], ["s"])]
    return nodes


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_products_with_turned_weights_come_in(dtype, arrays, network):
    given = [array.T.astype(dtype) for array in arrays.values()]
    tensors = [numpy_helper.from_array(array, name) for array, name in zip(given, "abcd", strict=True)]
    loaded, metadata = formats.read("x.onnx", graph(products("Relu"), tensors))
    assert metadata == ({} if dtype == np.float32 else {"converted_from": np.dtype(dtype).name})
    if dtype != np.float16:
        assert same(loaded, network)


def test_constants_in_nodes_and_numbers_in_lists_come_in(arrays, network):
    tensors = [
        helper.make_tensor(name, TensorProto.FLOAT, array.T.shape, array.T.flatten())
        for name, array in zip("abcd", arrays.values(), strict=True)
    ]
    assert not any(tensor.raw_data for tensor in tensors)
    constants = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in tensors]
    for tensor in tensors[:2]:
        tensor.name = ""
    assert same(formats.read("x.onnx", graph(constants + products("Relu"), []))[0], network)


@pytest.mark.parametrize("operation", ["Tanh", "Sigmoid", "LeakyRelu", "Conv", "Gelu", "Custom" * 200, ""])
def test_another_operation_is_named(operation, arrays):
    sentence = refusal(".onnx", onnx(arrays, operation))
    assert sentence.startswith(f"The graph has the operation {operation[:40]}") and "784-128-10 with ReLU" in sentence


@pytest.mark.parametrize("between", [(), ("Relu", "Relu"), ("Identity",)])
def test_relu_must_be_there_once(between, arrays):
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    sentence = "The graph must have Relu once, between its two layers: the lab takes 784-128-10 with ReLU alone."
    assert refusal(".onnx", graph(products(*between), tensors)) == sentence


@pytest.mark.parametrize("factor", ["alpha", "beta"])
def test_a_factor_in_a_layer_is_refused(factor, arrays):
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    nodes = [helper.make_node("Gemm", ["x"], ["y"], **{factor: 2.0})]
    assert f"by a factor ({factor})" in refusal(".onnx", graph(nodes, tensors))


def test_numbers_in_another_file_are_never_looked_for(arrays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    tensors[0].ClearField("raw_data")
    tensors[0].data_location = TensorProto.EXTERNAL
    tensors[0].external_data.add(key="location", value="/etc/passwd")
    sentence = "The tensor 0.weight is in another file: save the network as one ONNX file."
    assert refusal(".onnx", graph(products("Relu"), tensors)) == sentence


def test_onnx_that_lies_is_refused(arrays):
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    tensors[3].dims[0] = 2**40
    assert "lacks the output layer's biases" in refusal(".onnx", graph(products("Relu"), tensors))
    tensors[3].dims[0], tensors[3].raw_data = 10, bytes(39)
    assert "another size than its shape says" in refusal(".onnx", graph(products("Relu"), tensors))
    tensors[3].ClearField("raw_data")
    assert "must have its numbers as raw data" in refusal(".onnx", graph(products("Relu"), tensors))
    tensors[3].name = "2.weight"
    assert refusal(".onnx", graph(products("Relu"), tensors)) == "The file has two tensors of one name."


def test_a_message_of_very_many_fields_is_refused():
    many = b"\x0a\x00" * 2_000_000
    assert "more than 2000 fields" in refusal(".onnx", many)
    size = len(many)
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    assert "more than 2000 fields" in refusal(".onnx", b"\x3a" + length + many)
    assert "not a readable ONNX file: it has no graph" in refusal(".onnx", b"\x08\x01")
    for scrap in (b"\x3a\xff", b"\x3f", b"\xff" * 20, b"\x3a\x05abc", b"\x09abc"):
        assert "not a readable ONNX file" in refusal(".onnx", scrap)


def test_the_wire_format():
    message = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x1d\x00\x00\x80\x3f" + b"\x21" + bytes(8)
    found = {number: value if isinstance(value, int) else bytes(value) for number, value in fields(memoryview(message))}
    assert found == {1: 150, 2: b"hi", 3: b"\x00\x00\x80\x3f", 4: bytes(8)}
    assert varints(memoryview(b"\x01\x96\x01"), 2) == [1, 150]
    with pytest.raises(WireError, match="more than 2 numbers"):
        varints(memoryview(b"\x01\x01\x01"), 2)
    assert list(fields(memoryview(b"\x08" + b"\xff" * 9 + b"\x01"))) == [(1, 2**64 - 1)]


def test_no_truncated_onnx_file_gets_through_and_a_damaged_one_never_ends_in_another_error(network):
    content = formats.write(formats.FORMATS["onnx"], network, {})
    for part in range(100):
        with pytest.raises(CheckpointError):
            formats.read("x.onnx", content[: len(content) * part // 100])
    for place in torch.randint(1024, (100,), generator=torch.Generator().manual_seed(0)).tolist():
        damaged = content[:place] + bytes([content[place] ^ 1 + place % 255]) + content[place + 1 :]
        with contextlib.suppress(CheckpointError):
            formats.read("x.onnx", damaged)
