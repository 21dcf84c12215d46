"""Runs that have been in the bin for long leave it, and what that may fail of."""

import sqlite3
import threading

import pytest

from core.runs import states
from core.runs.archive import BIN_SECONDS, Archive
from core.runs.record import Record
from core.runs.store import Store
from core.training.config import RunConfig


@pytest.fixture
def archive(tmp_path, monkeypatch):
    store = Store(tmp_path / "lab.sqlite")
    monkeypatch.setattr("core.runs.archive.time.time", lambda: 10 * BIN_SECONDS)
    for run_id, deleted in (("old", 8.9 * BIN_SECONDS), ("new", 9.1 * BIN_SECONDS), ("kept", None)):
        store.add(run_id, RunConfig(), 0.0, states.FINISHED, deleted=deleted)
    yield Archive(store, Record(store), tmp_path / "files", threading.RLock(), dict)
    store.close()


def binned(archive):
    return {run.id for run in archive.runs(-1, deleted=True)}


def test_what_has_been_there_for_long_leaves_as_another_run_comes(archive):
    archive.delete(["kept"])
    assert binned(archive) == {"new", "kept"}


def test_a_full_disk_fails_nothing_that_nobody_asked_for(archive, monkeypatch):
    def refuse(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Store, "remove", refuse)
    # As where the lab starts.
    archive.purge_old()
    archive.delete(["kept"])
    assert binned(archive) == {"old", "new", "kept"}
