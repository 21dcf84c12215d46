"""Keras' description of a network's layers, in JSON: read for the activations alone, nothing of it is built."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from core.files import shortened
from core.models.metadata import as_dict
from core.models.parameters import TAKES, CheckpointError

#: Activations behind the last layer: the lab gives the logits a softmax of its own.
OUTPUTS = ("softmax", "log_softmax", "sigmoid")
#: Layers that are activations, by their classes' names in lower case.
LAYERS = {"relu", "leakyrelu", "prelu", "elu", "thresholdedrelu", "softmax"}
#: Where an activation may be in a description of two layers of weights.
BETWEEN = "between its two layers"
PLACES = ("before its first layer", BETWEEN, "behind its second")
#: Most layers that are looked at.
MOST_LAYERS = 200


def check_activations(description: str) -> None:
    """Check that ReLU is between the two layers and at most a softmax behind them, as far as it can be understood.

    Raises:
        CheckpointError: naming the activations and where they are.
    """
    try:
        places, opaque = _places(json.loads(description))
    except (ValueError, RecursionError):
        return
    found = [name for place in places for name in place]
    two = len(places) == len(PLACES)
    if not two and not found:
        return
    # Without two layers of weights in the description, the order of the activations is all that it tells.
    before, between, behind = places if two else ([], found[:1], found[1:])
    bent = between == ["relu"] or (opaque and not between)
    if bent and not before and (not behind or (len(behind) == 1 and behind[0] in OUTPUTS)):
        return
    if not two:
        names = shortened(", ".join(found), 80)
        raise CheckpointError(f"The network's activations are {names}, and {TAKES}: train it with ReLU to load it.")
    named = [(place, shortened(", ".join(names), 40)) for place, names in zip(PLACES, places, strict=True)]
    shown = " and ".join(f"{names or 'no activation'} {place}" for place, names in named if names or place == BETWEEN)
    raise CheckpointError(
        f"The network has {shown}, and {TAKES}: train it with ReLU between the two and at most a softmax behind them."
    )


def _places(model: Any) -> tuple[list[list[str]], bool]:
    """Return the activations' names before the first layer of weights and behind each, as a list of lists.

    The other result is True if a function that the description does not show is behind the first and not the second.
    """
    places: list[list[str]] = [[]]
    opaque = False
    for layer in islice(_layers(model), MOST_LAYERS):
        kind = str(layer.get("class_name", "")).lower()
        if "dense" in kind or kind.startswith("conv"):
            places.append([])
        # Such as TFOpLambda, by which Keras 2 keeps ``tf.nn.relu(x)``.
        opaque |= "lambda" in kind and len(places) == 2
        if name := _activation(layer):
            places[-1].append(name)
    return places, opaque


def _layers(model: Any) -> Iterator[dict[str, Any]]:
    """Yield the layers in their order, those of models within a model among them."""
    config = as_dict(model).get("config")
    # Keras 1 and early Keras 2 have a list of layers in place of the settings.
    layers = config if isinstance(config, list) else as_dict(config).get("layers")
    if not isinstance(layers, list):
        yield as_dict(model)
        return
    for layer in layers[:MOST_LAYERS]:
        yield from _layers(layer)


def _activation(layer: dict[str, Any]) -> str:
    """Return the name of the layer's activation in lower case; "" for none."""
    config, kind = as_dict(layer.get("config")), str(layer.get("class_name", "")).lower()
    if kind in LAYERS:
        bent = any(config.get(name) for name in ("max_value", "negative_slope", "threshold", "alpha"))
        return "a changed ReLU" if kind == "relu" and bent else kind
    activation = config.get("activation")
    name = activation if isinstance(activation, str) else as_dict(as_dict(activation).get("config")).get("name")
    if name is None and isinstance(activation, dict):
        name = activation.get("class_name")
    return "" if name in (None, "linear") else str(name).lower()
