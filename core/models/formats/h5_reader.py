"""Script that reads an HDF5 file on stdin: a line of JSON on its datasets to stdout, then the numbers of some of them.

argv[1] is a JSON list: of every dataset of floats with one of these sizes, the numbers are wanted. Where the file is
not as asked, it ends with the status ``REFUSED`` and one sentence on stdout. It imports nothing of the lab, so that it
starts quickly; ``core.models.formats.keras`` runs it.
"""

import codecs
import contextlib
import hashlib
import io
import json
import math
import sys
from typing import Any

#: The exit status that goes with a sentence.
REFUSED = 3
#: The attribute that holds the SHA-256 of the datasets' bytes, in a file of the lab's own.
DIGEST = "descent_lab_sha256"
#: The attribute that holds Keras 1's and 2's description of the network, and the most characters read of it.
DESCRIPTION, LONGEST_DESCRIPTION = "model_config", 256 * 1024
#: Links that are followed, groups within groups, characters of a path, and bytes of numbers in all.
MOST_LINKS, DEEPEST, LONGEST_PATH, MOST_BYTES = 2_000, 12, 300, 4 * 1024 * 1024
#: Bytes of memory, seconds of computing.
MEMORY, SECONDS = 1024**3, 3


class RefusedError(Exception):
    """Refusal of the file; the message says what is wrong with it."""


def read(content: bytes, sizes: list[int]) -> bytes:
    """Return a line of JSON and the numbers.

    The line has ``datasets``, a list of ``[path, shape, type, has numbers]`` sorted by path, and ``description``, the
    text of Keras' own. The numbers are those of the datasets that have some, joined, in the machine's byte order.

    Raises:
        RefusedError: for links, too much of anything, a dataset that does not hold its numbers plainly itself, and
            numbers that do not fit the digest.
    """
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        described, numbers = [], []
        for path, dataset in sorted(_datasets(h5py, file).items()):
            shape = dataset.shape
            dtype = _type(dataset)
            wanted = dtype.startswith(("float", "bfloat")) and math.prod(shape) in sizes
            described.append((path, shape, dtype, wanted))
            if wanted:
                numbers.append(_numbers(path, dataset))
                if sum(map(len, numbers)) > MOST_BYTES:
                    raise RefusedError(f"The file has more than {MOST_BYTES} bytes of weights, more than one network.")
        joined, digest = b"".join(numbers), file.attrs.get(DIGEST)
        if digest is not None and digest != hashlib.sha256(joined).hexdigest():
            raise RefusedError("The file is damaged: its numbers do not fit its digest.")
        description = file.attrs.get(DESCRIPTION, "")
    text = description.decode(errors="replace") if isinstance(description, bytes) else str(description)
    line = json.dumps({"datasets": described, "description": text[:LONGEST_DESCRIPTION]})
    return line.encode() + b"\n" + joined


def _datasets(h5py: Any, file: Any) -> dict[str, Any]:
    """Return all datasets outside of optimizers by path; hard links alone cannot lead out of the file."""
    found, seen, links = {}, set(), 0
    groups = [("", file, 0)]
    while groups:
        within, group, depth = groups.pop()
        for name in group:
            links += 1
            path = f"{within}/{name}".lstrip("/")
            if links > MOST_LINKS or depth > DEEPEST or len(path) > LONGEST_PATH:
                raise RefusedError("The file has more groups and datasets than any network of this size.")
            if name.startswith("optimizer"):
                continue
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise RefusedError(f"{path[:80]} must be in the file itself, got a link.")
            place = group[name]
            address = h5py.h5o.get_info(place.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(place, h5py.Group):
                groups.append((path, place, depth + 1))
            elif isinstance(place, h5py.Dataset) and place.shape is not None:
                found[path] = place
    return found


def _type(dataset: Any) -> str:
    """Return the type's name, in whatever byte order; Keras keeps bfloat16 as two bytes of no type."""
    untyped = dataset.dtype.kind == "V" and dataset.dtype.itemsize == 2 and not dataset.dtype.fields
    return "bfloat16" if untyped else str(dataset.dtype.name)


def _numbers(path: str, dataset: Any) -> bytes:
    if dataset.is_virtual or dataset.external:
        raise RefusedError(f"The dataset {path[:80]} must hold its numbers itself, got one that refers to other files.")
    if dataset.chunks is not None:
        raise RefusedError(f"The dataset {path[:80]} must be stored plainly, got one that is chunked or compressed.")
    array = dataset[()]
    return bytes(array.astype(array.dtype.newbyteorder("=")).tobytes())


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
    # While files can still be opened; h5py looks the codec up when it reads an attribute.
    import h5py  # noqa: F401

    codecs.lookup("ascii")

    content, sizes = sys.stdin.buffer.read(), json.loads(sys.argv[1])
    _bound()
    try:
        result, status = read(content, sizes), 0
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
