"""Messages with files: on a pipe, each is one line of JSON and then the bytes of its files."""

import hashlib
import json
import threading
from collections.abc import Mapping
from typing import IO, Any

Message = dict[str, Any]
#: By name: content, and its SHA-256 as taken where the file was read.
Files = dict[str, tuple[bytes, str]]


def seal(contents: Mapping[str, bytes]) -> Files:
    """Return files with their digests."""
    return {name: (content, hashlib.sha256(content).hexdigest()) for name, content in contents.items()}


def opened(name: str, file: tuple[bytes, str]) -> bytes:
    """Return a file's content.

    Raises:
        ValueError: if it is not the content that was sent.
    """
    content, digest = file
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"The file {name} was damaged on its way between two machines.")
    return content


class Channel:
    """The writing end of a pipe, for any thread."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._lock = out, threading.Lock()

    def send(self, message: Message, files: Files | None = None) -> None:
        """Write one message.

        Raises:
            OSError, ValueError: if nobody reads any more.
        """
        files = files or {}
        sizes = [(name, len(content), digest) for name, (content, digest) in files.items()]
        line = json.dumps({"message": message, "files": sizes}, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._out.write(line + b"".join(content for content, _ in files.values()))
            self._out.flush()


def read(source: IO[bytes]) -> tuple[Message, Files] | None:
    """Read the next message of a pipe; None at its end."""
    if not (line := source.readline()).endswith(b"\n"):
        return None
    frame = json.loads(line)
    files = {name: (source.read(size), digest) for name, size, digest in frame["files"]}
    return frame["message"], files
