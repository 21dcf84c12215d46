"""The parameters of a network, or a whole run, in one safetensors file: written atomically, read without unpickling.

Both kinds hold the parameters under the network's own names. A whole run has besides them everything that decides
how it goes on: its config, the optimizer's memory, and where it stands. Numbers and text are JSON in the metadata,
and a SHA-256 digest in the metadata covers names, types, shapes, values and the rest of the metadata.
"""

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as write_tensors
from torch import Tensor

from core import paths
from core.config import RunConfig
from core.files import write_atomically
from core.network import Network

FORMAT_VERSION = 1
SUFFIX = ".safetensors"
#: The parameters take 407,080 bytes; anything much larger is something else.
LARGEST_FILE = 4 * 1024 * 1024
#: L-BFGS with its longest history remembers 200 vectors of that size.
LARGEST_CHECKPOINT = 128 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")


class CheckpointError(ValueError):
    """A file is not what it should be; the message says what is wrong with it."""


@dataclass(frozen=True)
class Checkpoint:
    """A whole run: its config, ``Trainer.state()``, and what else should be known of it (JSON values)."""

    config: RunConfig
    state: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)


def save_parameters(network: Network, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write the parameters, with ``metadata`` (JSON values) and what is needed to read them, to ``path``.

    Raises:
        OSError: if it cannot be written; nothing is left half-written.
    """
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
    write_atomically(path, _pack(tensors, metadata))


def load_parameters(source: Path | bytes) -> tuple[Network, dict[str, Any]]:
    """The network on the CPU, and the metadata, of a file or of its content.

    Raises:
        CheckpointError: naming what is wrong, unless it holds exactly this network's parameters, all finite.
    """
    tensors, metadata = _unpack(source, "parameter file", LARGEST_FILE)
    network = Network()
    expected = network.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        _check_tensor(name, tensors.get(name), expected.get(name))
    network.load_state_dict(tensors)
    return network, metadata


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a whole run to ``path``.

    Raises:
        OSError: if it cannot be written; nothing is left half-written.
    """
    tensors: dict[str, Tensor] = {}
    state = _without_tensors("", checkpoint.state, tensors)
    kept = {"kind": "run", "config": checkpoint.config.to_dict(), "state": state}
    write_atomically(path, _pack(tensors, {**checkpoint.metadata, **kept}))


def load_checkpoint(source: Path | bytes) -> Checkpoint:
    """The whole run of a file or of its content. ``Trainer.restore`` checks that its state is one of its config.

    Raises:
        CheckpointError: naming what is wrong.
    """
    tensors, metadata = _unpack(source, "file of a whole run", LARGEST_CHECKPOINT)
    if metadata.get("kind") != "run":
        raise CheckpointError("This file holds parameters alone, not a whole run.")
    try:
        config = RunConfig.from_dict(metadata.pop("config"))
        state = _with_tensors(metadata.pop("state"), tensors)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"This file does not describe a whole run: {error}") from None
    if not isinstance(state, dict) or tensors:
        raise CheckpointError(f"The file has tensors that belong to nothing: {', '.join(sorted(tensors))}.")
    return Checkpoint(config, state, metadata)


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


def _pack(tensors: dict[str, Tensor], metadata: Mapping[str, Any]) -> bytes:
    described = {
        "format_version": FORMAT_VERSION,
        "architecture": "784-128-10, ReLU, softmax",
        "normalisation": "grey values 0 to 255, ink is 255, divided by 255",
        "torch_version": torch.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **metadata,
    }
    texts = {key: json.dumps(value) for key, value in described.items()}
    return write_tensors(tensors, {**texts, "digest": json.dumps(_digest(tensors, texts))})


def _unpack(source: Path | bytes, kind: str, largest: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the metadata of a file that is no larger than it may be, and undamaged as far as it can tell."""
    content = source if isinstance(source, bytes) else _read(source, largest)
    if len(content) > largest:
        raise CheckpointError(f"A {kind} must have at most {largest} bytes, got {len(content)} bytes.")
    try:
        tensors = read_tensors(content)
        texts = _texts(content)
    except (SafetensorError, ValueError, KeyError, struct.error) as error:
        raise CheckpointError(f"This is not a readable safetensors file: {error}.") from None
    metadata = {key: _json_or_text(text) for key, text in texts.items()}
    digest = metadata.pop("digest", None)
    # Other people's files have no digest; ours have, unless it is damaged itself.
    if (digest or "format_version" in metadata) and digest != _digest(tensors, texts):
        raise CheckpointError("The file is damaged: its content does not fit its digest.")
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> str:
    described = sorted((key, text) for key, text in texts.items() if key != "digest")
    hashed = hashlib.sha256(json.dumps(described).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        hashed.update(tensor.contiguous().numpy().data)
    return hashed.hexdigest()


def _read(path: Path, largest: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(largest + 1)
    except OSError as error:
        raise CheckpointError(f"The file {path} cannot be read: {error.strerror}.") from None


def _texts(content: bytes) -> dict[str, str]:
    """The metadata as they stand in the header."""
    (length,) = struct.unpack_from("<Q", content)
    texts: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__", {})
    return texts


def _without_tensors(name: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    """``value`` with each tensor moved to ``tensors`` and its name left in its place."""
    if isinstance(value, Tensor):
        tensors[name] = value.contiguous()
        return {"tensor": name}
    within = f"{name}." if name else ""
    if isinstance(value, dict):
        return {key: _without_tensors(f"{within}{key}", part, tensors) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_tensors(f"{within}{number}", part, tensors) for number, part in enumerate(value)]
    return value


def _with_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse: each tensor is taken out of ``tensors``."""
    if isinstance(value, dict):
        if value.keys() == {"tensor"}:
            return tensors.pop(value["tensor"])
        return {key: _with_tensors(part, tensors) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_tensors(part, tensors) for part in value]
    return value


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check_tensor(name: str, tensor: Tensor | None, expected: Tensor | None) -> None:
    if expected is None:
        raise CheckpointError(f"The file has a tensor {name}, which this network does not have.")
    if tensor is None:
        raise CheckpointError(f"The file lacks the tensor {name}.")
    if tensor.shape != expected.shape:
        raise CheckpointError(f"The tensor {name} must have shape {tuple(expected.shape)}, got {tuple(tensor.shape)}.")
    if tensor.dtype != expected.dtype:
        raise CheckpointError(f"The tensor {name} must be of type float32, got {str(tensor.dtype)[6:]}.")
    if not tensor.isfinite().all():
        raise CheckpointError(f"The tensor {name} must be finite, but has NaN or infinite values.")
