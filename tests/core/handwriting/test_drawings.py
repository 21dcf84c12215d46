import io
import json
import sqlite3
import struct
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.handwriting import drawings as module
from core.handwriting.drawings import FORMAT, INDEX, ArchiveError, Drawings, as_digits
from core.handwriting.preprocessing import steps
from tests.core.handwriting.test_photographs import header


def way(offset=0):
    picture = np.zeros((280, 280), dtype=np.uint8)
    picture[40:240, 100 + offset : 130 + offset] = 255
    picture[40:70, 60:130] = 200
    return steps(picture, paper=0)


def png(size=(20, 30), mode="L"):
    stream = io.BytesIO()
    picture = Image.new(mode, size)
    picture.paste(Image.new(mode, (3, 8), "white"), (5, 5))
    picture.save(stream, "PNG")
    return stream.getvalue()


def archive(entries, index=None, compression=zipfile.ZIP_DEFLATED):
    """A zip of ``entries``, name to bytes, listing its pictures as sevens unless an index is given."""
    stream = io.BytesIO()
    if index is None:
        made = "2026-01-02T03:04:05+00:00"
        index = {"format": FORMAT, "drawings": [{"picture": n, "label": 7, "made": made} for n in entries]}
    with zipfile.ZipFile(stream, "w", compression) as zipped:
        zipped.writestr(INDEX, index if isinstance(index, str) else json.dumps(index))
        for name, content in entries.items():
            zipped.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def drawings(tmp_path):
    return Drawings(tmp_path / "lab" / "drawings.sqlite")


def test_nothing_is_kept_at_first_and_looking_makes_no_file(drawings, tmp_path):
    assert drawings.all() == []
    assert list(tmp_path.iterdir()) == []


def test_a_kept_drawing_is_seen_as_it_was_drawn(drawings):
    drawings.keep(way(), 7, owner="me")
    (kept,) = drawings.all()
    digits = as_digits([kept])
    assert (kept.label, kept.owner) == (7, "me") and digits.labels.tolist() == [7]
    assert np.array_equal(digits.images[0].view(28, 28).numpy(), way().digit)


def test_the_same_drawing_is_kept_once_for_each_label(drawings):
    first = drawings.keep(way(), 7)
    assert drawings.keep(way(), 7) == first
    assert drawings.keep(way(), 1) != first
    assert len(drawings.all()) == 2
    drawings.remove(first)
    assert [kept.label for kept in drawings.all()] == [1]
    drawings.remove("unknown")


@pytest.mark.parametrize("label", [-1, 10, 3.0, "3", True, None])
def test_a_label_is_a_digit(drawings, label):
    with pytest.raises(ValueError, match="label must be a whole number from 0 to 9, got label = "):
        drawings.keep(way(), label)
    assert drawings.all() == []


def test_the_set_is_bounded(drawings, monkeypatch):
    monkeypatch.setattr(module, "MOST_DRAWINGS", 2)
    for label in (0, 1):
        drawings.keep(way(), label)
    with pytest.raises(ValueError, match="at most 2 drawings; this would make 3"):
        drawings.keep(way(), 2)
    assert len(drawings.all()) == 2


def test_many_threads_keep_at_once(drawings):
    threads = [threading.Thread(target=drawings.keep, args=(way(i), i % 10)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawings.all()) == 12


def test_export_and_import_carry_all_to_another_lab(drawings, tmp_path):
    for label in range(5):
        drawings.keep(way(label), label)
    other = Drawings(tmp_path / "other.sqlite")
    other.keep(way(0), 0)
    assert other.take_in(drawings.export(), owner="you") == (4, 1)
    assert sorted(d.owner for d in other.all()) == ["", "you", "you", "you", "you"]
    carried = {(d.id, d.label, d.picture.tobytes()) for d in other.all()}
    assert carried == {(d.id, d.label, d.picture.tobytes()) for d in drawings.all()}
    assert other.take_in(drawings.export()) == (0, 5)
    assert Drawings(tmp_path / "empty.sqlite").take_in(Drawings(tmp_path / "none.sqlite").export()) == (0, 0)


def made_up(**entry):
    return {"format": FORMAT, "drawings": [{"picture": "a.png", "label": 7, "made": "2026-01-02", **entry}]}


def listing(*pictures):
    return {"format": FORMAT, "drawings": [made_up(picture=picture)["drawings"][0] for picture in pictures]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable archive"),
        (b"PK\x03\x04 and no more", "not a readable archive"),
        (archive({"a.png": png()})[:-40], "not a readable archive"),
        (archive({"../a.png": png()}), "must hold only drawings.json and NAME.png"),
        (archive({"/etc/passwd": b"x"}), "must hold only"),
        (archive({"a.txt": b"x"}), "must hold only"),
        (archive({"a.png": b"\0" * 1_000_000}), "unpacks to more than 200 times"),
        (archive({"a.png": bytes(70_000)}, compression=zipfile.ZIP_STORED), "must unpack to at most 65536 bytes"),
        (archive({"a.png": b"no picture"}), "'a.png' cannot be taken"),
        (archive({"a.png": png((600, 20))}), "at most 512 pixels a side, got L with 600 x 20"),
        (archive({"a.png": png(mode="RGB")}), "must be grey"),
        (archive({"a.png": header(10_000)}), "at most 40000000 pixels, got one with far more"),
        (archive({"a.png": header(20_000)}), "at most 40000000 pixels, got one with far more"),
        (archive({"a.png": png()}, made_up(label=11)), "label must be a whole number from 0 to 9, got label = 11"),
        (archive({"a.png": png()}, made_up(label="7")), "label must be"),
        (archive({"a.png": png()}, made_up(made="yesterday")), "cannot be taken"),
        (archive({"a.png": png()}, made_up(picture=["a"])), "must name its picture"),
        (archive({"a.png": png()}, made_up(picture="b.png")), "not a readable archive"),
        (archive({"a.png": png()}, listing("a.png", "a.png")), "must list each picture once, but lists 'a.png' again"),
        (archive({}, listing(*map(str, range(2001)))), "must list at most 2000 drawings, got 2001"),
        (archive({}, "{"), "must be JSON"),
        (archive({}, "[" * 100_000), "must be JSON|times its size"),
        (archive({}, "[]"), "must say format"),
        (archive({}, {"format": "another", "drawings": []}), "must say format"),
    ],
)
def test_a_bad_archive_gets_a_sentence_and_leaves_nothing(drawings, content, message):
    drawings.keep(way(), 3)
    with pytest.raises(ArchiveError, match=message):
        drawings.take_in(content)
    assert [kept.label for kept in drawings.all()] == [3]


