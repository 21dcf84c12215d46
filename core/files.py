"""Atomic writes, so that a reader finds the old file or the new one, and reads of ordinary files only."""

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

#: Characters of an input that a sentence about it repeats.
LONGEST_REPEATED = 100
#: Characters that control a terminal or turn the direction of text, and halves of characters.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class UnreadableError(ValueError):
    """Refusal of a file that the system would not let be read; another time it may."""


class MissingFileError(UnreadableError):
    """Refusal of a file that was not there when it was opened."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``, on disk when this returns; its folder is made if need be.

    Raises:
        OSError: if it cannot be written; the old file, if any, is then untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        if isinstance(error, OSError):
            # The file that was asked for; nobody knows the other one.
            error.filename, error.filename2 = str(path), None
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Flush a folder: a rename is on disk only when its folder is. Not every system lets a folder be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_ordinary(path: Path, most: int) -> bytes:
    """Return the content of an ordinary file: no link, no folder, no pipe or device, which may never end.

    Raises:
        ValueError: saying what is wrong, if it is anything else or has more than ``most`` bytes.
        UnreadableError: if the system does not let it be read; of these MissingFileError if it is not there.
    """
    shown = shortened(str(path))
    flags = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    try:
        if path.is_symlink():
            raise ValueError(f"The file {shown} must be a file itself, got a link.")
        descriptor = os.open(path, flags)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"The file {shown} must be an ordinary file, got something else.")
            if status.st_size > most:
                raise ValueError(f"The file {shown} must have at most {most} bytes, got {status.st_size} bytes.")
            return file.read(most + 1)
    except OSError as error:
        refusal = MissingFileError if isinstance(error, FileNotFoundError) else UnreadableError
        raise refusal(f"The file {shown} cannot be read: {error.strerror}.") from None


def shortened(text: str, most: int = LONGEST_REPEATED) -> str:
    """Return text from outside for a sentence: printable, and at most ``most`` characters."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in text[:most])
    return shown + ("…" if len(text) > most else "")


def harmless(text: str) -> str:
    """Return text from outside with "�" for every character that controls a terminal, but for tabs and new lines."""
    return _CONTROLS.sub(lambda found: found[0] if found[0] in "\n\t" else "�", text)
