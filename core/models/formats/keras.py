"""Keras' files: its weights in HDF5, alone (``.weights.h5``, ``.h5``) or in a zip (``.keras``). No model loader.

Written is what Keras 3's ``load_weights`` takes; read is what Keras 1, 2 and 3 save, whatever its layers are called.

HDF5 is a file system in a file, read by a C library: links may lead to other files, filters may inflate, and damaged
bytes have crashed it. So a process of its own reads it, with bounded memory, bounded time and no way to open a file.
"""

import hashlib
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from core.files import shortened
from core.models import parameters
from core.models.checkpoints import LARGEST_FILE
from core.models.formats.arrays import UNTYPED, to_tensor
from core.models.formats.h5_reader import DIGEST, REFUSED
from core.models.formats.keras_layers import check_activations
from core.models.parameters import CheckpointError
from core.training.network import SIZES, Network
from core.zips import open_zip, unpacked

#: Shape, type, and the numbers of a dataset that may be one of the network's.
Dataset = tuple[tuple[int, ...], str, Tensor | None]
#: What is read of a ``.keras`` zip, and the most bytes of the description.
WEIGHTS, CONFIG, DESCRIPTION = "model.weights.h5", "config.json", 256 * 1024
#: Most members of such a zip: besides these two, metadata, and what layers keep of their own.
MOST_MEMBERS = 200

#: Where Keras keeps each parameter. It keeps a kernel as (inputs, outputs), PyTorch as (outputs, inputs).
PLACES = {
    "0.weight": "layers/dense/vars/0",
    "0.bias": "layers/dense/vars/1",
    "2.weight": "layers/dense_1/vars/0",
    "2.bias": "layers/dense_1/vars/1",
}
#: A reader computes for at most three seconds; on a busy machine they may take their time.
SECONDS = 30.0
READER = Path(__file__).with_name("h5_reader.py")


def write(network: Network, metadata: dict[str, Any]) -> bytes:
    """Make a file that ``keras.Sequential([Input((784,)), Dense(128, "relu"), Dense(10, "softmax")])`` loads.

    Keras reads no metadata; a digest of the numbers is kept beside them, where Keras does not look.
    """
    import h5py

    stream, digest = io.BytesIO(), hashlib.sha256()
    with h5py.File(stream, "w") as file:
        for name, tensor in network.state_dict().items():
            array = np.ascontiguousarray(tensor.detach().cpu().numpy().T)
            file[PLACES[name]] = array
            digest.update(array.tobytes())
        for layer in ("dense", "dense_1"):
            file[f"layers/{layer}/vars"].attrs["name"] = layer
        file.create_group("vars").attrs["name"] = "sequential"
        file.attrs[DIGEST] = digest.hexdigest()
    return stream.getvalue()


def read(content: bytes) -> tuple[Network, dict[str, Any]]:
    """Return the network of a file from any Keras; optimizers, seeds and layers without parameters are passed over.

    Raises:
        CheckpointError: unless it holds the four arrays, plain, finite, and, where it describes its layers, ReLU.
    """
    description = ""
    if content.startswith(b"PK"):
        description, content = _inner(content)
    datasets, described = _datasets(content)
    layout = {path: (shape, dtype) for path, (shape, dtype, _) in datasets.items()}
    found = set(parameters.find(layout).values())
    network, converted = parameters.assemble(
        {path: tensor for path, (_, _, tensor) in datasets.items() if path in found and tensor is not None}
    )
    check_activations(description or described)
    return network, {"converted_from": converted} if converted else {}


def _too_many(members: int) -> CheckpointError:
    return CheckpointError(f"A Keras file must have at most {MOST_MEMBERS} members, got {members}.")


def _inner(content: bytes) -> tuple[str, bytes]:
    """Return a ``.keras`` file's description of its layers and its weights, each bounded before it is unpacked."""
    try:
        with open_zip(content, MOST_MEMBERS, _too_many) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if WEIGHTS not in members:
                raise CheckpointError(f"The zip has no {WEIGHTS}, as a .keras file has: save it with model.save.")
            weights = unpacked(archive, members[WEIGHTS], LARGEST_FILE + 1)
            config = members.get(CONFIG)
            text = unpacked(archive, config, DESCRIPTION).decode(errors="replace") if config else ""
    except CheckpointError:
        raise
    except Exception as error:
        # Damaged bytes make zipfile and zlib raise whatever they happen to lead to.
        reason = shortened(str(error).rstrip(".")) or type(error).__name__
        raise CheckpointError(f"This is not a readable Keras file: {reason}.") from None
    if len(weights) > LARGEST_FILE:
        raise CheckpointError(f"The weights in a Keras file must have at most {LARGEST_FILE} bytes unpacked.")
    return text, weights


def _datasets(content: bytes) -> tuple[dict[str, Dataset], str]:
    """Return the datasets, shape, type and numbers, by path, and the file's description of its layers.

    Raises:
        CheckpointError: in the reader's own words, or for what it stumbles over.
    """
    try:
        reader = subprocess.run(
            [sys.executable, "-I", str(READER), json.dumps(SIZES)],
            input=content,
            capture_output=True,
            timeout=SECONDS,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise CheckpointError(f"This HDF5 file took more than {SECONDS:g} seconds to read.") from None
    if reader.returncode == REFUSED:
        raise CheckpointError(shortened(reader.stdout.decode(errors="replace"), 400))
    line, _, numbers = reader.stdout.partition(b"\n")
    try:
        if reader.returncode:
            raise ValueError
        answer, datasets = json.loads(line), {}
        for path, shape, dtype, has_numbers in answer["datasets"]:
            tensor = None
            if has_numbers:
                stored = UNTYPED if dtype == "bfloat16" else np.dtype(dtype)
                length = stored.itemsize * math.prod(shape)
                tensor = to_tensor(np.frombuffer(numbers[:length], stored).reshape(shape))
                numbers = numbers[length:]
            datasets[path] = (tuple(shape), dtype, tensor)
    except ValueError:
        raise CheckpointError("This is not a readable HDF5 file: HDF5's own library stumbles over it.") from None
    return datasets, answer["description"]
