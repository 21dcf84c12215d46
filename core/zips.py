"""Zip files from outside: their members are counted and bounded before anything is listed or unpacked."""

import io
import zipfile
from collections.abc import Callable

#: How each entry of a zip's list of members begins.
_ENTRY = b"PK\x01\x02"


def open_zip(content: bytes, most: int, refuse: Callable[[int], ValueError]) -> zipfile.ZipFile:
    """Open a zip in memory.

    Args:
        most: members that it may have.
        refuse: returns what is raised for one of more members, given their number.

    Raises:
        ValueError: made by ``refuse``.
        zipfile.BadZipFile: for what is no zip.
    """
    # ``zipfile`` lists all members at once, wherever it finds the list; what stands at the file's end is a claim.
    if (members := content.count(_ENTRY)) > most:
        raise refuse(members)
    return zipfile.ZipFile(io.BytesIO(content))


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo | str, most: int) -> bytes:
    """Return a member's content, or its first ``most`` bytes; its own size is a claim, which bounds nothing."""
    with archive.open(member) as file:
        return file.read(most)
