"""Files of parameters and of whole runs, in safetensors: written atomically, read without unpickling.

Both kinds hold the parameters under the network's own names. A whole run has besides them everything that decides
how it goes on: its config, the optimizer's state, and its place in the run. Numbers and text are JSON in the metadata,
and a SHA-256 digest in the metadata covers names, types, shapes, values and the rest of the metadata.
"""

import hashlib
import io
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as write_tensors
from torch import Tensor

from core import data, devices, paths
from core.files import shortened, write_atomically
from core.hyperparameters import InvalidValue
from core.models import parameters
from core.models.metadata import as_dict

# Those who call this module know the error from here.
from core.models.parameters import CheckpointError as CheckpointError
from core.training import early_stopping
from core.training import state as run_state
from core.training.config import RunConfig, same_rates
from core.training.network import Network, parameter_shapes

#: Files of version 1 have no digest.
FORMAT_VERSION = 2
SUFFIX = ".safetensors"
LONGEST_NAME = 64
#: No slash, no dot in front: a name never leads out of its folder, and hidden files are no models.
MODEL_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9 _.-]{{0,{LONGEST_NAME - 1}}}")
#: The parameters take 407,080 bytes; anything much larger is something else.
LARGEST_FILE = 4 * 1024 * 1024
#: L-BFGS with its longest history remembers 200 vectors of that size.
LARGEST_CHECKPOINT = 128 * 1024 * 1024


@dataclass(frozen=True)
class Checkpoint:
    """A whole run: its config, ``Trainer.state()``, and further metadata (JSON values)."""

    config: RunConfig
    state: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)

    def continued(self, epochs: int | None = None) -> RunConfig:
        """Return the settings with which the run goes on: the rule of the page and of ``train --resume``.

        A run that stopped early goes on without patience, which would end it at once again; a device that this
        machine does not have is replaced by ``auto``.

        Args:
            epochs: of the run in all, those that are over among them; the config's unless given.

        Raises:
            ValueError: if the state is not one of the config.
            InvalidValue: if that leaves nothing to train.
        """
        run_state.check(self.state, self.config)
        config, done = self.config, run_state.fewest_epochs(self.config, self.state["step"]) - 1
        stopped_early = early_stopping.out_of_patience(config, self.state["history"])
        if epochs is None and stopped_early:
            where = f"after {done} of its {config.epochs} epochs (patience = {config.patience})"
            raise InvalidValue("epochs", f"be given to go on from a run that stopped early, {where}", "")
        epochs = config.epochs if epochs is None else epochs
        if epochs <= done:
            raise InvalidValue("epochs", f"be more than the {done} that the file's run has been through", epochs)
        return replace(
            config,
            epochs=epochs,
            patience=0 if stopped_early else config.patience,
            device=config.device if config.device == "auto" or devices.is_available(config.device) else "auto",
        )

    def changes(self, config: RunConfig, environment: dict[str, Any]) -> str:
        """Return, in words, what keeps the run that goes on from being this one bit for bit; "" for nothing.

        Args:
            config: of ``continued``, or this one's own.
            environment: of the process that trains it, as ``devices.environment`` returns it.
        """
        lengths = ""
        if not same_rates(self.config, config, self.state["step"]):
            lengths = f"epochs were {self.config.epochs} and are {config.epochs}, "
            lengths += f"and {config.schedule_spec.label} sets other rates for another length"
        machine = devices.changes(as_dict(self.metadata.get("environment")) or None, environment)
        return ", ".join(filter(None, (lengths, machine)))


