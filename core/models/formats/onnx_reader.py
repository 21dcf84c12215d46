"""The network of an ONNX file: its graph's operations in order, and the constants that are its four parameters.

The bytes are read here, message by message, by the field numbers of onnx.proto: no model loader, no file beside it,
and no package. Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from core.files import shortened
from core.models import parameters
from core.models.formats.arrays import UNTYPED, to_tensor
from core.models.formats.protobuf import WireError, fields, varints
from core.models.parameters import TAKES, CheckpointError
from core.training.network import Network

#: TensorProto.DataType: what each number means, and where it has the numbers when they are not raw.
TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64",
    16: "bfloat16",
}  # fmt: skip
LISTS = {4: "float32", 10: "float64"}
#: Operations that keep every number of their first input.
KEEPING = frozenset({"Flatten", "Reshape", "Identity", "Cast", "Dropout", "Squeeze", "Unsqueeze", "Transpose"})
#: Those and others that make shapes or move pixels and change each by a constant: what they amount to is found on the
#: test digits.
SHAPING = KEEPING | {"Constant", "Shape", "Gather", "Concat", "Slice", "Sub", "Div", "Mul", "Add"}
OUTPUTS = frozenset({"Softmax", "LogSoftmax", "Sigmoid", "ArgMax"})
PRODUCTS = frozenset({"Gemm", "MatMul"})
#: What the network computes: an operation on what it is given makes what. ``PIXELS`` is all that is made of the input.
PIXELS, LOGITS, ANSWERS = "pixels", "logits", "answers"
STEPS = {
    ("product", frozenset({PIXELS, "0.weight"})): "hidden product",
    ("Add", frozenset({"hidden product", "0.bias"})): "hidden",
    ("Relu", frozenset({"hidden"})): "active",
    ("product", frozenset({"active", "2.weight"})): "output product",
    ("Add", frozenset({"output product", "2.bias"})): LOGITS,
    ("output", frozenset({LOGITS})): ANSWERS,
    ("output", frozenset({ANSWERS})): ANSWERS,
}
#: Sides of a tensor.
MOST_SIDES = 8


@dataclass
class _Constant:
    """TensorProto, its numbers not yet looked at."""

    name: str = ""
    shape: list[int] = field(default_factory=list)
    dtype: str = "of no type"
    numbers: memoryview | None = None
    outside: bool = False

    def tensor(self) -> Tensor:
        shown = shortened(self.name)
        if self.outside:
            raise CheckpointError(f"The tensor {shown} is in another file: save the network as one ONNX file.")
        if self.numbers is None:
            raise CheckpointError(f"The tensor {shown} must have its numbers as raw data, as exporters write them.")
        stored = UNTYPED if self.dtype == "bfloat16" else np.dtype(self.dtype).newbyteorder("<")
        if len(self.numbers) != stored.itemsize * math.prod(self.shape):
            raise CheckpointError(f"The tensor {shown} has another size than its shape says.")
        return to_tensor(np.frombuffer(self.numbers, stored).reshape(self.shape))


@dataclass
class _Node:
    """NodeProto: the operation, the type that it casts to, and the names of the values that it is given and makes."""

    operation: str = ""
    to: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def read(content: bytes) -> tuple[Network, dict[str, Any]]:
    """Return the network of a graph of two layers with ReLU between them.

    Raises:
        CheckpointError: naming what is wrong, or the operation that the lab's network does not have.
    """
    try:
        graph = next((part for part in _parts(memoryview(content), 7)), None)
        if graph is None:
            raise WireError("it has no graph")
        constants, nodes = _graph(graph)
    except WireError as error:
        raise CheckpointError(f"This is not a readable ONNX file: {error}.") from None
    layout = {name: (tuple(constant.shape), constant.dtype) for name, constant in constants.items()}
    found = parameters.find(layout)
    _check([node.operation for node in nodes])
    network, converted = parameters.assemble({name: constants[name].tensor() for name in found.values()})
    _follow(nodes, found)
    return network, {"converted_from": converted} if converted else {}


def _graph(graph: memoryview) -> tuple[dict[str, _Constant], list[_Node]]:
    """Return the constants by name, and the nodes in their order, which ONNX wants to be that of computing."""
    constants, nodes = [], []
    for number, value in fields(graph):
        if number == 5 and isinstance(value, memoryview):
            constants.append(_constant(value))
        elif number == 1 and isinstance(value, memoryview):
            node, made = _node(value)
            nodes.append(node)
            constants += made
    named = {constant.name or f"constant {place}": constant for place, constant in enumerate(constants)}
    if len(named) < len(constants):
        raise CheckpointError("The file has two tensors of one name.")
    return named, nodes


def _node(message: memoryview) -> tuple[_Node, list[_Constant]]:
    """Return a NodeProto, and of a Constant its tensor, which has the name of the value that it is."""
    node, tensors = _Node(), []
    for number, value in fields(message):
        if not isinstance(value, memoryview):
            continue
        if number in (1, 2):
            (node.inputs if number == 1 else node.outputs).append(_text(value))
        elif number == 4:
            node.operation = _text(value)
        elif number == 5:
            name = next((_text(part) for part in _parts(value, 1)), "")
            tensors += [part for part in _parts(value, 5) if name == "value"]
            _check_factor(name, value)
            if name == "to":
                node.to = next(
                    (TYPES.get(kind, "another") for at, kind in fields(value) if at == 3 and isinstance(kind, int)), ""
                )
    constants = [_constant(tensor) for tensor in tensors] if node.operation == "Constant" else []
    for constant in constants:
        constant.name = next(iter(node.outputs), "") or constant.name
    return node, constants


def _check_factor(name: str, attribute: memoryview) -> None:
    """Refuse a Gemm that multiplies its product or its bias by anything but 1."""
    if name in ("alpha", "beta"):
        for number, value in fields(attribute):
            if number == 2 and isinstance(value, memoryview) and bytes(value) != np.float32(1).tobytes():
                raise CheckpointError(f"The graph multiplies a layer by a factor ({name}), and {TAKES}.")


def _constant(tensor: memoryview) -> _Constant:
    made = _Constant()
    for number, value in fields(tensor):
        if number == 1:
            made.shape += [value] if isinstance(value, int) else varints(value, MOST_SIDES)
        elif number == 2 and isinstance(value, int):
            made.dtype = TYPES.get(value, f"number {value}")
        elif number == 8 and isinstance(value, memoryview):
            made.name = _text(value)
        elif isinstance(value, memoryview) and (number == 9 or LISTS.get(number) == made.dtype):
            made.numbers = value
        elif number == 13 or (number == 14 and value != 0):
            made.outside = True
    if len(made.shape) > MOST_SIDES:
        raise WireError(f"a tensor has more than {MOST_SIDES} sides")
    return made


def _check(operations: list[str]) -> None:
    """Check that the operations are two products with ReLU between them."""
    expected, products = [], 0
    for operation in operations:
        products += operation in PRODUCTS
        if operation in PRODUCTS or operation == "Relu":
            expected.append("product" if operation in PRODUCTS else operation)
        elif operation not in SHAPING and not (operation in OUTPUTS and products == 2):
            raise CheckpointError(f"The graph has the operation {shortened(operation, 40)}, and {TAKES}.")
    if expected != ["product", "Relu", "product"]:
        raise CheckpointError(f"The graph must have Relu once, between its two layers: {TAKES}.")


def _follow(nodes: list[_Node], found: dict[str, str]) -> None:
    """Check that the nodes compute what the network does with the parameters found, step by step from the pixels on.

    Raises:
        CheckpointError: naming the first operation that is another step, such as a factor between the layers.
    """
    known = {name: parameter for parameter, name in found.items()}
    for node in nodes:
        given = [known.get(name, PIXELS) for name in node.inputs if name]
        # The shape of a value is none of its numbers.
        if node.operation == "Shape" or set(given) <= {PIXELS}:
            continue
        if node.operation in KEEPING:
            # Whole numbers are others than their fractions; of answers they are what is meant.
            whole = node.to not in ("", *parameters.FLOATS)
            made = None if whole and given[0] != ANSWERS else given[0]
        elif node.operation in PRODUCTS:
            made = STEPS.get(("product", frozenset(given[:2])))
            for bias in given[2:]:
                made = STEPS.get(("Add", frozenset({made or "", bias})))
        else:
            made = STEPS.get(("output" if node.operation in OUTPUTS else node.operation, frozenset(given)))
        if made is None:
            shown = shortened(node.operation, 40)
            raise CheckpointError(f"The graph has the operation {shown} where the lab's network has none: {TAKES}.")
        known |= dict.fromkeys(node.outputs[:1], made)
    if LOGITS not in known.values():
        raise CheckpointError(f"The graph must compute with the four tensors that the file has: {TAKES}.")


def _parts(message: memoryview, wanted: int) -> Iterator[memoryview]:
    for number, value in fields(message):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _text(value: memoryview) -> str:
    return bytes(value[:300]).decode(errors="replace")
