"""The parameters as Keras 3's ``.weights.h5``: four datasets by name, no model loader.

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
import torch

from core.models.checkpoints import CheckpointError, network_from
from core.models.formats.h5_reader import DIGEST, REFUSED
from core.training.network import Network, parameter_shapes

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
    """Return the network of such a file from any writer; optimizer state and layers without parameters are passed over.

    Raises:
        CheckpointError: unless it holds the four datasets, plain, of their shapes, float32, finite.
    """
    shapes = {name: parameter_shapes()[name][::-1] for name in PLACES}
    request = json.dumps({PLACES[name]: shape for name, shape in shapes.items()})
    try:
        reader = subprocess.run(
            [sys.executable, "-I", str(READER), request],
            input=content,
            capture_output=True,
            timeout=SECONDS,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise CheckpointError(f"This HDF5 file took more than {SECONDS:g} seconds to read.") from None
    if reader.returncode == REFUSED:
        raise CheckpointError(reader.stdout.decode())
    if reader.returncode or len(reader.stdout) != 4 * sum(map(math.prod, shapes.values())):
        raise CheckpointError("This is not a readable HDF5 file: HDF5's own library stumbles over it.")
    numbers, tensors = np.frombuffer(reader.stdout, "<f4"), {}
    for name, shape in shapes.items():
        part, numbers = np.split(numbers, [math.prod(shape)])
        tensors[name] = torch.from_numpy(part.reshape(shape).T.copy())
    return network_from(tensors), {}