def test_all_or_nothing(drawings):
    listed = [{"picture": name, "label": label, "made": "2026-01-02"} for name, label in (("a.png", 1), ("b.png", 12))]
    with pytest.raises(ArchiveError):
        drawings.take_in(archive({"a.png": png(), "b.png": png()}, {"format": FORMAT, "drawings": listed}))
    assert drawings.all() == []


def test_an_archive_that_lies_about_a_size_is_not_believed(drawings):
    """The directory says 100 bytes, the entry unpacks to a million."""
    content = bytearray(archive({"a.png": bytes(1_000_000)}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.rindex(signature)
        content[at + place : at + place + 4] = struct.pack("<I", 100)
    with pytest.raises(ArchiveError):
        drawings.take_in(bytes(content))


def test_too_many_too_large_and_repeated_names_are_refused(drawings, monkeypatch):
    monkeypatch.setattr(module, "MOST_DRAWINGS", 1)
    with pytest.raises(ArchiveError, match="at most 1 drawings, got 2"):
        drawings.take_in(archive({"a.png": png(), "b.png": png()}))
    monkeypatch.setattr(module, "LARGEST_ARCHIVE", 100)
    with pytest.raises(ArchiveError, match="at most 100 bytes"):
        drawings.take_in(archive({"a.png": png()}))
    monkeypatch.undo()
    stream = io.BytesIO(archive({"a.png": png()}))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(stream, "a") as zipped:
        zipped.writestr("a.png", png())
    with pytest.raises(ArchiveError, match="repeats a name"):
        drawings.take_in(stream.getvalue())


def test_a_blank_picture_is_no_drawing(drawings):
    stream = io.BytesIO()
    Image.new("L", (20, 20)).save(stream, "PNG")
    with pytest.raises(ArchiveError, match="nothing stands out"):
        drawings.take_in(archive({"a.png": stream.getvalue()}))


def damage(path, kind):
    """Damage a file of drawings as a disk or a person may."""
    content = path.read_bytes()
    if kind == "cut off":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "overwritten":
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    else:
        path.write_bytes(b"no database at all" * 1000)


@pytest.mark.parametrize("kind", ["cut off", "overwritten", "another file"])
def test_a_damaged_file_gets_a_sentence_and_stays_as_it_is(drawings, tmp_path, kind):
    for offset in range(5):
        drawings.keep(way(offset), 7)
    path = tmp_path / "lab" / "drawings.sqlite"
    damage(path, kind)
    before = path.read_bytes()
    sentence = r"^drawings\.sqlite is damaged \(.+\); whoever runs the lab can move this file elsewhere, and a new set "
    for action in (drawings.all, drawings.export, lambda: drawings.keep(way(9), 1), lambda: drawings.remove("x")):
        with pytest.raises(sqlite3.DatabaseError, match=sentence):
            action()
    assert path.read_bytes() == before


def test_a_damaged_picture_hides_no_other(drawings, tmp_path):
    first, second = drawings.keep(way(), 1), drawings.keep(way(5), 2)
    store = sqlite3.connect(tmp_path / "lab" / "drawings.sqlite")
    store.execute("UPDATE drawings SET picture = substr(picture, 1, 60) WHERE id = ?", (first,))
    store.commit()
    store.close()
    assert [drawing.id for drawing in drawings.all()] == [second]
