"""The network's parameters among the tensors of a file: shapes say which they are and which way they lie, not names.

Weights may be (outputs, inputs) as PyTorch has them or (inputs, outputs) as Keras has them, an image's 784 pixels may
be 28 x 28, and sides of 1 say nothing. What is looked at is the layout; numbers are read only of the four that fit.
"""

import math
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from core.data import CLASSES, PIXELS
from core.files import shortened
from core.training.network import HIDDEN, Network, parameter_shapes

#: Shape and type of each tensor, by its name in the file.
Layout = Mapping[str, tuple[tuple[int, ...], str]]

#: Types of numbers that are taken; all become the first.
FLOATS = ("float32", "float16", "bfloat16", "float64")
#: A file with more tensors is of another network. Few enough for a sentence on it to be made at once.
MOST_TENSORS = 200
WIDTHS = (PIXELS, HIDDEN, CLASSES)
TAKES = f"the lab takes {PIXELS}-{HIDDEN}-{CLASSES} with ReLU alone"
_SIDE = math.isqrt(PIXELS)
_NAMES = {
    "0.weight": f"the hidden layer's weights, {PIXELS} x {HIDDEN}",
    "0.bias": f"the hidden layer's biases, {HIDDEN}",
    "2.weight": f"the output layer's weights, {HIDDEN} x {CLASSES}",
    "2.bias": f"the output layer's biases, {CLASSES}",
}


class CheckpointError(ValueError):
    """Refusal of a file; the message says what is wrong with it."""


def layout_of(tensors: Mapping[str, Tensor]) -> Layout:
    return {name: (tuple(tensor.shape), str(tensor.dtype)[6:]) for name, tensor in tensors.items()}


def find(layout: Layout) -> dict[str, str]:
    """Return the name in the file of each of the network's parameters.

    Single numbers, an optimizer's tensors, and whole numbers of other shapes (counts, seeds) are passed over.

    Raises:
        CheckpointError: unless there is exactly one tensor of each shape and no other; it says which network the file
            is of, as far as the shapes tell.
    """
    if len(layout) > MOST_TENSORS:
        raise CheckpointError(f"The file must have at most {MOST_TENSORS} tensors, got {len(layout)}: {TAKES}.")
    shapes = {
        name: _plain(shape)
        for name, (shape, _) in layout.items()
        if math.prod(shape) != 1 and not is_of_optimizer(name)
    }
    floats = {name: shape for name, shape in shapes.items() if layout[name][1] in FLOATS}
    found = {}
    for parameter, wanted in parameter_shapes().items():
        fitting = [name for name, shape in floats.items() if shape in (wanted, wanted[::-1])]
        if len(fitting) == 1:
            found[parameter] = fitting[0]
    if len(found) < len(WIDTHS) + 1 or len(floats) > len(found):
        raise CheckpointError(f"{_fault(layout, shapes, floats, found)}.")
    return found


def assemble(tensors: Mapping[str, Tensor]) -> tuple[Network, str]:
    """Make the network of a file's tensors; the other result says which types were converted, "" for none.

    Raises:
        CheckpointError: as ``find``, and for numbers that are not finite in float32.
    """
    found = find(layout_of(tensors))
    parameters = {}
    for parameter, name in found.items():
        wanted, tensor = parameter_shapes()[parameter], tensors[name].to(torch.float32)
        tensor = tensor.reshape(_plain(tuple(tensor.shape)))
        parameters[parameter] = tensor if tensor.shape == wanted else tensor.T
        if not tensor.isfinite().all():
            raise CheckpointError(f"The tensor {shortened(name)} must be finite, but has NaN or infinite values.")
    network = Network()
    network.load_state_dict(parameters)
    types = {str(tensors[name].dtype)[6:] for name in found.values()}
    return network, " and ".join(sorted(types - {FLOATS[0]}))


def is_of_optimizer(name: str) -> bool:
    """Return True for a path or a dotted name with a part such as ``optimizer`` or ``optimizer_weights``."""
    return any(part.startswith("optimizer") for part in re.split(r"[./]", name.lower()))


def _plain(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape without sides of 1, and with 784 for 28 x 28 beside another side."""
    sides = [side for side in shape if side != 1]
    for at in range(len(sides) - 1):
        if len(sides) == 3 and sides[at : at + 2] == [_SIDE, _SIDE]:
            sides[at : at + 2] = [PIXELS]
    return tuple(sides)


def _fault(
    layout: Layout, shapes: Mapping[str, tuple[int, ...]], floats: Mapping[str, tuple[int, ...]], found: dict[str, str]
) -> str:
    """Say why these are not the four tensors."""
    for name, shape in shapes.items():
        dtype = layout[name][1]
        fits = any(shape in (wanted, wanted[::-1]) for wanted in parameter_shapes().values())
        if dtype == "object":
            return (
                f"The array {shortened(name)} holds Python objects, which the lab never opens: save plain arrays, "
                "as np.savez(path, *model.get_weights()) does"
            )
        if name not in floats and fits and not any(floats.get(other) == shape for other in floats):
            return (
                f"The tensor {shortened(name)} must be of type {', '.join(FLOATS[:-1])} or {FLOATS[-1]}, got {dtype}: "
                "save the network before it is quantised"
            )
    for name, shape in floats.items():
        if len(shape) > 2:
            return (
                f"The tensor {shortened(name)} of shape {_sides(shape)} is of a network with other layers, and {TAKES}"
            )
    widths = _widths([floats[name] for name in sorted(floats, key=_natural) if len(floats[name]) == 2])
    shown = "-".join(map(str, widths))
    other = f"The file holds a {shown} network, and {TAKES}: train one of these widths, and it can be loaded"
    # Weights that are there twice are of two networks, biases that are there twice of two layers.
    for parameter, what in sorted(_NAMES.items(), key=lambda item: "bias" in item[0]):
        wanted = parameter_shapes()[parameter]
        fitting = [name for name, shape in floats.items() if shape in (wanted, wanted[::-1])]
        if "bias" in parameter and widths not in ((), WIDTHS):
            return other
        if len(fitting) > 1:
            names = f"{shortened(fitting[0], 40)} and {shortened(fitting[1], 40)}"
            remedy = f"{TAKES}, without further layers" if "bias" in parameter else "save one network alone"
            return f"The file has {len(fitting)} tensors that may be {what}, among them {names}: {remedy}"
    missing = [what for parameter, what in _NAMES.items() if parameter not in found]
    if missing:
        return f"The file lacks {' and '.join(missing)}: {TAKES}, under any names"
    name = next(name for name in floats if name not in found.values())
    shown = f"{shortened(name)} of shape {_sides(floats[name])}"
    return f"The file has a tensor {shown} besides the network's four: {TAKES}, without further layers"


def _widths(matrices: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the layers' widths, in their order, if the matrices make a chain; else nothing."""
    for start in (PIXELS, *(matrices[0][::-1] if len(matrices) > 1 else ())):
        widths, left = [start], list(matrices)
        while fitting := [sides for sides in left if widths[-1] in sides]:
            # A square one leaves the width as it is, so it may always go first.
            inputs, outputs = sides = min(fitting, key=lambda sides: sides[0] != sides[1])
            left.remove(sides)
            widths.append(outputs if inputs == widths[-1] else inputs)
        if not left and len(widths) > 1:
            return tuple(widths)
    return ()


def _natural(name: str) -> list[tuple[int, str]]:
    """Key that sorts ``dense_10`` behind ``dense_9``."""
    return [(int(part[:9]), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name[:200])]


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:6]))
