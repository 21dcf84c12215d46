"""The parameters of a network in one safetensors file, written atomically, read without unpickling."""

import json
import re
import struct
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as write_tensors

from core import paths
from core.files import shortened, write_atomically
from core.network import SHAPES, Network

FORMAT_VERSION = 1
SUFFIX = ".safetensors"
#: The parameters take 407,080 bytes; anything much larger is something else.
LARGEST_FILE = 4 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")


class CheckpointError(ValueError):
    """A file is not the parameters of this network; the message says what is wrong with it."""


def save_parameters(network: Network, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write the parameters, with ``metadata`` (JSON values) and what is needed to read them, to ``path``.

    Raises:
        OSError: if it cannot be written; nothing is left half-written.
    """
    write_atomically(path, pack_parameters(network, metadata))


def pack_parameters(network: Network, metadata: Mapping[str, Any]) -> bytes:
    """The content of a parameter file."""
    described = {
        "format_version": FORMAT_VERSION,
        "architecture": "784-128-10, ReLU, softmax",
        "normalisation": "grey values 0 to 255, ink is 255, divided by 255",
        "torch_version": torch.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **metadata,
    }
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
    return write_tensors(tensors, {key: json.dumps(value) for key, value in described.items()})


def load_parameters(source: Path | bytes) -> tuple[Network, dict[str, Any]]:
    """The network on the CPU, and the metadata, of a file or of its content.

    Raises:
        CheckpointError: naming what is wrong, unless it holds exactly this network's parameters, all finite.
    """
    content = source if isinstance(source, bytes) else _read(source)
    if len(content) > LARGEST_FILE:
        raise CheckpointError(f"A parameter file must have at most {LARGEST_FILE} bytes, got {len(content)} bytes.")
    try:
        tensors = read_tensors(content)
        metadata = _metadata(content)
    except (SafetensorError, ValueError, KeyError, struct.error) as error:
        raise CheckpointError(f"This is not a readable safetensors file: {error}.") from None
    return network_from(tensors), metadata


def network_from(tensors: Mapping[str, torch.Tensor]) -> Network:
    """The network with these parameters.

    Raises:
        CheckpointError: naming what is wrong, unless they are exactly this network's parameters, all finite.
    """
    check_layout({name: (tuple(tensor.shape), str(tensor.dtype)[6:]) for name, tensor in tensors.items()})
    for name in SHAPES:
        if not tensors[name].isfinite().all():
            raise CheckpointError(f"The tensor {name} must be finite, but has NaN or infinite values.")
    network = Network()
    network.load_state_dict(dict(tensors))
    return network


def check_names(names: Collection[str]) -> None:
    """Raises CheckpointError, naming the first that is missing or too many, unless they are this network's."""
    for name in sorted(SHAPES.keys() | set(names)):
        if name not in SHAPES:
            raise CheckpointError(f"The file has a tensor {shortened(name)}, which this network does not have.")
        if name not in names:
            raise CheckpointError(f"The file lacks the tensor {name}.")


def check_layout(found: Mapping[str, tuple[tuple[int, ...], str]]) -> None:
    """Check each tensor's name, shape and type, before its numbers are read.

    Raises:
        CheckpointError: naming the first that is not as in this network.
    """
    check_names(found)
    for name, (shape, dtype) in found.items():
        if shape != SHAPES[name]:
            raise CheckpointError(f"The tensor {name} must have shape {SHAPES[name]}, got {shape}.")
        if dtype != "float32":
            raise CheckpointError(f"The tensor {name} must be of type float32, got {dtype}.")


def trained_loss(metadata: Mapping[str, Any]) -> str:
    """The loss that the parameters were trained with, as far as the metadata say: the one to compare them by."""
    config = metadata.get("config")
    return "mse" if isinstance(config, dict) and config.get("loss") == "mse" else "cross_entropy"


def list_models() -> list[Path]:
    """The saved models, in the order of their names."""
    return sorted(paths.models().glob(f"*{SUFFIX}"), key=lambda path: path.name.lower())


def save_model(parameters: Path, name: str) -> Path:
    """Keep a run's parameter file in the models folder, as ``name``.

    Raises:
        ValueError: if the name will not do or is taken.
        CheckpointError: if ``parameters`` is not a parameter file.
    """
    name = name.strip().removesuffix(SUFFIX)
    if not _NAME.fullmatch(name):
        raise ValueError(
            "name must be 1 to 64 letters, digits, spaces, dots, hyphens or underscores "
            f"and begin with a letter or a digit, got name = {name}."
        )
    path = paths.models() / f"{name}{SUFFIX}"
    if path.exists():
        raise ValueError(f"name must be one that no saved model has, got name = {name}.")
    network, metadata = load_parameters(parameters)
    save_parameters(network, path, {**metadata, "name": name})
    return path


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise CheckpointError(f"The file {path} cannot be read: {error.strerror}.") from None


def _metadata(content: bytes) -> dict[str, Any]:
    """What ``save_parameters`` described; other people's text stays text."""
    (length,) = struct.unpack_from("<Q", content)
    texts = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return {key: _json_or_text(text) for key, text in texts.items()}


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
