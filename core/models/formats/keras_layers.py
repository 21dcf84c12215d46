"""Keras' description of a network's layers, in JSON: read for the activations alone, nothing of it is built."""

import json
from collections.abc import Iterator
from typing import Any

from core.files import shortened
from core.models.metadata import as_dict
from core.models.parameters import TAKES, CheckpointError

#: Activations behind the last layer: the lab gives the logits a softmax of its own.
OUTPUTS = ("softmax", "log_softmax", "sigmoid")
#: Layers that are activations, by their classes' names in lower case.
LAYERS = {"relu", "leakyrelu", "prelu", "elu", "thresholdedrelu", "softmax"}
#: Most layers that are looked at.
MOST_LAYERS = 200


def check_activations(description: str) -> None:
    """Check that the layers have ReLU and then at most a softmax, where the description can be understood.

    Raises:
        CheckpointError: naming the activations.
    """
    try:
        found = [name for layer in _layers(json.loads(description)) if (name := _activation(layer))][:MOST_LAYERS]
    except (ValueError, RecursionError):
        return
    if not found or (found[0] == "relu" and (not found[1:] or (len(found) == 2 and found[1] in OUTPUTS))):
        return
    if found[0] in OUTPUTS and len(found) == 1:
        raise CheckpointError(f"The network has no activation between its two layers, and {TAKES}.")
    names = shortened(", ".join(found), 80)
    raise CheckpointError(f"The network's activations are {names}, and {TAKES}: train it with ReLU to load it.")


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
