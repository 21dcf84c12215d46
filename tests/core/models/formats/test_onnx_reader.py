"""Graphs that compute what the lab's network does, in the ways that exporters write, and graphs that do not."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from core.models import formats
from tests.core.models.formats.conftest import same
from tests.core.models.formats.test_hostile import refusal
from tests.core.models.formats.test_layouts import graph


def chain(*steps):
    """Nodes, each "Operation input ..." makes the value of its place: v0, v1, ..."""
    made = [step.split() for step in steps]
    return [helper.make_node(kind, given, [f"v{place}"]) for place, (kind, *given) in enumerate(made)]


def weighted(nodes, arrays) -> bytes:
    tensors = [numpy_helper.from_array(array.T, name) for array, name in zip(arrays.values(), "abcd", strict=True)]
    numbers = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in (("n", 0.01), ("m", 2.0))]
    return graph(nodes, [*tensors, *numbers])


WAYS = {
    "gemm": ["Gemm x a b", "Relu v0", "Gemm v1 c d"],
    "sums turned": ["MatMul x a", "Add b v0", "Relu v1", "MatMul v2 c", "Add d v3", "LogSoftmax v4"],
    "turned": ["Transpose a", "Transpose x", "MatMul v0 v1", "Add v2 b", "Relu v3", "MatMul c v4", "Add v5 d"],
    "pixels scaled": ["Cast x", "Div v0 m", "Sub v1 n", "Mul v2 m", "Add v3 n", "Gemm v4 a b",
                      "Relu v5", "Gemm v6 c d"],
    "shaped": ["Gemm x a b", "Identity v0", "Relu v1", "Shape v2", "Gather v3 n", "Concat v4 n", "Reshape v2 v5",
               "Dropout v6", "Cast v7", "Gemm v8 c d", "Squeeze v9", "Softmax v10", "ArgMax v11", "Cast v12"],
    "parameters shaped": ["Cast a", "Identity b", "Unsqueeze d", "Transpose c", "Gemm x v0 v1", "Relu v4",
                          "MatMul v5 v3", "Add v6 v2", "Sigmoid v7"],
}  # fmt: skip


@pytest.mark.parametrize("steps", WAYS.values(), ids=WAYS)
def test_every_way_to_compute_the_same_comes_in(steps, arrays, network):
    assert same(formats.read("x.onnx", weighted(chain(*steps), arrays))[0], network)


OTHERS = {
    "Mul": [
        ["Gemm x a b", "Relu v0", "Mul v1 n", "Gemm v2 c d"],
        ["Gemm x a b", "Relu v0", "Gemm v1 c d", "Mul v2 n"],
        ["Mul c n", "Gemm x a b", "Relu v1", "Gemm v2 v0 d"],
        ["MatMul x a", "Mul v0 b", "Relu v1", "MatMul v2 c", "Add v3 d"],
    ],
    "Div": [["MatMul x a", "Div v0 m", "Add v1 b", "Relu v2", "MatMul v3 c", "Add v4 d"]],
    "Sub": [
        ["MatMul x a", "Sub v0 b", "Relu v1", "MatMul v2 c", "Add v3 d"],
        ["MatMul x a", "Add v0 b", "Relu v1", "MatMul v2 c", "Sub v3 d"],
    ],
    "Add": [
        ["Gemm x a b", "Add v0 v0", "Relu v1", "Gemm v2 c d"],
        ["Gemm x a b", "Relu v0", "Add v1 v0", "Gemm v2 c d"],
        ["Gemm x a b", "Relu v0", "Gemm v1 c d", "Add v2 d"],
        ["MatMul x a", "Add v0 n", "Relu v1", "MatMul v2 c", "Add v3 d"],
    ],
    "Relu": [["MatMul x a", "Relu v0", "Add v1 b", "MatMul v2 c", "Add v3 d"], ["Gemm x a", "Relu v0", "Gemm v1 c d"]],
    "Gemm": [["Gemm x a b", "Relu v0", "Gemm v0 c d"], ["Gemm x a n", "Relu v0", "Gemm v1 c d"]],
    "MatMul": [["MatMul x c", "Relu v0", "MatMul v1 a"]],
    "Gather": [["Gemm x a b", "Relu v0", "Gather v1 n", "Gemm v2 c d"]],
}


@pytest.mark.parametrize(("operation", "steps"), [(kind, steps) for kind, each in OTHERS.items() for steps in each])
def test_what_computes_something_else_is_named(operation, steps, arrays):
    assert refusal(".onnx", weighted(chain(*steps), arrays)) == (
        f"The graph has the operation {operation} where the lab's network has none: "
        "the lab takes 784-128-10 with ReLU alone."
    )


@pytest.mark.parametrize("before", ["a", "v1", "v2"])
def test_whole_numbers_between_the_layers_are_refused_and_of_answers_taken(before, arrays, network):
    nodes = chain("Gemm x a b", "Relu v0", "Gemm v1 c d")
    for to, taken in ((TensorProto.DOUBLE, True), (TensorProto.INT64, False), (TensorProto.BOOL, False)):
        cast = helper.make_node("Cast", [before], ["cast"], to=to)
        used = [helper.make_node(n.op_type, ["cast" if i == before else i for i in n.input], n.output) for n in nodes]
        place = {"a": 0, "v1": 2, "v2": 3}[before]
        content = weighted([*used[:place], cast, *used[place:]], arrays)
        if taken:
            assert same(formats.read("x.onnx", content)[0], network)
        else:
            assert refusal(".onnx", content).startswith("The graph has the operation Cast where the lab's network has")
    answers = [*nodes, helper.make_node("ArgMax", ["v2"], ["w"]), helper.make_node("Cast", ["w"], ["z"], to=7)]
    assert same(formats.read("x.onnx", weighted(answers, arrays))[0], network)


@pytest.mark.parametrize("steps", [["Gemm x a b", "Relu v0", "Gemm v1 c"], ["Gemm x n", "Relu v0", "Gemm v1 n"]])
def test_the_tensors_that_are_found_must_be_computed_with(steps, arrays):
    sentence = "The graph must compute with the four tensors that the file has: the lab takes 784-128-10 with ReLU"
    assert refusal(".onnx", weighted(chain(*steps), arrays)) == f"{sentence} alone."
