"""The team's own test set: labelled drawings in one SQLite file, and an archive to move them to another lab."""

import contextlib
import hashlib
import io
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from core.data import CLASSES, PIXELS, Digits
from core.handwriting.photographs import open_picture
from core.handwriting.preprocessing import Bytes, Steps, steps
from core.zips import open_zip, unpacked

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE drawings (
    id TEXT PRIMARY KEY,
    label INTEGER NOT NULL,
    made TEXT NOT NULL,
    owner TEXT NOT NULL,
    picture BLOB NOT NULL
) STRICT;
"""
FORMAT = "descent-lab drawings 1"
INDEX = "drawings.json"
MOST_DRAWINGS = 2_000
LARGEST_SIDE, LARGEST_PICTURE, LARGEST_INDEX, LARGEST_ARCHIVE = 512, 64 * 1024, 512 * 1024, 10 * 1024 * 1024
#: An entry that unpacks to more times its packed size than this is no honest picture or list.
LARGEST_RATIO = 200


class ArchiveError(ValueError):
    """Refusal of an archive of drawings; the message says why. Nothing of it is saved."""


@dataclass(frozen=True)
class Drawing:
    """A labelled drawing.

    Args:
        id: of its content: the same drawing with the same label has the same one, so importing it twice adds nothing.
        label: what it is meant to be, 0 to 9.
        made: when it was kept, UTC, ISO 8601.
        owner: the opaque id of who kept or imported it here, "" for nobody.
        picture: (height, width) uint8, the ink in its box, light on dark.
    """

    id: str
    label: int
    made: str
    owner: str
    picture: Bytes


class Drawings:
    """Drawings in a file, which is created with the first drawing. Any thread may call."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, way: Steps, label: int, owner: str = "") -> str:
        """Save a drawing; return its id. Saving it again changes nothing.

        Raises:
            ValueError: if the label is none, or the set is full.
        """
        left, top, right, bottom = way.box
        picture = Image.fromarray(np.round(way.ink[top:bottom, left:right] * 255).astype(np.uint8))
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
        drawing = _drawing(label, datetime.now(UTC).isoformat(timespec="seconds"), owner, np.asarray(picture))
        self._add([drawing])
        return drawing.id

    def remove(self, drawing_id: str) -> None:
        with self._open() as store:
            store.execute("DELETE FROM drawings WHERE id = ?", (drawing_id,))

    def all(self) -> list[Drawing]:
        """List the drawings, newest first; without those whose picture is damaged."""
        if not self._path.exists():
            return []
        drawings = []
        with self._open() as store:
            rows = store.execute("SELECT id, label, made, owner, picture FROM drawings ORDER BY made DESC, rowid DESC")
            for id, label, made, owner, png in rows:
                with contextlib.suppress(ValueError):
                    drawings.append(Drawing(id, label, made, owner, _pixels(png)))
        return drawings

    def export(self) -> bytes:
        """Make a zip archive with one PNG per drawing and a list of their labels."""
        drawings = self.all()
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            listed = [{"picture": f"{d.id}.png", "label": d.label, "made": d.made} for d in drawings]
            archive.writestr(INDEX, json.dumps({"format": FORMAT, "drawings": listed}, indent=1))
            for drawing in drawings:
                archive.writestr(f"{drawing.id}.png", _png(drawing.picture))
        return stream.getvalue()

    def take_in(self, content: bytes, owner: str = "") -> tuple[int, int]:
        """Save all drawings of an archive, or none; return the counts of new ones and of those already here.

        Names, counts, sizes and ratios are checked before anything is unpacked, and nothing is ever written to disk
        under a name of the archive's.

        Raises:
            ArchiveError: for anything but an archive as ``export`` writes it, or one that would overfill the set.
        """
        drawings = {drawing.id: drawing for drawing in _read_archive(content, owner)}
        try:
            new = self._add(drawings.values())
        except ValueError as error:
            raise ArchiveError(str(error)) from None
        return new, len(drawings) - new

    def _add(self, drawings: Iterable[Drawing]) -> int:
        with self._open() as store:
            before = _count(store)
            store.executemany(
                "INSERT OR IGNORE INTO drawings VALUES (?, ?, ?, ?, ?)",
                [(d.id, d.label, d.made, d.owner, _png(d.picture)) for d in drawings],
            )
            after = _count(store)
            if after > MOST_DRAWINGS:
                raise ValueError(
                    f"The team's test set holds at most {MOST_DRAWINGS} drawings; this would make {after}."
                )
        return after - before

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for one transaction: all of it happens or nothing.

        Raises:
            sqlite3.Error: if the file cannot be used; of a damaged one, with what to do.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            store.execute("BEGIN IMMEDIATE")
            if store.execute("PRAGMA user_version").fetchone()[0] == 0:
                store.execute(SCHEMA)
                store.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            yield store
            store.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            # The low byte is the kind of an error; the others say more of it.
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            remedy = "whoever runs the lab can move this file elsewhere, and a new set begins"
            raise sqlite3.DatabaseError(f"{self._path.name} is damaged ({error}); {remedy}") from None
        finally:
            # What was not committed is undone.
            store.close()


