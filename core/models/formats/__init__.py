"""Parameters in other formats: one row per format, and the reading of files from outside.

A reader checks names, shapes and types before it reads a number, unpickles nothing,
and says in one sentence what is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from core.files import shortened
from core.models import checkpoints
from core.models.checkpoints import CheckpointError
from core.models.formats import contact_sheet, keras, npz, onnx
from core.training.network import Network

Metadata = dict[str, Any]
Loaded = tuple[Network, Metadata]


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Args:
        label: for a button.
        suffix: how a file's name ends.
        mime: the media type of a download.
        help: what takes it, in one sentence.
        write: the file's content for a network and its metadata.
        read: the inverse, or None; raises CheckpointError, naming what is wrong.
        package: what has to be installed besides the lab's own requirements, as it is imported; "" for nothing.
    """

    label: str
    suffix: str
    mime: str
    help: str
    write: Callable[[Network, Metadata], bytes]
    read: Callable[[bytes], Loaded] | None = None
    package: str = ""

    @property
    def missing(self) -> str:
        """One sentence on the package to install first; "" if nothing is missing."""
        if not self.package or find_spec(self.package):
            return ""
        return f"{self.label} needs the package {self.package}: pip install -r requirements-formats.txt"


FORMATS: dict[str, Format] = {
    "safetensors": Format(
        label="safetensors",
        suffix=".safetensors",
        mime="application/octet-stream",
        help="The lab's own file; PyTorch's load_state_dict takes it.",
        write=checkpoints.pack_parameters,
        read=checkpoints.load_parameters,
    ),
    "onnx": Format(
        label="ONNX",
        suffix=".onnx",
        mime="application/octet-stream",
        help="For onnxruntime and everything else that runs ONNX: images (batch, 784) in, logits (batch, 10) out.",
        write=onnx.write,
        package="onnx",
    ),
    "keras": Format(
        label="Keras weights",
        suffix=".weights.h5",
        mime="application/x-hdf5",
        help="For load_weights of keras.Sequential([Input((784,)), Dense(128, 'relu'), Dense(10, 'softmax')]).",
        write=keras.write,
        read=keras.read,
        package="h5py",
    ),
    "npz": Format(
        label="NumPy",
        suffix=".npz",
        mime="application/zip",
        help="Four arrays for numpy.load.",
        write=npz.write,
        read=npz.read,
    ),
    "png": Format(
        label="Contact sheet",
        suffix=".png",
        mime="image/png",
        help="All weights as one picture.",
        write=contact_sheet.write,
    ),
}

READABLE = tuple(format for format in FORMATS.values() if format.read)


def of_name(name: str, *, readable: bool = False) -> Format:
    """Return the format that a file's name says.

    Raises:
        CheckpointError: if it ends like none, or like none that can be read when ``readable``.
    """
    formats = READABLE if readable else tuple(FORMATS.values())
    for format in formats:
        if name.lower().endswith(format.suffix):
            return format
    suffixes = [format.suffix for format in formats]
    raise CheckpointError(
        f"A file's name must end in {', '.join(suffixes[:-1])} or {suffixes[-1]}, got {shortened(name)}."
    )


def stem(name: str) -> str:
    """Return the name without its format's suffix."""
    return name[: -len(of_name(name).suffix)]


def write(format: Format, network: Network, metadata: Metadata) -> bytes:
    """Return the file's content.

    Raises:
        CheckpointError: saying what to install, if the format needs a package that is not there.
    """
    if format.missing:
        raise CheckpointError(format.missing)
    return format.write(network, metadata)


def read(name: str, content: bytes) -> Loaded:
    """Return the network and the metadata of a parameter file called ``name``.

    Nothing but the end of the name is used. Metadata of other people's files are empty.

    Raises:
        CheckpointError: naming what is wrong, or what to install.
    """
    format = of_name(name, readable=True)
    if len(content) > checkpoints.LARGEST_FILE:
        raise CheckpointError(
            f"A parameter file must have at most {checkpoints.LARGEST_FILE} bytes, got {len(content)} bytes."
        )
    if format.missing:
        raise CheckpointError(format.missing)
    assert format.read is not None
    return format.read(content)
