"""Protocol buffers' wire format: the fields of one message, without a schema and without a copy of what is inside.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

#: Most fields of one message that are looked at.
MOST_FIELDS = 2_000
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


class WireError(ValueError):
    """Refusal of bytes that are no message."""


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield each field's number and value: a varint as a whole number from 0 to 2^64 - 1, anything else as its bytes.

    Raises:
        WireError: for bytes that are no message, or more than ``MOST_FIELDS`` fields.
    """
    at = 0
    for _ in range(MOST_FIELDS):
        if at == len(message):
            return
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _LENGTH:
            length, at = _varint(message, at)
        elif kind in (_EIGHT, _FOUR):
            length = 8 if kind == _EIGHT else 4
        else:
            raise WireError(f"it has a field of the unknown kind {kind}")
        if length > len(message) - at:
            raise WireError("it ends too early")
        yield number, message[at : at + length]
        at += length
    if at < len(message):
        raise WireError(f"a part of it has more than {MOST_FIELDS} fields")


def varints(packed: memoryview, most: int) -> list[int]:
    """Return the numbers of a packed list.

    Raises:
        WireError: for more than ``most``.
    """
    numbers: list[int] = []
    at = 0
    while at < len(packed):
        if len(numbers) == most:
            raise WireError(f"a list has more than {most} numbers")
        number, at = _varint(packed, at)
        numbers.append(number)
    return numbers


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that starts at ``at`` and the place behind it."""
    number = 0
    for shift in range(0, 64, 7):
        if at >= len(message):
            raise WireError("it ends too early")
        number |= (message[at] & 0x7F) << shift
        at += 1
        if not message[at - 1] & 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, at
    raise WireError("it has a number of more than 64 bits")
