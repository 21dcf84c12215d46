"""Parameters in other formats: one row per format, and the reading of files from outside.

A reader checks shapes and types before it reads a number, unpickles nothing, and says in one sentence what is wrong
and what to do. ``core.models.parameters`` finds the network's parameters among a file's tensors for all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from core.files import shortened
from core.models import checkpoints
from core.models.checkpoints import CheckpointError
from core.models.formats import contact_sheet, keras, npz, onnx, onnx_reader
from core.models.formats.pickles import refuse_pickle
from core.models.parameters import TAKES
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
        also: further ends of names that are read, of the same format's other kinds.
        package: what has to be installed besides the lab's own requirements, as it is imported; "" for nothing.
        reads_alone: True if only writing needs the package.
    """

    label: str
    suffix: str
    mime: str
    help: str
    write: Callable[[Network, Metadata], bytes]
    read: Callable[[bytes], Loaded] | None = None
    also: tuple[str, ...] = ()
    package: str = ""
    reads_alone: bool = False

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
        read=onnx_reader.read,
        package="onnx",
        reads_alone=True,
    ),
    "keras": Format(
        label="Keras weights",
        suffix=".weights.h5",
        mime="application/x-hdf5",
        help="For load_weights of keras.Sequential([Input((784,)), Dense(128, 'relu'), Dense(10, 'softmax')]).",
        write=keras.write,
        read=keras.read,
        also=(".keras", ".h5", ".hdf5"),
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
        if name.lower().endswith(_suffixes(format, readable)):
            return format
    if readable:
        refuse_pickle(name)
    suffixes = [suffix for format in formats for suffix in _suffixes(format, readable)]
    remedy = ": save the network as one of these" if readable else ""
    raise CheckpointError(
        f"A file's name must end in {', '.join(suffixes[:-1])} or {suffixes[-1]}, got {shortened(name)}{remedy}."
    )


def stem(name: str) -> str:
    """Return the name without its format's suffix."""
    suffixes = [suffix for format in FORMATS.values() for suffix in _suffixes(format, readable=True)]
    return name[: -len(next(suffix for suffix in suffixes if name.lower().endswith(suffix)))]


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

    Nothing but the end of the name is used. Metadata of other people's files are empty, but for ``converted_from``:
    the types of numbers, where they are not float32.

    Raises:
        CheckpointError: naming what is wrong, or what to install.
    """
    format = of_name(name, readable=True)
    if len(content) > checkpoints.LARGEST_FILE:
        raise CheckpointError(
            f"A parameter file must have at most {checkpoints.LARGEST_FILE} bytes, got {len(content)} bytes: {TAKES}, "
            "which takes 407,080."
        )
    if format.missing and not format.reads_alone:
        raise CheckpointError(format.missing)
    assert format.read is not None
    return format.read(content)


def _suffixes(format: Format, readable: bool) -> tuple[str, ...]:
    return (format.suffix, *format.also) if readable else (format.suffix,)
