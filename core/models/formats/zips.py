"""Zip files from outside: their directory and their members are bounded before anything is unpacked."""

import io
import struct
import zipfile

from core.models.parameters import CheckpointError

#: Bytes of the list of members; each takes 46 and its name, and ``zipfile`` reads all of them at once.
LARGEST_DIRECTORY = 64 * 1024
#: The record that ends a zip, the one by which a zip of the 64-bit kind is known, and the longest comment behind them.
_END, _END_64, _LONGEST_COMMENT = b"PK\x05\x06", b"PK\x06\x07", 65_535


def open_zip(content: bytes, kind: str) -> zipfile.ZipFile:
    """Open a zip in memory.

    Args:
        kind: of the file, for a sentence about it.

    Raises:
        CheckpointError: for one whose list of members is too long.
        zipfile.BadZipFile: for what is no zip.
    """
    at = content.rfind(_END, max(0, len(content) - _LONGEST_COMMENT - 22))
    if at >= 0 and len(content) >= at + 16:
        (size,) = struct.unpack_from("<L", content, at + 12)
        if size > LARGEST_DIRECTORY or content[max(0, at - 20) : at].startswith(_END_64):
            raise CheckpointError(
                f"{kind} must list its members in at most {LARGEST_DIRECTORY} bytes: it has too many."
            )
    return zipfile.ZipFile(io.BytesIO(content))


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """Return a member's content, or its first ``most`` bytes; its own size is a claim, which bounds nothing."""
    with archive.open(member) as file:
        return file.read(most)
