import os

import pytest

from core.runs.cluster import frames
from core.runs.cluster.frames import Channel


def test_messages_and_their_files_arrive_as_they_were_sent():
    reader, writer = os.pipe()
    files = frames.seal({"a": b"\x00\n\xff" * 1000, "empty": b""})
    with os.fdopen(writer, "wb") as out:
        channel = Channel(out)
        channel.send({"run": "x", "value": 1.5})
        channel.send({"run": "y\n"}, files)
    with os.fdopen(reader, "rb") as source:
        assert frames.read(source) == ({"run": "x", "value": 1.5}, {})
        message, arrived = frames.read(source)
        assert message == {"run": "y\n"} and arrived == files
        assert frames.read(source) is None
    assert frames.opened("a", arrived["a"]) == b"\x00\n\xff" * 1000


def test_a_message_that_breaks_off_is_none():
    reader, writer = os.pipe()
    os.write(writer, b'{"message": {"run"')
    os.close(writer)
    with os.fdopen(reader, "rb") as source:
        assert frames.read(source) is None


def test_a_file_with_one_other_bit_is_refused():
    content, digest = frames.seal({"checkpoint": b"1234"})["checkpoint"]
    with pytest.raises(ValueError, match=r"^The file checkpoint was damaged on its way between two machines\.$"):
        frames.opened("checkpoint", (content[:-1] + b"5", digest))
