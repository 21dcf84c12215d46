"""The parameters as NumPy's zip of arrays, read without ``numpy.load``: sizes are checked before it is unpacked."""

import io
import math
import zipfile
from typing import Any

import numpy as np
from torch import Tensor

from core.files import shortened
from core.models import parameters
from core.models.formats.arrays import UNTYPED, to_tensor
from core.models.parameters import CheckpointError
from core.training.network import Network
from core.zips import open_zip, unpacked

#: Most bytes that an array's file may have before its numbers.
LARGEST_HEADER = 1024


def write(network: Network, metadata: dict[str, Any]) -> bytes:
    """Write four arrays, named as the parameters are; the format has no place for metadata."""
    stream = io.BytesIO()
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def read(content: bytes) -> tuple[Network, dict[str, Any]]:
    """Return the network of such a file, compressed or not, whatever its arrays are called.

    Raises:
        CheckpointError: unless it holds exactly the four arrays, finite.
    """
    try:
        with open_zip(content, parameters.MOST_TENSORS, _too_many) as archive:
            tensors = _tensors(archive)
    except CheckpointError:
        raise
    except Exception as error:
        # Damaged bytes make zipfile, zlib and numpy raise whatever they happen to lead to.
        reason = shortened(str(error).rstrip(".")) or type(error).__name__
        raise CheckpointError(f"This is not a readable NPZ file: {reason}.") from None
    network, converted = parameters.assemble(tensors)
    return network, {"converted_from": converted} if converted else {}


def _too_many(arrays: int) -> CheckpointError:
    return CheckpointError(f"The file must have at most {parameters.MOST_TENSORS} arrays, got {arrays}.")


def _tensors(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    """Return the four arrays that the headers of all tell to be the network's."""
    members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    if len(members) < len(archive.infolist()):
        raise CheckpointError("The file has two arrays of one name.")
    headers = {name: _Header(unpacked(archive, member, LARGEST_HEADER)) for name, member in members.items()}
    found = parameters.find({name: (header.shape, header.dtype) for name, header in headers.items()})
    tensors = {}
    for name in found.values():
        member, header = members[name], headers[name]
        most = header.length + header.bytes
        if member.file_size > most:
            raise CheckpointError(
                f"The array {shortened(name)} must unpack to at most {most} bytes, got {member.file_size}."
            )
        tensors[name] = header.numbers(unpacked(archive, member, most + 1)[header.length :])
    return tensors


class _Header:
    """Header of an array's file: shape, order and type of the numbers behind it."""

    def __init__(self, content: bytes) -> None:
        stream = io.BytesIO(content)
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"its arrays are of version {version[0]}.{version[1]}")
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        self.shape, self._fortran, self._dtype = reader(stream)
        # NumPy has no bfloat16: it writes two bytes of no type.
        self.dtype = "bfloat16" if self._dtype == UNTYPED else self._dtype.name
        self.length, self.bytes = stream.tell(), self._dtype.itemsize * math.prod(self.shape)

    def numbers(self, content: bytes) -> Tensor:
        if len(content) != self.bytes:
            raise ValueError("an array has another size than its header says")
        array = np.frombuffer(content, self._dtype).reshape(self.shape, order="F" if self._fortran else "C")
        return to_tensor(array)