def as_digits(drawings: Iterable[Drawing]) -> Digits:
    """Return the drawings as digits for the network."""
    drawings = list(drawings)
    images = [torch.from_numpy(steps(drawing.picture, paper=0).digit).view(PIXELS) for drawing in drawings]
    labels = torch.tensor([drawing.label for drawing in drawings], dtype=torch.int64)
    return Digits(torch.stack(images) if images else torch.empty(0, PIXELS, dtype=torch.uint8), labels)


def _drawing(label: Any, made: str, owner: str, picture: Bytes) -> Drawing:
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < CLASSES:
        raise ValueError(f"label must be a whole number from 0 to 9, got label = {label!r:.40}.")
    described = f"{label} {picture.shape} ".encode()
    return Drawing(hashlib.sha256(described + picture.tobytes()).hexdigest()[:24], label, made, owner, picture)


def _count(store: sqlite3.Connection) -> int:
    return int(store.execute("SELECT count(*) FROM drawings").fetchone()[0])


def _png(picture: Bytes) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def _pixels(png: bytes) -> Bytes:
    with open_picture(png, ("PNG",)) as image:
        return np.asarray(image)


def _read_archive(content: bytes, owner: str) -> list[Drawing]:
    if len(content) > LARGEST_ARCHIVE:
        raise ArchiveError(f"An archive must have at most {LARGEST_ARCHIVE} bytes, got {len(content)} bytes.")
    try:
        with open_zip(content, MOST_DRAWINGS + 1, _too_many) as archive:
            _check_entries(archive.infolist())
            listed = _read_index(_read(archive, INDEX, LARGEST_INDEX))
            return [_read_drawing(archive, entry, owner) for entry in listed]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, KeyError):
        raise ArchiveError("This is not a readable archive of drawings, or it is damaged.") from None


def _too_many(entries: int) -> ArchiveError:
    return ArchiveError(f"An archive must hold at most {MOST_DRAWINGS} drawings, got {entries - 1}.")


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if INDEX not in names:
        raise ArchiveError(f"An archive of drawings must hold {INDEX}, which this one lacks.")
    if len(set(names)) != len(names):
        raise ArchiveError("An archive must hold each name once, but this one repeats a name.")
    for entry in entries:
        stem = entry.filename.removesuffix(".png")
        if entry.filename != INDEX and not (entry.filename.endswith(".png") and stem.isascii() and stem.isalnum()):
            raise ArchiveError(f"An archive must hold only {INDEX} and NAME.png, got {entry.filename!r:.60}.")
        if entry.file_size > LARGEST_RATIO * max(entry.compress_size, 1):
            raise ArchiveError(f"The entry {entry.filename!r:.60} unpacks to more than {LARGEST_RATIO} times its size.")


def _read(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """Return an entry's bytes; no more than ``largest`` are unpacked, whatever size the archive states."""
    content = unpacked(archive, name, largest + 1)
    if len(content) > largest:
        raise ArchiveError(f"The entry {name!r:.60} must unpack to at most {largest} bytes.")
    return content


def _read_index(text: bytes) -> list[dict[str, Any]]:
    try:
        index = json.loads(text)
    except (ValueError, RecursionError):
        raise ArchiveError(f"{INDEX} must be JSON text.") from None
    if not isinstance(index, dict) or index.get("format") != FORMAT or not isinstance(index.get("drawings"), list):
        raise ArchiveError(f"{INDEX} must say format {FORMAT!r} and list the drawings.")
    listed: list[dict[str, Any]] = index["drawings"]
    if len(listed) > MOST_DRAWINGS:
        raise ArchiveError(f"{INDEX} must list at most {MOST_DRAWINGS} drawings, got {len(listed)}.")
    pictures = set()
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(entry.get("picture"), str):
            raise ArchiveError(f"Each drawing in {INDEX} must name its picture, got {entry!r:.60}.")
        if entry["picture"] in pictures:
            raise ArchiveError(f"{INDEX} must list each picture once, but lists {entry['picture']!r:.60} again.")
        pictures.add(entry["picture"])
    return listed


def _read_drawing(archive: zipfile.ZipFile, entry: dict[str, Any], owner: str) -> Drawing:
    name, label = entry["picture"], entry.get("label")
    content = _read(archive, name, LARGEST_PICTURE)
    try:
        made = datetime.fromisoformat(str(entry.get("made"))).astimezone(UTC).isoformat(timespec="seconds")
        with open_picture(content, ("PNG",)) as image:
            if image.mode != "L" or not max(image.size) <= LARGEST_SIDE:
                raise ArchiveError(
                    f"The picture {name!r:.60} must be grey and at most {LARGEST_SIDE} pixels a side, "
                    f"got {image.mode} with {image.width} x {image.height}."
                )
            picture = np.asarray(image)
        drawing = _drawing(label, made, owner, picture)
        steps(picture, paper=0)
    except ArchiveError:
        raise
    except (OSError, ValueError, OverflowError) as error:
        raise ArchiveError(f"The drawing {name!r:.60} cannot be taken: {str(error)[:200]}") from None
    return drawing