def save_parameters(network: Network, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write the parameters, with ``metadata`` (JSON values) and what is needed to read them, to ``path``.

    Raises:
        OSError: if it cannot be written; nothing is left half-written.
    """
    write_atomically(path, pack_parameters(network, metadata))


def pack_parameters(network: Network, metadata: Mapping[str, Any]) -> bytes:
    """Return the bytes of a parameter file."""
    tensors = {
        name: tensor.cpu().clone(memory_format=torch.contiguous_format) for name, tensor in network.state_dict().items()
    }
    return _pack(tensors, metadata)


def load_parameters(source: Path | bytes) -> tuple[Network, dict[str, Any]]:
    """Return the network on the CPU and the metadata of a file or of its content; of a whole run, its parameters alone.

    Of parameters in other types of numbers than float32, the metadata's ``converted_from`` says which.

    Raises:
        CheckpointError: naming what is wrong, unless it holds exactly this network's parameters, all finite.
    """
    if not is_run(source):
        tensors, metadata = _unpack(source, "parameter file", LARGEST_FILE)
        network, converted = parameters.assemble(tensors)
        metadata.pop("converted_from", None)
        return network, {**metadata, "converted_from": converted} if converted else metadata
    checkpoint = load_checkpoint(source)
    return network_of(checkpoint), {**checkpoint.metadata, "config": checkpoint.config.to_dict()}


def network_of(checkpoint: Checkpoint) -> Network:
    """Make the network of a whole run.

    Raises:
        CheckpointError: naming what is wrong, unless they are exactly this network's parameters, under its own names,
            all float32 and finite.
    """
    network = Network()
    for name, shape in parameter_shapes().items():
        tensor = checkpoint.state.get(name)
        if not isinstance(tensor, Tensor):
            raise CheckpointError(f"The file lacks the tensor {name}.")
        if tensor.shape != shape:
            raise CheckpointError(f"The tensor {name} must have shape {shape}, got {tuple(tensor.shape)}.")
        if tensor.dtype != torch.float32:
            raise CheckpointError(f"The tensor {name} must be of type float32, got {str(tensor.dtype)[6:]}.")
        if not tensor.isfinite().all():
            raise CheckpointError(f"The tensor {name} must be finite, but has NaN or infinite values.")
    network.load_state_dict({name: checkpoint.state[name] for name in parameter_shapes()})
    return network


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a whole run to ``path``.

    Raises:
        OSError: if it cannot be written; nothing is left half-written.
    """
    tensors: dict[str, Tensor] = {}
    state = _without_tensors("", checkpoint.state, tensors)
    header = {"kind": "run", "config": checkpoint.config.to_dict(), "state": state}
    write_atomically(path, _pack(tensors, {**checkpoint.metadata, **header}))


def is_run(source: Path | bytes) -> bool:
    """Return True if the file says that it is of a whole run; only its header is read."""
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            return bool(_texts(file.read(min(length, LARGEST_FILE))).get("kind") == json.dumps("run"))
    except (OSError, ValueError, AttributeError, RecursionError, struct.error):
        return False


def load_checkpoint(source: Path | bytes) -> Checkpoint:
    """Return the whole run of a file or of its content. ``Trainer.restore`` checks that its state fits its config.

    Raises:
        CheckpointError: naming what is wrong.
    """
    tensors, metadata = _unpack(source, "file of a whole run", LARGEST_CHECKPOINT)
    if metadata.get("kind") != "run":
        raise CheckpointError("This file holds parameters alone, not a whole run.")
    try:
        config = RunConfig.from_dict(metadata.pop("config"))
        state = _with_tensors(metadata.pop("state"), tensors)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"This file does not describe a whole run: {shortened(str(error), 300)}") from None
    if not isinstance(state, dict) or tensors:
        raise CheckpointError(f"The file has tensors that belong to nothing: {shortened(', '.join(sorted(tensors)))}.")
    return Checkpoint(config, state, metadata)


def trained_loss(metadata: Mapping[str, Any]) -> str:
    """Return the loss that the parameters were trained with, as far as the metadata say."""
    config = metadata.get("config")
    return "mse" if isinstance(config, dict) and config.get("loss") == "mse" else "cross_entropy"


def list_models(folder: Path | None = None) -> list[Path]:
    """List the models' files in the order of their names; without ``folder``, of the lab's own folder."""
    files = (folder or paths.models()).glob(f"*{SUFFIX}")
    return sorted((path for path in files if MODEL_NAME.fullmatch(path.stem)), key=lambda path: path.stem.lower())


def _pack(tensors: dict[str, Tensor], metadata: Mapping[str, Any]) -> bytes:
    described = {
        "format_version": FORMAT_VERSION,
        "architecture": "784-128-10, ReLU, softmax",
        "normalisation": "grey values 0 to 255, ink is 255, divided by 255",
        "dataset": {"name": "MNIST", "sha256": {name: digest for name, (digest, _) in data.FILES.items()}},
        "torch_version": torch.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **metadata,
    }
    texts = {key: json.dumps(value) for key, value in described.items()}
    return write_tensors(tensors, {**texts, "digest": json.dumps(_digest(tensors, texts))})


def _unpack(source: Path | bytes, kind: str, largest: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and metadata of a file, after checking its size, format version and digest."""
    content = source if isinstance(source, bytes) else _read(source, largest)
    if len(content) > largest:
        raise CheckpointError(f"A {kind} must have at most {largest} bytes, got {len(content)} bytes.")
    try:
        tensors = read_tensors(content)
        (length,) = struct.unpack_from("<Q", content)
        texts = _texts(content[8 : 8 + length])
    except (SafetensorError, ValueError, KeyError, RecursionError, struct.error) as error:
        raise CheckpointError(f"This is not a readable safetensors file: {shortened(str(error), 300)}.") from None
    metadata = {key: _json_or_text(text) for key, text in texts.items()}
    digest = metadata.pop("digest", None)
    # Other people's files have no digest; ours have, unless it is damaged itself.
    if (digest or metadata.get("format_version", 1) != 1) and digest != _digest(tensors, texts):
        raise CheckpointError("The file is damaged: its content does not fit its digest.")
    return tensors, metadata


def _digest(tensors: Mapping[str, Tensor], texts: Mapping[str, str]) -> str:
    described = sorted((key, text) for key, text in texts.items() if key != "digest")
    hashed = hashlib.sha256(json.dumps(described).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # As bytes: NumPy has not all of torch's types.
        hashed.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return hashed.hexdigest()


def _read(path: Path, largest: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(largest + 1)
    except OSError as error:
        raise CheckpointError(f"The file {path} cannot be read: {error.strerror}.") from None


def _texts(header: bytes) -> dict[str, str]:
    """Return the metadata's texts as the header has them.

    Raises:
        ValueError: if it is no JSON, or has a key twice, of which another reader might take the other.
    """
    texts: dict[str, str] = json.loads(header, object_pairs_hook=_once).get("__metadata__", {})
    return texts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f"it has the key {shortened(twice)} twice")
    return values


def _without_tensors(name: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return ``value`` with each tensor moved to ``tensors`` and its name left in its place."""
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
    """Invert ``_without_tensors``: move each tensor out of ``tensors`` to its place."""
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
    except (ValueError, RecursionError):
        return text
