import pytest

from core.files import harmless, write_atomically

#: Letters and pictures that a character joins or parts, and a blank that does not break.
JOINED = "क्\u200dष نمی\u200cشود 👩\u200d🔬 12\u00a0km ü"


def test_writes_a_new_file_and_its_folder(tmp_path):
    path = tmp_path / "new" / "file"
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.files.os.fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_refusal_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(IsADirectoryError) as refusal:
        write_atomically(tmp_path, b"content")
    assert refusal.value.filename == str(tmp_path) and refusal.value.filename2 is None
    assert list(tmp_path.parent.glob(".*.tmp")) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x07\x9b2J\r\x00\x7f", "a�[31mred��2J���"),
        ("one\n\ttwo", "one\n\ttwo"),
        ("\u202egnp.exe\u2069\u2028\ud800", "�gnp.exe���"),
        (JOINED, JOINED),
    ],
)
def test_what_controls_a_terminal_is_replaced(text, shown):
    assert harmless(text) == shown
