"""Script that reads an HDF5 file on stdin and writes the datasets that argv[1] asks for, joined, to stdout.

Where the file is not as asked, it ends with the status ``REFUSED`` and one sentence on stdout. It imports nothing of
the lab, so that it starts quickly; ``core.models.formats.keras`` runs it.
"""

import contextlib
import hashlib
import io
import json
import sys
from typing import Any

#: The exit status that goes with a sentence.
REFUSED = 3
#: The attribute that holds the SHA-256 of the datasets' bytes, in a file of the lab's own.
DIGEST = "descent_lab_sha256"
#: Bytes of memory, seconds of computing.
MEMORY, SECONDS = 1024**3, 3


class RefusedError(Exception):
    """Refusal of the file; the message says what is wrong with it."""


def read(content: bytes, shapes: dict[str, list[int]]) -> bytes:
    """Return the numbers of the datasets, joined in the order of ``shapes``, which gives each one's shape.

    Raises:
        RefusedError: for a dataset that is missing, linked, filtered, virtual, or of another shape or type; for another
            layer with parameters; for numbers that do not fit the digest.
    """
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        datasets = [_dataset(h5py, file, path, tuple(shape)) for path, shape in shapes.items()]
        for layer in file["layers"]:
            path = f"layers/{layer}/vars"
            ours = any(place.startswith(f"{path}/") for place in shapes)
            if not ours and len(_follow(h5py, file, path)):
                raise RefusedError(
                    f"The file has parameters of a layer {layer[:80]}, which this network does not have."
                )
        numbers = b"".join(dataset[()].tobytes() for dataset in datasets)
        digest = file.attrs.get(DIGEST)
        if digest is not None and digest != hashlib.sha256(numbers).hexdigest():
            raise RefusedError("The file is damaged: its numbers do not fit its digest.")
    return numbers


def _dataset(h5py: Any, file: Any, path: str, shape: tuple[int, ...]) -> Any:
    dataset = _follow(h5py, file, path)
    if not isinstance(dataset, h5py.Dataset):
        raise RefusedError(f"{path} must be a dataset, got a group.")
    if dataset.is_virtual or dataset.external:
        raise RefusedError(f"The dataset {path} must hold its numbers itself, got one that refers to other files.")
    if dataset.chunks is not None:
        raise RefusedError(f"The dataset {path} must be stored plainly, got one that is chunked or compressed.")
    if dataset.shape != shape:
        raise RefusedError(f"The dataset {path} must have shape {shape}, got {dataset.shape}.")
    if dataset.dtype != "<f4":
        raise RefusedError(f"The dataset {path} must be of type float32, got {dataset.dtype}.")
    return dataset


def _follow(h5py: Any, file: Any, path: str) -> Any:
    """Return the object at a path of hard links, the only links that cannot lead out of the file."""
    place = file
    for step in path.split("/"):
        link = place.get(step, getlink=True) if isinstance(place, h5py.Group) and step in place else None
        if link is None:
            raise RefusedError(f"The file lacks {path}.")
        if not isinstance(link, h5py.HardLink):
            raise RefusedError(f"{path} must be in the file itself, got a link.")
        place = place[step]
    return place


def _bound() -> None:
    """Give up much memory, long computing, writing and opening files, where the system lets a process do so."""
    try:
        import resource
    except ImportError:
        return
    limits = {"RLIMIT_AS": MEMORY, "RLIMIT_CPU": SECONDS, "RLIMIT_NOFILE": 0, "RLIMIT_CORE": 0}
    for name, limit in limits.items():
        # Not every system has all of them.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (limit, limit))


def main() -> int:
    import h5py  # noqa: F401  (while files can still be opened)

    content, shapes = sys.stdin.buffer.read(), json.loads(sys.argv[1])
    _bound()
    try:
        result, status = read(content, shapes), 0
    except RefusedError as refusal:
        result, status = str(refusal).encode(), REFUSED
    except Exception as error:
        # Damaged bytes make h5py raise whatever they happen to lead to.
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
        result, status = f"This is not a readable HDF5 file: {reason}.".encode(), REFUSED
    sys.stdout.buffer.write(result)
    return status


if __name__ == "__main__":
    sys.exit(main())
