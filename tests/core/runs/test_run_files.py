"""Checkpoints on disk: two generations, damage, and a file limit in place of a full disk."""

import resource
import threading
from contextlib import contextmanager

import pytest
import torch

from core.models.checkpoints import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint, save_parameters
from core.runs import run_files
from core.training.config import RunConfig
from tests.waiting import LIMIT


def checkpoint(step, epoch=0):
    return Checkpoint(RunConfig(), {"step": step, "epoch": epoch, "kept": torch.arange(60_000.0) + step})


@contextmanager
def files_limited_to(size):
    """No file of this process can grow beyond ``size`` bytes: what a full disk does to a writer, for anybody to try."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_newest_and_the_one_before_are_kept(tmp_path):
    for step in (1, 2, 3):
        run_files.save(tmp_path, checkpoint(step))
    assert sorted(path.name for path in tmp_path.iterdir()) == [run_files.PREVIOUS, run_files.CHECKPOINT]
    steps = [load_checkpoint(tmp_path / name).state["step"] for name in (run_files.CHECKPOINT, run_files.PREVIOUS)]
    assert steps == [3, 2]


def test_the_newest_is_loaded_unless_it_is_ahead_of_the_record(tmp_path):
    assert run_files.load(tmp_path, 9, 9) == (None, "")
    for step, epoch in ((10, 1), (20, 2)):
        run_files.save(tmp_path, checkpoint(step, epoch))
    found = {
        recorded: run_files.load(tmp_path, *recorded)[0] for recorded in [(25, 2), (20, 2), (20, 1), (19, 2), (9, 1)]
    }
    assert [found[key] and found[key].state["step"] for key in found] == [20, 20, 10, 10, None]


def test_what_a_run_began_with_is_never_ahead(tmp_path):
    save_checkpoint(tmp_path / run_files.START, checkpoint(40, 2))
    found, told = run_files.load(tmp_path, 0, 0)
    assert found.state["step"] == 40 and told == ""


def test_a_damaged_one_falls_back_and_says_so(tmp_path):
    for step in (10, 20):
        run_files.save(tmp_path, checkpoint(step))
    content = bytearray((tmp_path / run_files.CHECKPOINT).read_bytes())
    content[-1000] ^= 1
    (tmp_path / run_files.CHECKPOINT).write_bytes(content)
    found, told = run_files.load(tmp_path, 30, 0)
    assert found.state["step"] == 10
    assert told == (
        "checkpoint.safetensors could not be used (The file is damaged: its content does not fit its digest); "
        "an earlier one was."
    )
    (tmp_path / run_files.PREVIOUS).write_bytes(b"")
    found, told = run_files.load(tmp_path, 30, 0)
    assert found is None and told.endswith("the run began anew.")


def test_where_the_disk_is_full_the_old_ones_stay_good(tmp_path):
    for step in (10, 20):
        run_files.save(tmp_path, checkpoint(step))
    with files_limited_to(100_000), pytest.raises(OSError, match="too large"):
        run_files.save(tmp_path, checkpoint(30))
    assert sorted(path.name for path in tmp_path.iterdir()) == [run_files.PREVIOUS, run_files.CHECKPOINT]
    assert run_files.load(tmp_path, 30, 0)[0].state["step"] == 20


def test_the_writer_writes_the_latest_and_tells(tmp_path):
    written, troubles = [], []
    writer = run_files.Writer(tmp_path, written.append, troubles.append)
    for step in range(20):
        writer.put(checkpoint(step))
    writer.close()
    assert written[-1] == 19 and written == sorted(written) and troubles == []
    assert load_checkpoint(tmp_path / run_files.CHECKPOINT).state["step"] == 19
    assert not writer.busy


def test_the_writer_survives_a_full_disk_and_says_so(tmp_path):
    troubles, written, told = [], [], threading.Event()

    def note(sentence):
        troubles.append(sentence)
        told.set()

    writer = run_files.Writer(tmp_path, written.append, note)
    with files_limited_to(100_000):
        writer.put(checkpoint(1))
        assert told.wait(LIMIT)
    writer.put(checkpoint(2))
    writer.close()
    assert troubles == ["A checkpoint could not be written: File too large."] and written == [2]


def test_parameters_are_no_checkpoint(tmp_path, trained):
    save_parameters(trained, tmp_path / "p.safetensors", {})
    with pytest.raises(CheckpointError, match=r"^This file holds parameters alone, not a whole run\.$"):
        load_checkpoint(tmp_path / "p.safetensors")
