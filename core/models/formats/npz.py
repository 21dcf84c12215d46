"""The parameters as NumPy's zip of arrays, read without ``numpy.load``: sizes are checked before it is unpacked."""

import io
import math
import zipfile
from typing import Any

import numpy as np
import torch

from core.files import shortened
from core.models.checkpoints import CheckpointError, check_layout, check_names, network_from
from core.training.network import Network, parameter_shapes

#: What an array's file may have besides its numbers, and bytes of the whole: the numbers take 407,080.
LARGEST_HEADER, LARGEST_FILE = 1024, 512 * 1024


def write(network: Network, metadata: dict[str, Any]) -> bytes:
    """Write four arrays, named as the parameters are; the format has no place for metadata."""
    stream = io.BytesIO()
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def read(content: bytes) -> tuple[Network, dict[str, Any]]:
    """Return the network of such a file, compressed or not.

    Raises:
        CheckpointError: unless it holds exactly the four arrays, finite.
    """
    if len(content) > LARGEST_FILE:
        raise CheckpointError(f"An NPZ file must have at most {LARGEST_FILE} bytes, got {len(content)} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            arrays = _arrays(archive)
    except CheckpointError:
        raise
    except Exception as error:
        # Damaged bytes make zipfile, zlib and numpy raise whatever they happen to lead to.
        reason = shortened(str(error).rstrip(".")) or type(error).__name__
        raise CheckpointError(f"This is not a readable NPZ file: {reason}.") from None
    return network_from({name: torch.from_numpy(array) for name, array in arrays.items()}), {}


def _arrays(archive: zipfile.ZipFile) -> dict[str, np.ndarray[Any, Any]]:
    members = archive.infolist()
    names = [member.filename.removesuffix(".npy") for member in members]
    if len(set(names)) < len(names):
        raise CheckpointError("The file has two arrays of one name.")
    check_names(names)
    arrays = {}
    for name, member in zip(names, members, strict=True):
        most = 4 * math.prod(parameter_shapes()[name]) + LARGEST_HEADER
        if member.file_size > most:
            raise CheckpointError(f"The array {name} must unpack to at most {most} bytes, got {member.file_size}.")
        # The size is a claim; without a bound of its own, all that is packed would be unpacked at once.
        with archive.open(member) as file:
            arrays[name] = _Array(file.read(most))
    check_layout({name: (array.shape, array.dtype) for name, array in arrays.items()})
    return {name: array.numbers() for name, array in arrays.items()}


class _Array:
    """An array file: its header read, its numbers not yet looked at."""

    def __init__(self, content: bytes) -> None:
        stream = io.BytesIO(content)
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"its arrays are of version {version[0]}.{version[1]}")
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        self.shape, self._fortran, dtype = reader(stream)
        self.dtype = "float32" if dtype == np.dtype("<f4") else dtype.name if dtype.isnative else dtype.str
        self._bytes = content[stream.tell() :]

    def numbers(self) -> np.ndarray[Any, Any]:
        if len(self._bytes) != 4 * math.prod(self.shape):
            raise ValueError("an array has another size than its header says")
        return np.frombuffer(self._bytes, "<f4").reshape(self.shape, order="F" if self._fortran else "C").copy()
